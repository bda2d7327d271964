"""What the account holds, as the host knows it from the venue and the ledger."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from traders.contract.base import Fraction, Frozen, Millis, Money
from traders.contract.decision import PairPlan, Side


class PairLeg(Frozen):
    """One open leg. `quantity` is positive, in base units."""

    leg_id: str
    venue: str
    symbol: str
    side: Side
    quantity: Money
    entry_price: Money


class OpenPair(Frozen):
    """A pair that is not flat: USDT; `net_delta` signed, of gross; `cycle_pnl` of pair margin, after costs."""

    pair_id: str
    decision_id: str
    kind: Literal["gamma", "spread", "funding", "directional"]
    symbol: str
    opened_at: Millis
    entry_price: Money
    legs: tuple[PairLeg, ...]
    pair_margin: Money
    leverage: int
    plan: PairPlan
    bands_hit: Annotated[int, Field(ge=0)] = 0
    net_delta: Fraction
    cycle_pnl: Fraction
    atr_ratio_entry: Fraction | None = None
    atr_entry: Fraction | None = None
    entered_on_funding: bool = False
    funding_rate_entry: Fraction | None = None
    protected: bool = True


class PastDecision(Frozen):
    """What became of an earlier decision on the symbol. `net` USDT after costs of the pair it opened, once flat.

    `times`: how often the same came in a row, `at` being the newest.
    """

    at: Millis
    action: str
    outcome: str
    refused_by: tuple[str, ...] = ()
    executed: str
    net: Money | None = None
    ended_by: str | None = None
    times: Annotated[int, Field(ge=1)] = 1


class Portfolio(Frozen):
    """Account totals in USDT, the open pairs, and the last decisions on the symbol (newest first)."""

    equity: Money
    equity_high: Money
    day_start_equity: Money
    cash: Money
    trades_24h: Annotated[int, Field(ge=0)]
    directional_margin: Money
    pairs: tuple[OpenPair, ...] = ()
    memory: tuple[PastDecision, ...] = ()

    @model_serializer(mode="wrap")
    def _without_what_was_never_said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A portfolio recorded before memories existed is written, and hashed, as it was read."""
        document: dict[str, Any] = write(self)
        if "memory" not in self.model_fields_set:
            document.pop("memory", None)
        return document
