"""Reads everything a decision needs at once: the wall time is that of the slowest source.

Each source runs on its own with its own time-out. One that fails, hangs or is banned becomes `Unavailable` with the
reason and an error in `timings`; it neither delays nor sinks the others, and a snapshot always comes back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from data_fetchers import fetch_open_interest, fetch_orderbook, fundingratehistory, longshortratio, market_data
from data_fetchers.keywords import resolve
from data_fetchers.plugins import Plugins, load_plugins
from data_fetchers.request_count import counting
from data_fetchers.retry import Calls, Clock, gate_of
from data_fetchers.sharing import SharedRequests
from data_fetchers.snapshot import (
    Extra,
    MarketData,
    MarketSnapshot,
    Raw,
    Requirements,
    SourceTiming,
    SymbolData,
    Unavailable,
    source_names,
)
from data_fetchers.source import ExchangeTime, Source, measure_drift, unavailable
from data_fetchers.store import SeriesStore
from data_fetchers.symbols import prefix_of

Fetcher = Callable[[Source], Awaitable[Any]]

_FETCHERS: dict[str, Fetcher] = {
    "market_data": market_data.fetch,
    "fundingratehistory": fundingratehistory.fetch,
    "fetch_orderbook": fetch_orderbook.fetch,
    "longshortratio": longshortratio.fetch,
    "fetch_open_interest": fetch_open_interest.fetch,
}
#: Fetcher -> field of SymbolData.
_FIELDS = {
    "market_data": "market_data",
    "fundingratehistory": "funding",
    "fetch_orderbook": "order_book",
    "longshortratio": "positioning",
    "fetch_open_interest": "open_interest",
}
#: Of a source's time: what its parts get, so that those that came are kept when another hangs.
_PART_SHARE = 0.9
#: Seconds for cancelled work to let go.
_LETTING_GO_S = 0.2


@dataclass(frozen=True)
class _Outcome:
    """How one source of one symbol fared."""

    result: Raw
    timing: SourceTiming


async def collect(
    requirements: Requirements,
    exchange: Any,
    *,
    venue_name: str,
    clock: Clock,
    deadline_s: float = 20,
    per_source_timeout_s: float = 10,
    plugins: Plugins | None = None,
    store: SeriesStore | None = None,
    sharing: SharedRequests | None = None,
) -> MarketSnapshot:
    """A snapshot of `requirements` from an exchange of `venue.open_exchange`, markets loaded or not.

    The primary symbol gets the sources its keywords select, the other symbols candles and a ticker. Times are the
    exchange's: injected clock + `clock_drift_ms`, which is measured once at the midpoint of a round trip. Where the
    exchange's time cannot be had, nothing can be dated and every source is Unavailable.
    With a `store`, only what is new since the last snapshot is asked for; with `sharing`, nothing that another
    collection has asked for in these seconds.
    Raises UnknownKeyword before anything is sent.
    """
    plugins = load_plugins() if plugins is None else plugins
    wanted = {(requirements.primary, name) for name in resolve(requirements.keywords, plugins)}
    wanted |= {(symbol, "market_data") for symbol in requirements.candles if symbol != requirements.primary}
    started = clock.monotonic_ms()
    timeout_s = min(per_source_timeout_s, deadline_s)
    part_s = timeout_s * _PART_SHARE
    calls = Calls(venue_name, gate_of(exchange), clock, started + 1000 * part_s)

    with counting() as count, ExitStack() as together:
        # the clock is everybody's own question: its answer is only good at the moment it comes
        drift = asyncio.ensure_future(_in_time(measure_drift(exchange, calls, clock), part_s))
        time = ExchangeTime(clock, drift)
        if sharing is not None:
            together.enter_context(sharing.inside(clock))
        shared: dict[str, asyncio.Future[Any]] = {}
        tasks = {
            key: asyncio.create_task(
                _run(
                    Source(exchange, venue_name, key[0], requirements, calls, time, part_s, store, shared),
                    _FETCHERS.get(key[1]) or _of_plugin(plugins, key[1]),
                    clock,
                    timeout_s,
                ),
                name=f"{prefix_of(key[0])}.{key[1]}",
            )
            for key in sorted(wanted)
        }
        _, late = await asyncio.wait({*tasks.values(), drift}, timeout=deadline_s)
        left: set[asyncio.Future[Any]] = {*late, *(asked for asked in shared.values() if not asked.done())}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_LETTING_GO_S)

    known = not drift.cancelled() and drift.done() and drift.exception() is None
    clock_drift_ms = drift.result() if known else 0
    finished = clock.now_ms() + clock_drift_ms
    outcomes = {
        key: _outcome(task, f"{venue_name} {key[0]}", deadline_s, started, clock) for key, task in tasks.items()
    }
    symbols = dict.fromkeys((requirements.primary, *requirements.candles))
    return MarketSnapshot(
        venue=venue_name,
        primary=requirements.primary,
        as_of=finished,
        fetched_at=finished,
        clock_drift_ms=clock_drift_ms,
        symbols={symbol: _symbol_data(symbol, requirements.primary, outcomes) for symbol in symbols},
        timings={f"{prefix_of(symbol)}.{name}": found.timing for (symbol, name), found in outcomes.items()},
        requests=count.sent,
    )


async def _in_time(work: Awaitable[int], timeout_s: float) -> int:
    async with asyncio.timeout(timeout_s):
        return await work


async def _run(source: Source, fetch: Fetcher, clock: Clock, timeout_s: float) -> _Outcome:
    """One source to its end. Never raises."""
    started = clock.monotonic_ms()
    result: Raw
    try:
        async with asyncio.timeout(timeout_s):
            result = await fetch(source)
    except Exception as error:  # whatever it is, it costs this source and no other, and is named in the snapshot
        result = unavailable(error, f"{source.venue} {source.symbol}", timeout_s)
    return _Outcome(result, _timing(result, clock.monotonic_ms() - started))


def _of_plugin(plugins: Plugins, name: str) -> Fetcher:
    async def fetch(source: Source) -> Extra:
        document = await plugins.fetchers[name].fetch(source)
        now = await source.now()
        return Extra(venue=source.venue, symbol=source.symbol, document=document, as_of=now, fetched_at=now)

    return fetch


def _outcome(task: "asyncio.Task[_Outcome]", what: str, deadline_s: float, started: float, clock: Clock) -> _Outcome:
    if task.done() and not task.cancelled():
        return task.result()
    result = unavailable(TimeoutError(), what, deadline_s)
    return _Outcome(result, _timing(result, clock.monotonic_ms() - started))


def _timing(result: Raw, elapsed_ms: float) -> SourceTiming:
    """Milliseconds, and an error when the source, or a part of it, is not there."""
    lost: dict[str, Unavailable] = {}
    if isinstance(result, Unavailable):
        lost = {"": result}
    elif isinstance(result, MarketData):
        parts = {**result.candles, "ticker": result.ticker}
        missing = {f"{name}: ": part for name, part in parts.items() if isinstance(part, Unavailable)}
        lost = {name: part for name, part in missing.items() if part.code != "not_requested"}
    if not lost:
        return SourceTiming(ms=round(elapsed_ms))
    return SourceTiming(
        ms=round(elapsed_ms),
        error_code=next(iter(lost.values())).code,
        error_message="; ".join(f"{name}{part.reason}" for name, part in lost.items()),
    )


def _symbol_data(symbol: str, primary: str, outcomes: dict[tuple[str, str], _Outcome]) -> SymbolData:
    why = "no keyword asks for it" if symbol == primary else "a partner symbol gets candles and a ticker only"
    absent = Unavailable(code="not_requested", reason=why)
    found = {name: outcome.result for (owner, name), outcome in outcomes.items() if owner == symbol}
    return SymbolData.model_validate(
        {
            "symbol": symbol,
            **{_FIELDS[name]: found.get(name, absent) for name in source_names()},
            "extra": {name: result for name, result in found.items() if name not in _FIELDS},
        }
    )
