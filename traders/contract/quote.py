"""The fresh prices and rules of the venue a verdict rests on, and the switches thrown by people."""

from typing import Annotated, Literal

from pydantic import Field

from traders.contract.base import Fraction, Frozen, Millis, Money

Level = tuple[Money, Money]


class Contract(Frozen):
    """The venue's steps and minima of one perpetual (base units, quote prices)."""

    price_tick: Money
    quantity_step: Money
    min_quantity: Money
    max_quantity: Money
    market_quantity_step: Money
    market_min_quantity: Money
    market_max_quantity: Money
    min_notional: Money
    # fractions of mark: a conditional order waits while last is further away; the most a market order may take
    trigger_protect: Fraction | None = None
    market_take_bound: Fraction | None = None
    # multiples of mark between which a limit price must lie (1.05 and 0.95)
    price_band_up: Fraction | None = None
    price_band_down: Fraction | None = None


class MarginTier(Frozen):
    """One leverage bracket: notional in USDT, maintenance rate as a fraction, amount in USDT."""

    notional_floor: Money
    notional_cap: Money
    max_leverage: int
    maintenance_margin_rate: Fraction
    maintenance_amount: Money


class LegQuote(Frozen):
    """One perpetual now. Levels are (price, quantity), best first."""

    venue: str
    symbol: str
    mark: Money
    last: Money
    index: Money | None = None
    mid: Money
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    book_as_of: Millis
    contract: Contract
    tiers: tuple[MarginTier, ...]
    next_funding_time: Millis | None = None
    leverage: int | None = None
    margin_mode: Literal["isolated", "cross"] | None = None


class Fees(Frozen):
    """Fractions of notional at the account's tier."""

    maker: Fraction
    taker: Fraction


class Quote(Frozen):
    """Read after the policy answered. `taken_at` is the guard's "now", on the exchange's clock."""

    decision_id: Annotated[str, Field(min_length=1, max_length=80)]
    taken_at: Millis
    legs: dict[str, LegQuote]
    fees: Fees
    clock_drift_ms: int
    available_margin: Money | None = None
    position_mode: Literal["hedge", "one_way"] | None = None


class Switches(Frozen):
    """Latches and budgets. `unknown_orders` > 0 blocks new risk until their outcome is known."""

    kill: bool = False
    drawdown_latched: bool = False
    unknown_orders: Annotated[int, Field(ge=0)] = 0
    unprotected_pairs: Annotated[int, Field(ge=0)] = 0
    blackout: str | None = None
    llm_tokens_left: int | None = None
    llm_cost_left: Fraction | None = None
