"""History of one perpetual into a folder: only what is missing is asked for, and what came is kept at once.

Interrupted anywhere, the next run goes on: files are replaced whole after each batch of pages. What a venue does not
have (before a listing, beyond what it keeps) stays missing and is reported, never filled in.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from data_fetchers import candle_pages, fetch_open_interest, fundingratehistory, longshortratio
from data_fetchers.errors import FetchCode, Permanent
from data_fetchers.feather_file import CANDLE_COLUMNS, candle_file, funding_file, read, stem, write
from data_fetchers.retry import Calls, Clock, gate_of
from data_fetchers.snapshot import TIMEFRAME_MS, Requirements, Unavailable
from data_fetchers.source import ExchangeTime, Source, all_of, measure_drift

#: Pages asked for at once; after each batch the file is written.
_BATCH = 6
_TIMEOUT_S = 60.0
_HOUR_MS = 3_600_000
_FUNDING_PAGE = 200
_RATIOS = ("accounts", "top_accounts", "top_positions", "taker")
Rows = dict[int, tuple[float | None, ...]]
#: (pages done, pages in all) of one series.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Downloaded:
    """One series: rows now in its file, how many are new, how many bars of the span are missing."""

    file: Path
    rows: int
    new: int
    missing: int = 0
    note: str = ""


class Downloader:
    """One exchange client, one folder."""

    def __init__(self, exchange: object, venue: str, clock: Clock, folder: Path, progress: Progress) -> None:
        self._exchange, self._venue, self._clock, self._folder = exchange, venue, clock, folder
        self._progress = progress

    async def candles(self, symbol: str, timeframe: str, start: int, end: int) -> Downloaded:
        """Closed candles opening in [start, end). Raises FetchError, having kept what came before."""
        interval = TIMEFRAME_MS.get(timeframe)
        if interval is None:
            raise Permanent(f"time frame {timeframe!r} is none of {', '.join(TIMEFRAME_MS)}", FetchCode.REFUSED)
        file = candle_file(self._folder, symbol, timeframe)
        have = read(file, CANDLE_COLUMNS)
        before = len(have)
        source = await self._source(symbol)
        first = -(-start // interval) * interval
        last = min((end - 1) // interval * interval, candle_pages.last_closed(await source.now(), interval))
        if last < first:
            return Downloaded(file, before, 0, note="nothing has closed in that span yet")
        most = candle_pages.page_bars(getattr(self._exchange, "id", ""), interval)
        inside = [time for time in have if first <= time <= last]
        pages = [
            page
            for run in candle_pages.missing(inside, first, last, interval)
            for page in candle_pages.plan(*run, interval, most)
        ]
        name = f"{symbol} {timeframe}"
        for done, batch in _batches(pages):
            self._progress(name, done, len(pages))
            source = await self._source(symbol)
            answers = await all_of([_page(source, timeframe, page, interval) for page in batch])
            fresh = {
                time: bar for rows in answers for time, bar in candle_pages.accept(rows, first, last, interval).items()
            }
            if fresh:
                have = {**have, **fresh}
                write(file, have, CANDLE_COLUMNS)
        self._progress(name, len(pages), len(pages))
        absent = candle_pages.missing([time for time in have if first <= time <= last], first, last, interval)
        count = sum((stop - begin) // interval + 1 for begin, stop in absent)
        note = "" if not count else "the venue has no bars there (not yet listed, or no longer kept)"
        return Downloaded(file, len(have), len(have) - before, count, note)

    async def funding(self, symbol: str, start: int, end: int) -> Downloaded:
        """Settled rates in [start, end), in one file named by the shortest interval seen. Raises FetchError."""
        source = await self._source(symbol)
        file, have = self._funding_file(symbol), {}
        if file is not None:
            have = read(file, CANDLE_COLUMNS)
        before, name, now = len(have), f"{symbol} funding", min(end, await source.now())
        # what is stored from `start` on without a hole is not asked for again, but for its last two rates
        at = _resume(sorted(time for time in have if start <= time < end), start)
        for place in range(10_000):
            self._progress(name, place, place + 1)
            rows = await source.call("fetch_funding_rate_history", symbol, at, _FUNDING_PAGE, {"until": end - 1})
            fresh = {time: rate for time, rate in fundingratehistory.settlements(rows) if at <= time < end}
            if fresh:
                have = {**have, **{time: (rate, 0.0, 0.0, 0.0, 0.0) for time, rate in fresh.items()}}
                file = file or funding_file(self._folder, symbol, _interval_hours(sorted(have)))
                write(file, have, CANDLE_COLUMNS)
            if not fresh or max(fresh) + 1 >= now:
                break
            at = max(fresh) + 1
            source = await self._source(symbol)
        self._progress(name, 1, 1)
        return Downloaded(file or funding_file(self._folder, symbol, 8), len(have), len(have) - before)

    async def crowd(self, symbol: str) -> list[Downloaded]:
        """Open interest and long/short ratios, as far back as the venue keeps them. What it lacks is left out."""
        wanted = Requirements(primary=symbol, keywords=(), candles={}, open_interest_points=500, positioning_points=500)
        source = await self._source(symbol, wanted)
        done: list[Downloaded] = []
        interest = await source.settle(fetch_open_interest.fetch(source))
        if not isinstance(interest, Unavailable):
            rows: Rows = {point.time: (point.coins, point.quote) for point in interest.points}
            done.append(self._merge(f"{stem(symbol)}-open_interest.feather", rows, ("coins", "quote")))
        ratios = await source.settle(longshortratio.fetch(source))
        if not isinstance(ratios, Unavailable):
            by_time: dict[int, list[float | None]] = {}
            for place, kind in enumerate(_RATIOS):
                points = getattr(ratios, kind)
                for point in () if isinstance(points, Unavailable) else points:
                    by_time.setdefault(point.time, [None] * len(_RATIOS))[place] = point.ratio
            rows_of: Rows = {time: tuple(values) for time, values in by_time.items()}
            done.append(self._merge(f"{stem(symbol)}-long_short_ratio.feather", rows_of, _RATIOS))
        return done

    def _merge(self, name: str, rows: Rows, columns: tuple[str, ...]) -> Downloaded:
        file = self._folder / name
        have = read(file, columns)
        merged = {**have, **rows}
        if merged != have:
            write(file, merged, columns)
        return Downloaded(file, len(merged), len(merged) - len(have))

    def _funding_file(self, symbol: str) -> Path | None:
        """The file there is, whatever interval its name says."""
        return next(iter(sorted(self._folder.glob(f"{stem(symbol)}-*-funding_rate.feather"))), None)

    async def _source(self, symbol: str, wanted: Requirements | None = None) -> Source:
        """A source with its own deadline: a long download is many short ones."""
        calls = Calls(self._venue, gate_of(self._exchange), self._clock, self._clock.monotonic_ms() + 1000 * _TIMEOUT_S)
        drift = asyncio.ensure_future(measure_drift(self._exchange, calls, self._clock))
        wanted = wanted or Requirements(primary=symbol, keywords=(), candles={})
        source = Source(
            self._exchange, self._venue, symbol, wanted, calls, ExchangeTime(self._clock, drift), _TIMEOUT_S
        )
        await source.now()
        return source


def _interval_hours(times: list[int]) -> float:
    """The shortest step between settlements, 8 where there is none."""
    steps = [round((later - earlier) / _HOUR_MS) for earlier, later in pairwise(times)]
    return float(min((step for step in steps if step > 0), default=8))


def _resume(times: list[int], start: int) -> int:
    """Where to go on: two rates before the first hole, or before the end; at `start` where nothing stored begins."""
    step = _interval_hours(times) * _HOUR_MS
    if len(times) < 3 or times[0] - start > step:
        return start
    for place, (earlier, later) in enumerate(pairwise(times)):
        if later - earlier > 1.5 * step:
            return times[max(0, place - 1)]
    return times[-2]


async def _page(source: Source, timeframe: str, page: candle_pages.Page, interval: int) -> object:
    until = page.start + page.bars * interval - 1
    return await source.call("fetch_ohlcv", source.symbol, timeframe, page.start, page.bars, {"until": until})


def _batches(pages: list[candle_pages.Page]) -> Iterator[tuple[int, list[candle_pages.Page]]]:
    for done in range(0, len(pages), _BATCH):
        yield done, pages[done : done + _BATCH]
