"""What a moving price meets, in the order it meets it: liquidations, resting orders, conditional orders."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from orchestrator.paper_exchange.account import Position
from orchestrator.paper_exchange.rows import Row, rises_to

Kind = Literal["liquidation", "resting", "conditional"]
#: At one price: a liquidation takes what a stop would have sold too late.
_RANK = {"liquidation": 0, "resting": 1, "conditional": 2}


@dataclass(frozen=True)
class Trigger:
    """Something that acts when the price rises (or falls) to `price`; `strict`: it has to go beyond."""

    kind: Kind
    price: Decimal
    rising: bool
    what: Position | Row
    strict: bool = False

    def reached(self, at: Decimal) -> bool:
        """Whether a price of `at` sets it off."""
        if at == self.price:
            return not self.strict
        return (at > self.price) == self.rising


def triggers(symbol: str, positions: list[Position], orders: list[Row], algos: list[Row]) -> list[Trigger]:
    """Everything open in a symbol that waits for a price."""
    found: list[Trigger] = []
    for position in positions:
        price = position.liquidation()
        if position.symbol == symbol and price is not None:
            found.append(Trigger("liquidation", price, position.quantity < 0, position))
    for row in orders:
        if row["symbol"] == symbol:
            found.append(Trigger("resting", Decimal(row["price"]), row["side"] == "SELL", row, strict=True))
    for row in algos:
        if row["symbol"] == symbol:
            found.append(Trigger("conditional", Decimal(row["triggerPrice"]), rises_to(row), row))
    return found


def first_met(waiting: list[Trigger], here: Decimal, to: Decimal) -> tuple[Trigger, Decimal] | None:
    """The first of them on the straight way from `here` to `to`, and the price at which it acts.

    What is reached already where the way begins (a gap) acts there.
    """
    met = []
    for number, trigger in enumerate(waiting):
        if trigger.reached(here):
            met.append((Decimal(0), _RANK[trigger.kind], number, trigger, here))
        elif trigger.reached(to):
            met.append((abs(trigger.price - here), _RANK[trigger.kind], number, trigger, trigger.price))
    if not met:
        return None
    _, _, _, trigger, price = min(met, key=lambda item: item[:3])
    return trigger, price


def quiet_band(waiting: list[Trigger]) -> tuple[Decimal, Decimal]:
    """(low, high): while the price stays strictly between them nothing acts."""
    falling = [trigger.price for trigger in waiting if not trigger.rising]
    rising = [trigger.price for trigger in waiting if trigger.rising]
    return max(falling, default=Decimal("-Infinity")), min(rising, default=Decimal("Infinity"))
