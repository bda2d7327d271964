"""One perpetual at two venues on one grid of bars: prices and last settled rates of both, known at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from indicators.funding import rate_per_8h
from orchestrator.simulation.columns import HistoryError
from orchestrator.simulation.history import HOUR_MS, Bars, Market, Times, load, resample

#: Names by which a folder may give its venue away.
_KNOWN = ("binanceusdm", "binance", "bybit", "okx", "bitget")


@dataclass(frozen=True)
class Settlement:
    """What is known at a funding time of either venue: the last settled rates, per 8 h, by venue."""

    at: int
    rates_8h: Mapping[str, Decimal]


class VenueSide:
    """One venue's bars on the common grid. Prices as they stand in the file, exactly."""

    def __init__(self, market: Market, interval_ms: int) -> None:
        own = market.bars[market.path]
        self.market = market
        self.bars: Bars = own if own.interval_ms == interval_ms else resample(own, interval_ms)
        self.hours = market.funding_interval_hours
        self._settled = dict(zip(market.funding_time.tolist(), market.funding_rate.tolist(), strict=True))

    def bar(self, at: int) -> tuple[Decimal, Decimal, Decimal] | None:
        """Open, high and low of the bar that opens at `at`; None where it is missing."""
        place = int(np.searchsorted(self.bars.time, at))
        if place >= len(self.bars) or int(self.bars.time[place]) != at:
            return None
        columns = (self.bars.open, self.bars.high, self.bars.low)
        first, high, low = (Decimal(repr(float(column[place]))) for column in columns)
        return first, high, low

    def last(self, at: int) -> Decimal | None:
        """The last close known at `at`."""
        closed = self.bars.closed_by(at)
        return Decimal(repr(float(self.bars.close[closed - 1]))) if closed else None

    def paid_at(self, at: int) -> Decimal | None:
        """The rate that settles at exactly that time, of the venue's own interval."""
        rate = self._settled.get(at)
        return None if rate is None else Decimal(repr(rate))

    def rate_8h(self, at: int) -> Decimal | None:
        """The last settled rate at a time, per 8 h; None when the one before is missing, or none was settled yet."""
        times = self.market.funding_time
        known = int(np.searchsorted(times, at, side="right"))
        if not known or at - int(times[known - 1]) >= self.hours * HOUR_MS:
            return None
        rate = Decimal(repr(float(self.market.funding_rate[known - 1])))
        return rate_per_8h(rate, Decimal(repr(self.hours)))


@dataclass(frozen=True)
class TwoVenues:
    """A symbol at both venues, by venue; the first is the one the trader reads."""

    symbol: str
    sides: Mapping[str, VenueSide]

    def settlement(self, at: int) -> Settlement | None:
        """Both venues' rates, or None where one is not known."""
        known = {venue: side.rate_8h(at) for venue, side in self.sides.items()}
        rates = {venue: rate for venue, rate in known.items() if rate is not None}
        return Settlement(at, rates) if len(rates) == len(known) else None

    def span(self) -> tuple[int, int]:
        """From when to when both have candles, UTC ms."""
        bars = [side.bars for side in self.sides.values()]
        return (
            max(int(one.time[0]) for one in bars),
            min(int(one.time[-1]) + one.interval_ms for one in bars),
        )

    def funding_times(self, start: int, end: int) -> Times:
        """Every funding time of either venue from `start` to before `end`."""
        times = np.unique(np.concatenate([side.market.funding_time for side in self.sides.values()]))
        return times[(times >= start) & (times < end)]

    def steps(self, start: int, end: int) -> Times:
        """Every time at which a bar opens or funding settles, at either venue."""
        bars = [side.bars.time for side in self.sides.values()]
        times = np.unique(np.concatenate([*bars, self.funding_times(start, end)]))
        return times[(times >= start) & (times < end)]


def joined(first: Market, second: Market) -> TwoVenues:
    """On the grid of the coarser of the two price paths. Raises HistoryError for a venue without funding rates."""
    for market in (first, second):
        if market.funding_time.size == 0:
            raise HistoryError(
                "no_data",
                f"{market.venue} has no funding rates of {market.symbol} in its folder",
                "`volgamma data download` brings them",
            )
    interval = max(market.bars[market.path].interval_ms for market in (first, second))
    return TwoVenues(first.symbol, {market.venue: VenueSide(market, interval) for market in (first, second)})


def second_markets(folder: Path, symbols: tuple[str, ...], venue: str) -> tuple[dict[str, Market], dict[str, str]]:
    """(markets of the second venue, why the others are left out). Raises HistoryError when none is there."""
    found: dict[str, Market] = {}
    missing: dict[str, str] = {}
    error: HistoryError | None = None
    for symbol in symbols:
        try:
            found |= load(folder, (symbol,), venue)
        except HistoryError as problem:
            error = error or problem
            missing[symbol] = problem.message
    if not found and error is not None:
        raise error
    return found, missing


def guessed_venue(folder: Path) -> str:
    """The venue's name as the folder's path gives it away; "second" where it does not."""
    for part in reversed(folder.resolve().parts):
        if part.lower() in _KNOWN:
            return "binanceusdm" if part.lower() == "binance" else part.lower()
    return "second"
