"""A place in one market's price path: plain floats, one bar after another.

The path stays in arrays: five years of minutes as Python objects would take half a gigabyte a symbol.
"""

import numpy as np

from orchestrator.simulation.history import HOUR_MS, Market, Times

_CHUNK = 256


class Cursor:
    """`bar` is (open, high, low, close) of the bar at the cursor; `previous` the price before it."""

    def __init__(self, market: Market, start: int, end: int) -> None:
        bars = market.bars[market.path]
        first, last = np.searchsorted(bars.time, [start, end])
        self._open, self._high = bars.open[first:last], bars.high[first:last]
        self._low, self._close = bars.low[first:last], bars.close[first:last]
        self.time: Times = bars.time[first:last]
        self.interval = bars.interval_ms
        self.count = int(self.time.size)
        self.funding_hours = market.funding_interval_hours
        self._rates = dict(zip(market.funding_time.tolist(), market.funding_rate.tolist(), strict=True))
        self._funding_step = int(self.funding_hours * HOUR_MS)
        self._funding_time = market.funding_time
        self._funding_rate = market.funding_rate
        before = np.r_[self._open[:1], self._close[:-1]]
        #: Extremes of each bar with the jump from the close before it.
        self._lows = np.minimum(self._low, before)
        self._highs = np.maximum(self._high, before)
        self._at = 0
        self.previous = self._open.item(0) if self.count else 0.0

    @property
    def over(self) -> bool:
        """Whether no bar is left."""
        return self._at >= self.count

    @property
    def opens(self) -> int:
        """When the bar at the cursor opens; -1 at the end."""
        return self.time.item(self._at) if self._at < self.count else -1

    @property
    def closes(self) -> int:
        """When it closes."""
        return self.time.item(self._at) + self.interval

    @property
    def bar(self) -> tuple[float, float, float, float]:
        """Open, high, low, close."""
        at = self._at
        return self._open.item(at), self._high.item(at), self._low.item(at), self._close.item(at)

    def seek(self, at: int) -> None:
        """To the first bar that opens at or after `at`."""
        self._at = int(np.searchsorted(self.time, at))

    def advance(self) -> None:
        """To the next bar."""
        self._at += 1

    def to_event(self, low: float, high: float) -> None:
        """To the first bar, from this one on, that reaches `low` or `high`; to the end when none does."""
        while self._at < self.count:
            part = slice(self._at, self._at + _CHUNK)
            found = np.flatnonzero((self._lows[part] <= low) | (self._highs[part] >= high))
            if found.size:
                step = int(found[0])
                if step:
                    self.previous = self._close.item(self._at + step - 1)
                self._at += step
                return
            self._at = min(self._at + _CHUNK, self.count)
            self.previous = self._close.item(self._at - 1)

    def funding_at(self, at: int) -> float | None:
        """The rate that settles at exactly that time."""
        return self._rates.get(at)

    def settled(self, at: int) -> float | None:
        """The last settled rate at a time."""
        known = int(np.searchsorted(self._funding_time, at, side="right"))
        return float(self._funding_rate[known - 1]) if known else None
