"""A freqtrade-layout folder as the simulator reads it: candles of every time frame needed, and settled funding.

HistoryError (a HostError) says what is missing or broken, in which file, and what to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_fetchers.snapshot import TIMEFRAME_MS, Candles, FundingPoint
from orchestrator.simulation.columns import HistoryError as HistoryError
from orchestrator.simulation.columns import columns_of
from orchestrator.simulation.crowd import Crowd, read_crowd
from traders.contract.history import SymbolHistory

HOUR_MS = TIMEFRAME_MS["1h"]
#: Settled rates that a snapshot carries.
FUNDING_POINTS = 90
#: Resampled from 1h where the folder has no file of their own.
_RESAMPLED = ("4h", "1d")
_COLUMNS = ("time", "open", "high", "low", "close", "volume")
#: The finest of these that is there is the path along which prices move.
_PATHS = ("1m", "5m", "15m", "1h")
Array = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class Bars:
    """Candles as columns; `time` is the open, UTC ms."""

    interval_ms: int
    time: Times
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array

    def __len__(self) -> int:
        return int(self.time.size)

    def part(self, start: int, end: int) -> "Bars":
        """The bars of these places."""
        cut = slice(start, end)
        prices = (self.open[cut], self.high[cut], self.low[cut], self.close[cut])
        return Bars(self.interval_ms, self.time[cut], *prices, self.volume[cut])

    def closed_by(self, at: int) -> int:
        """How many bars have closed at `at`."""
        return int(np.searchsorted(self.time, at - self.interval_ms, side="right"))


@dataclass(frozen=True)
class Market:
    """One perpetual's history. `path` is the time frame of the price path; `gaps` counts missing path bars.

    `mark`: candles of the mark price, where there are some at least as fine as the path.
    """

    symbol: str
    venue: str
    bars: Mapping[str, Bars]
    path: str
    funding_time: Times
    funding_rate: Array
    funding_interval_hours: float
    gaps: int
    crowd: Crowd | None = None
    mark: Bars | None = None

    @cached_property
    def _whole(self) -> dict[str, Candles]:
        """Whole series by time frame, one of each at most: shorter ones are cut from their columns."""
        return {}

    @cached_property
    def _points(self) -> tuple[FundingPoint, ...]:
        """Every settled rate."""
        hours = self.funding_interval_hours
        return tuple(
            FundingPoint(time=time, rate=rate, interval_hours=hours)
            for time, rate in zip(self.funding_time.tolist(), self.funding_rate.tolist(), strict=True)
        )

    def candles(self, timeframe: str, end: int | None = None, count: int | None = None) -> Candles:
        """The last `count` bars closed by `end` as the fetcher would bring them."""
        bars = self.bars[timeframe]
        stop = len(bars) if end is None else bars.closed_by(end)
        start = 0 if count is None else max(0, stop - count)
        part = slice(start, stop)
        at = int(bars.time[stop - 1]) + bars.interval_ms if stop else 0
        fetched_at = at if end is None else end
        whole = self._whole.get(timeframe)
        if whole is not None:  # checked when it was made, and so is every part of it
            columns = {name: getattr(whole, name)[part] for name in _COLUMNS}
            return whole.model_copy(update=columns | {"as_of": at, "fetched_at": fetched_at})
        found = Candles(
            venue=self.venue,
            symbol=self.symbol,
            timeframe=timeframe,
            interval_ms=bars.interval_ms,
            **{name: tuple(getattr(bars, name)[part].tolist()) for name in _COLUMNS},
            as_of=at,
            fetched_at=fetched_at,
        )
        if stop - start == len(bars) and end is None:
            self._whole[timeframe] = found
        return found

    def funding_until(self, at: int, count: int = FUNDING_POINTS) -> tuple[FundingPoint, ...]:
        """Settled rates known at `at`, oldest first."""
        stop = int(np.searchsorted(self.funding_time, at, side="right"))
        return self._points[max(0, stop - count) : stop]

    def whole(self) -> SymbolHistory:
        """All of it, for a trader's survey."""
        last = int(self.bars[self.path].time[-1]) + self.bars[self.path].interval_ms
        return SymbolHistory(
            candles={timeframe: self.candles(timeframe) for timeframe in ("1h", *_RESAMPLED)},
            funding=self.funding_until(last, count=self.funding_time.size),
            interest_span=None if self.crowd is None else self.crowd.interest_span,
        )


def load(folder: Path, symbols: tuple[str, ...], venue: str) -> dict[str, Market]:
    """The markets of `symbols` in a folder of feather files. Raises HistoryError."""
    if not folder.is_dir():
        raise HistoryError("no_data", f"{folder} is no folder", "name one with --data, or `volgamma data download`")
    return {symbol: _market(folder, symbol, venue) for symbol in symbols}


def symbols_in(folder: Path) -> tuple[str, ...]:
    """The perpetuals a folder has candles of, as unified symbols."""
    stems = {file.name.rsplit("-", 2)[0] for file in folder.glob("*-futures.feather")}
    parts = sorted(stem.split("_") for stem in stems if stem.count("_") == 2)
    return tuple(f"{base}/{quote}:{settle}" for base, quote, settle in parts)


def _market(folder: Path, symbol: str, venue: str) -> Market:
    stem = symbol.replace("/", "_").replace(":", "_")
    found: dict[str, Bars] = {}
    for timeframe in dict.fromkeys((*_PATHS, *_RESAMPLED)):
        file = folder / f"{stem}-{timeframe}-futures.feather"
        if file.is_file():
            found[timeframe] = read_bars(file, TIMEFRAME_MS[timeframe])
    path = next((timeframe for timeframe in _PATHS if timeframe in found), None)
    if path is None:
        raise HistoryError(
            "no_data",
            f"{folder} has no candles of {symbol} ({stem}-1h-futures.feather and finer)",
            "name a folder in freqtrade's futures layout, or use `volgamma data download`",
        )
    if "1h" not in found:
        found["1h"] = resample(found[path], HOUR_MS)
    for timeframe in _RESAMPLED:
        if timeframe not in found:
            found[timeframe] = resample(found["1h"], TIMEFRAME_MS[timeframe])
    times, rates = _funding(folder, stem)
    interval = float(np.median(np.diff(times))) / HOUR_MS if times.size > 1 else 8.0
    steps = np.diff(found[path].time)
    return Market(
        symbol=symbol,
        venue=venue,
        bars=found,
        path=path,
        funding_time=times,
        funding_rate=rates,
        funding_interval_hours=round(interval) or 8.0,
        gaps=int(steps.sum() // found[path].interval_ms - steps.size) if steps.size else 0,
        crowd=read_crowd(folder, stem),
        mark=_mark(folder, stem, found[path].interval_ms),
    )


def _mark(folder: Path, stem: str, most_ms: int) -> Bars | None:
    """freqtrade's `-mark` candles; those coarser than the path would show yesterday's mark beside today's price."""
    for timeframe in _PATHS:
        file = folder / f"{stem}-{timeframe}-mark.feather"
        if TIMEFRAME_MS[timeframe] <= most_ms and file.is_file():
            return read_bars(file, TIMEFRAME_MS[timeframe])
    return None


def within(market: Market, start: int | None, end: int | None) -> Market:
    """The market cut to candles that open, and rates that settle, from `start` to before `end`."""
    if start is None and end is None:
        return market
    low, high = start or 0, end or 2**62
    bars = {
        timeframe: one.part(*(int(place) for place in np.searchsorted(one.time, [low, high])))
        for timeframe, one in market.bars.items()
    }
    first, last = np.searchsorted(market.funding_time, [low, high])
    times, rates = market.funding_time[first:last], market.funding_rate[first:last]
    return replace(market, bars=bars, funding_time=times, funding_rate=rates)


def resample(bars: Bars, interval_ms: int) -> Bars:
    """Longer candles, UTC-aligned; only those of which every part is there."""
    parts = interval_ms // bars.interval_ms
    group = bars.time // interval_ms
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sizes = np.diff(np.r_[starts, group.size])
    whole = sizes == parts
    ends = starts + sizes - 1
    return Bars(
        interval_ms=interval_ms,
        time=(group[starts] * interval_ms)[whole],
        open=bars.open[starts][whole],
        high=np.maximum.reduceat(bars.high, starts)[whole],
        low=np.minimum.reduceat(bars.low, starts)[whole],
        close=bars.close[ends][whole],
        volume=np.add.reduceat(bars.volume, starts)[whole],
    )


def read_bars(file: Path, interval_ms: int) -> Bars:
    """The candles of one file. Raises HistoryError for rows out of order, twice, off the grid or no candle."""
    columns = columns_of(file, ("date", "open", "high", "low", "close", "volume"))
    time = columns.pop("date")
    values = {name: np.ascontiguousarray(column, dtype=np.float64) for name, column in columns.items()}
    if time.size == 0:
        raise HistoryError("no_data", f"{file} holds no candle", "download it again")
    if (np.diff(time) <= 0).any() or (time % interval_ms).any():
        raise HistoryError("bad_data", f"{file}: candle times do not rise in whole intervals", "download it again")
    prices = np.stack([values[name] for name in ("open", "high", "low", "close")])
    bad = ~(np.isfinite(prices).all(axis=0) & (prices > 0).all(axis=0))
    bad |= (values["high"] < prices.max(axis=0)) | (values["low"] > prices.min(axis=0))
    if bad.any():
        where = int(time[int(np.argmax(bad))])
        raise HistoryError("bad_data", f"{file}: the candle at {where} is no candle", "download it again")
    return Bars(interval_ms, time, **values)


def _funding(folder: Path, stem: str) -> tuple[Times, Array]:
    """Settled rates of the first funding file; none where there is no file."""
    for file in sorted(folder.glob(f"{stem}-*-funding_rate.feather")):
        columns = columns_of(file, ("date", "open"))
        # venues stamp them up to a second off the hour
        time = (columns["date"] + 1_000) // 60_000 * 60_000
        return time, np.ascontiguousarray(columns["open"], dtype=np.float64)
    return np.empty(0, np.int64), np.empty(0, np.float64)
