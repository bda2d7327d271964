"""Candles of several time frames, and the ticker.

Command: ``python -m data_fetchers.market_data --exchange binanceusdm --symbol SOLUSDT --timeframe 1h --limit 500``
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from data_fetchers import candle_pages
from data_fetchers.candle_pages import Bar, Page
from data_fetchers.errors import FetchCode, Permanent
from data_fetchers.parsing import iso, millis, not_negative, positive
from data_fetchers.snapshot import TIMEFRAME_MS, Candles, MarketData, Ticker, Unavailable
from data_fetchers.source import Source, all_of

#: A run of missing bars is asked for in pages this small, in case the venue caps lower than it says.
_REPAIR_BARS = 100
_REPAIR_ROUNDS = 2
_REPAIR_PAGES = 60
#: Venues whose answer on funding holds mark and index price too.
_BOTH_IN_FUNDING = ("binanceusdm", "binance")


async def fetch(source: Source) -> MarketData:
    """Every time frame asked for of `source.symbol`, and the ticker, each on its own: what fails is Unavailable."""
    wanted = source.requirements.candles.get(source.symbol, {})
    ticker, *series = await asyncio.gather(
        source.settle(fetch_ticker(source)) if _needs_ticker(source) else _no_ticker(),
        *(source.settle(fetch_candles(source, timeframe, bars)) for timeframe, bars in wanted.items()),
    )
    return MarketData(candles=dict(zip(wanted, series, strict=True)), ticker=ticker)


def _needs_ticker(source: Source) -> bool:
    return source.symbol == source.requirements.primary or source.requirements.partner_tickers


async def _no_ticker() -> Unavailable:
    return Unavailable(code="not_requested", reason="the ticker of a partner symbol is not asked for")


async def fetch_candles(source: Source, timeframe: str, bars: int) -> Candles:
    """The last `bars` closed candles, full precision, times strictly rising, no gap.

    Fewer (a new listing, or what the venue keeps) come with a note. Raises FetchError; code `gap` when bars between
    the first and the last stay missing after they were asked for again.
    """
    interval = TIMEFRAME_MS.get(timeframe)
    if interval is None or bars < 1:
        raise Permanent(f"{bars} bars of {timeframe!r}: time frames are {', '.join(TIMEFRAME_MS)}", FetchCode.REFUSED)
    last = candle_pages.last_closed(await source.now(), interval)
    first = last - (bars - 1) * interval
    have = await _bars(source, timeframe, first, last)
    if not have:
        raise Permanent(f"{source.venue} {source.symbol} {timeframe}: no closed bar", FetchCode.EMPTY)
    times = sorted(have)
    holes = candle_pages.missing(times, times[0], times[-1], interval)
    if holes:
        count = sum((end - start) // interval + 1 for start, end in holes)
        raise Permanent(
            f"{source.venue} {source.symbol} {timeframe}: {count} bars missing from {iso(holes[0][0])} on, "
            "also when asked again",
            FetchCode.GAP,
        )
    if source.store is not None:
        begins = times[0] > first
        source.store.keep(source.venue, source.symbol, timeframe, have, whole=begins)
    columns = list(zip(*(have[time] for time in times), strict=True))
    return Candles(
        venue=source.venue,
        symbol=source.symbol,
        timeframe=timeframe,
        interval_ms=interval,
        time=tuple(times),
        open=columns[0],
        high=columns[1],
        low=columns[2],
        close=columns[3],
        volume=columns[4],
        fillers=tuple(time for time in times if have[time][4] == 0),
        as_of=times[-1] + interval,
        fetched_at=await source.now(),
        note=_note(times, first, last, interval),
    )


async def _bars(source: Source, timeframe: str, first: int, last: int) -> dict[int, Bar]:
    """The bars opening in [first, last]: what is stored and still true, and the rest from the venue."""
    interval = TIMEFRAME_MS[timeframe]
    most = candle_pages.page_bars(source.exchange.id, interval)
    kept = _stored(source, timeframe, first, last)
    if kept and source.store is not None:
        name = (source.venue, source.symbol, timeframe)
        start, newest = min(kept), max(kept)
        head = start > first and not source.store.begins(*name)
        runs = [(first, start - interval)] if head else []
        if newest < last or not source.store.checked(*name):
            runs.append((max(start, newest - interval), last))
        asked_again = len(runs) > head
        pages = [page for run in runs for page in candle_pages.plan(*run, interval, most)]
        fresh = await _pages(source, timeframe, pages, first, last) if pages else {}
        # the newest stored bars have to come back the same: silence about them proves nothing
        compared = [time for time in (newest, newest - interval) if time in kept] if asked_again else []
        if all(fresh.get(time) == kept[time] for time in compared) and all(
            kept.get(time, bar) == bar for time, bar in fresh.items()
        ):
            have = {**kept, **fresh}
            return await _repair(source, timeframe, have, first if head else start, last, _REPAIR_BARS)
        source.store.drop(*name)
    have = await _pages(source, timeframe, candle_pages.plan(first, last, interval, most), first, last)
    return await _repair(source, timeframe, have, first, last, min(most, _REPAIR_BARS))


def _stored(source: Source, timeframe: str, first: int, last: int) -> dict[int, Bar]:
    """The stored bars that end, without a gap, at the newest one inside [first, last]."""
    if source.store is None:
        return {}
    known = source.store.candles(source.venue, source.symbol, timeframe)
    interval = TIMEFRAME_MS[timeframe]
    time = max((time for time in known if time <= last), default=None)
    found: dict[int, Bar] = {}
    while time is not None and time >= first and time in known:
        found[time] = known[time]
        time -= interval
    return found


async def _pages(source: Source, timeframe: str, pages: list[Page], first: int, last: int) -> dict[int, Bar]:
    interval = TIMEFRAME_MS[timeframe]

    async def one(page: Page) -> Any:
        until = page.start + page.bars * interval - 1
        return await source.call("fetch_ohlcv", source.symbol, timeframe, page.start, page.bars, {"until": until})

    found: dict[int, Bar] = {}
    for rows in await all_of([one(page) for page in pages]):
        found |= candle_pages.accept(rows, first, last, interval)
    return found


async def _repair(
    source: Source, timeframe: str, have: dict[int, Bar], first: int, last: int, most: int
) -> dict[int, Bar]:
    """Ask again for every hole, and for the page before the first bar (a listing, or a page cut short?)."""
    interval = TIMEFRAME_MS[timeframe]
    for _ in range(_REPAIR_ROUNDS):
        pages: list[Page] = []
        for start, end in candle_pages.missing(have, first, last, interval):
            run = candle_pages.plan(start, end, interval, most)
            pages += run[-1:] if start == first else run
        if not pages or len(pages) > _REPAIR_PAGES:
            break
        found = await _pages(source, timeframe, pages, first, last)
        if not found.keys() - have.keys():
            break
        have = {**have, **found}
    return have


def _note(times: list[int], first: int, last: int, interval: int) -> str:
    notes: list[str] = []
    if times[0] > first:
        asked = (last - first) // interval + 1
        notes.append(f"{len(times)} of {asked} bars: the venue has none before {iso(times[0])}")
    if times[-1] < last:
        notes.append(f"the bar of {iso(last)} has closed but is not published yet")
    return "; ".join(notes)


async def fetch_ticker(source: Source) -> Ticker:
    """Last, mark and index price and the last 24 h's turnover. Raises FetchError without a last price."""
    parts: list[Any] = await all_of([source.call("fetch_ticker", source.symbol), _mark(source), _index(source)])
    found, marked, index = parts
    last = positive(found.get("last")) if isinstance(found, dict) else None
    if last is None:
        raise Permanent(f"{source.venue} {source.symbol}: a ticker without a last price", FetchCode.EMPTY)
    now = await source.now()
    return Ticker(
        last=last,
        mark=positive(found.get("markPrice")) or positive(marked.get("markPrice")),
        index=positive(found.get("indexPrice")) or positive(marked.get("indexPrice")) or index,
        quote_volume_24h=not_negative(found.get("quoteVolume")),
        as_of=millis(found.get("timestamp")) or now,
        fetched_at=now,
    )


async def _mark(source: Source) -> dict[str, Any]:
    """Mark (and index) price where the ticker does not carry them."""
    if not source.supports("fetchMarkPrice"):
        return {}
    # where the funding answer carries both, one request serves the price and the funding fetcher
    method = "fetch_funding_rate" if source.exchange.id in _BOTH_IN_FUNDING else "fetch_mark_price"
    work = source.call_once(method) if method == "fetch_funding_rate" else source.call(method, source.symbol)
    found = await source.settle(work, share=0.5)
    return found if isinstance(found, dict) else {}


async def _index(source: Source) -> float | None:
    if source.exchange.id != "okx":
        return None
    pair = source.symbol.split(":")[0].replace("/", "-")
    found = await source.settle(source.call("publicGetMarketIndexTickers", {"instId": pair}), share=0.5)
    data = found.get("data") if isinstance(found, dict) else None
    return positive(data[0].get("idxPx")) if isinstance(data, list) and data and isinstance(data[0], dict) else None


def rows(candles: Candles) -> Iterator[tuple[Any, ...]]:
    """CSV rows."""
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    for time, *values in zip(candles.time, *columns, strict=True):
        yield (iso(time), *values)


def main(argv: list[str] | None = None) -> int:
    """The command."""
    from data_fetchers.command import Command, run

    async def one(source: Source) -> Candles:
        ((timeframe, bars),) = source.requirements.candles[source.symbol].items()
        return await fetch_candles(source, timeframe, bars)

    columns = ("time", "open", "high", "low", "close", "volume")
    return run(Command("market_data", "Closed candles.", columns, one, rows, timeframes=True), argv)


if __name__ == "__main__":
    raise SystemExit(main())
