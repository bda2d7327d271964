"""The survey of a trader that offers none: every hour counts, and readings come from nowhere."""

from collections.abc import Mapping

from data_fetchers.snapshot import MarketSnapshot
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.history import BarReadings, Held, SymbolHistory
from traders.contract.portfolio import Portfolio
from traders.contract.trader import Trader


class PlainSurvey:
    """Asks the trader at every hour. Its pairs are told no readings: only prices, funding and time end them."""

    def __init__(self, trader: Trader, history: Mapping[str, SymbolHistory]) -> None:
        self._trader = trader
        self._history = history

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        """As the trader does."""
        return self._trader.observe(snapshot, portfolio, constraints)

    def entry_hours(self, symbol: str) -> frozenset[int]:
        """Every closed hour."""
        candles = self._history[symbol].candles["1h"]
        return frozenset(time + candles.interval_ms for time in candles.time)

    def may_exit(self, symbol: str, at: int, held: Held) -> bool:
        """Always."""
        return True

    def bar(self, symbol: str, at: int) -> BarReadings:
        """Nothing is known."""
        return BarReadings(closed_at=at, atr_ratio=None, readings={})
