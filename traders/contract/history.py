"""What a trader may offer a simulator beyond `observe` and `propose`: which hours of a history are worth asking about.

Optional. A trader without it is asked at every tick, which gives the same result and takes longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from data_fetchers.snapshot import Candles, FundingPoint, MarketSnapshot
from traders.contract.base import Fraction
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.limits import Limits
from traders.contract.portfolio import Portfolio

#: Whether a decision about an open pair could end it: not at all, only with a profit, or at any result.
ExitChance = Literal["none", "in_profit", "any"]


@dataclass(frozen=True)
class SymbolHistory:
    """Everything that is known of one perpetual: candles by time frame and settled funding, oldest first."""

    candles: Mapping[str, Candles]
    funding: tuple[FundingPoint, ...]


@dataclass(frozen=True)
class BarReadings:
    """What the fast loop is told of the last closed 1h bar; None where undefined."""

    closed_at: int
    atr_ratio: Fraction | None
    readings: Mapping[str, Fraction]


class Survey(Protocol):
    """One history, looked over once as arrays. Times are UTC ms; "at" is the close of the last closed 1h bar."""

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        """The same context as `Trader.observe`; may remember what it has worked out for the same candles."""
        ...

    def entry_hours(self, symbol: str) -> frozenset[int]:
        """Closes after which, until the next, an entry is possible at all. Never leaves out one that is."""
        ...

    def exit_chance(self, symbol: str, at: int) -> ExitChance:
        """What a decision about an open pair could do after that close. Never says less than is possible."""
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
