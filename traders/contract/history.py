"""What a trader may offer a simulator beyond `observe` and `propose`: which hours of a history are worth asking about.

Optional. A trader without it is asked at every tick, which gives the same result and takes longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from data_fetchers.snapshot import Candles, FundingPoint, MarketSnapshot
from traders.contract.base import Fraction
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.limits import Limits
from traders.contract.portfolio import Portfolio


@dataclass(frozen=True)
class SymbolHistory:
    """Everything that is known of one perpetual: candles by time frame and settled funding, oldest first.

    `interest_span`: first and last time, UTC ms, at which open interest is known; None where it never is.
    """

    candles: Mapping[str, Candles]
    funding: tuple[FundingPoint, ...]
    interest_span: tuple[int, int] | None = None


@dataclass(frozen=True)
class BarReadings:
    """What the fast loop is told of the last closed 1h bar; None where undefined."""

    closed_at: int
    atr_ratio: Fraction | None
    readings: Mapping[str, Fraction]


@dataclass(frozen=True)
class Held:
    """What matters of an open pair for the question whether a decision could end it.

    `net_share`: signed net notional at the last price over one leg's at approval (long is positive).
    """

    in_profit: bool
    net_share: float
    entered_on_funding: bool
    funding_rate_entry: float | None


class Survey(Protocol):
    """One history, looked over once as arrays. Times are UTC ms; "at" is the close of the last closed 1h bar."""

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        """The same context as `Trader.observe`; may remember what it has worked out for the same candles."""
        ...

    def entry_hours(self, symbol: str) -> frozenset[int]:
        """Closes after which, until the next, an entry is possible at all. Never leaves out one that is."""
        ...

    def may_exit(self, symbol: str, at: int, held: Held) -> bool:
        """Whether a decision after that close could end such a pair. Never says no where one could."""
        ...

    def bar(self, symbol: str, at: int) -> BarReadings:
        """The readings of the bar closed at `at`, as `observe` would show them."""
        ...


@runtime_checkable
class Surveyor(Protocol):
    """A trader that can look over a history."""

    def survey(self, history: Mapping[str, SymbolHistory], limits: Limits) -> Survey:
        """Raises IndicatorError for candles that are no series."""
        ...
