"""What the account holds, as the host knows it from the venue and the ledger."""

from typing import Annotated, Literal

from pydantic import Field

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


class Portfolio(Frozen):
    """Account totals in USDT and the open pairs."""

    equity: Money
    equity_high: Money
    day_start_equity: Money
    cash: Money
    trades_24h: Annotated[int, Field(ge=0)]
    directional_margin: Money
    pairs: tuple[OpenPair, ...] = ()
