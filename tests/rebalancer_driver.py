"""Drives the rebalancer with marks and fills every close order at the mark, the way the golden vectors are stated."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from orchestrator.rebalancer.events import CloseLeg, Command, Event, Filled, Tick
from orchestrator.rebalancer.state import Holding, PairState, Rules
from orchestrator.rebalancer.step import step
from traders.contract.decision import Band

COST = Decimal("0.0005")
LADDER = (("0.02", "losing", "0.5"), ("0.04", "both", "1"))


def make_rules(bands: tuple[tuple[str, str, str], ...] = LADDER, **changes: Any) -> Rules:
    """The default plan with stop and target out of the way unless a test asks for them."""
    values: dict[str, Any] = {
        "bands": tuple(Band(move=Decimal(m), leg=leg, fraction=Decimal(f)) for m, leg, f in bands),  # type: ignore[arg-type]
        "reversal_rule": "opposite_band",
        "stop": Decimal("0.99"),
        "target": Decimal("0.99"),
        "breakeven_at": Decimal("0.98"),
        "trailing_distance": None,
        "deadline": 10**12,
        "collapse_level": None,
        "funding_adverse_exit": Decimal("0.0003"),
        "net_delta_max": Decimal("0.35"),
        "imbalance_grace_ms": 5000,
        "cost": COST,
        "reopen": False,
        **changes,
    }
    return Rules(**values)


def make_state(
    quantity: Decimal = Decimal(50_000) / 120,
    entry: Decimal = Decimal(120),
    step_size: Decimal = Decimal("1e-12"),
    pair_margin: Decimal = Decimal(20_000),
    rules: Rules | None = None,
) -> PairState:
    """Two equal legs just opened at `entry`, their taker fees paid."""
    leg = Holding(opened=quantity, left=quantity, average=entry)
    return PairState(
        pair_id="pair",
        rules=rules or make_rules(),
        step=step_size,
        pair_margin=pair_margin,
        entry=entry,
        long=leg,
        short=leg,
        fees=2 * quantity * entry * COST,
    )


@dataclass
class Driver:
    """A pair with a market that fills at the mark."""

    state: PairState
    at: int = 0
    commands: list[Command] = field(default_factory=list)

    def event(self, event: Event, price: Decimal) -> None:
        """Send one event and fill what it asks for at `price`, until nothing is asked."""
        self.state, commands = step(self.state, event)
        self.commands += commands
        for command in commands:
            if isinstance(command, CloseLeg):
                fee = command.quantity * price * COST
                fill = Filled(at=self.at, side=command.side, quantity=command.quantity, price=price, fee=fee)
                self.event(fill, price)

    def mark(self, price: str | Decimal) -> None:
        """One tick, a second later."""
        self.at += 1000
        self.event(Tick(at=self.at, mark=Decimal(price)), Decimal(price))

    @property
    def reasons(self) -> list[str]:
        """Why orders were sent, in order, without repeats in a row."""
        found: list[str] = []
        for command in self.commands:
            if isinstance(command, CloseLeg) and (not found or found[-1] != command.reason):
                found.append(command.reason)
        return found
