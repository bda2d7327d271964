"""Settled funding, the predicted rate of the running interval, when it is paid, and how long an interval is.

All rates are fractions of notional per interval. The interval is never taken for 8 h: it is what the venue declares,
else the time between settlements. Command: ``python -m data_fetchers.fundingratehistory --exchange binanceusdm
--symbol SOLUSDT --limit 100``
"""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from data_fetchers.errors import FetchCode, Permanent
from data_fetchers.parsing import iso, millis, number
from data_fetchers.snapshot import Funding, FundingPoint, Unavailable
from data_fetchers.source import Source, failure_of

_HOUR_MS = 3_600_000
_LONGEST_HOURS = 24
#: A settlement is asked for this long after its time, in a quarter of its own: the running rate is live anyway.
_GRACE_MS = 35 * 60_000
#: More than any venue lets a rate be, as a fraction per interval (caps are 2 to 4 %): a slip, or damage.
_HIGHEST_RATE = 0.25
#: What is stamped this little ahead of the clock is not from another time.
_SLACK_MS = 60_000
#: What one request brings home; ccxt passes larger numbers on and venues then refuse or cut.
_MOST = {"binanceusdm": 1000, "bybit": 200, "okx": 100, "bitget": 100}


async def fetch(source: Source) -> Funding:
    """History (at most `requirements.funding_points`, oldest first) and the running interval of `source.symbol`.

    A part that fails is left out as long as the other tells the interval. Raises FetchError.
    """
    limit = max(2, min(source.requirements.funding_points, _MOST.get(source.exchange.id, 100)))
    settled, current, declared = await asyncio.gather(
        source.settle(_settlements(source, limit)),
        source.settle(source.call_once("fetch_funding_rate")),
        source.settle(_declared_hours(source)),
    )
    if isinstance(settled, Unavailable) and isinstance(current, Unavailable):
        raise failure_of(settled, f"history: {settled.reason}; running interval: {current.reason}")
    times = [] if isinstance(settled, Unavailable) else settled[-limit:]
    running = current if isinstance(current, dict) else {}
    upcoming = millis(running.get("fundingTimestamp"))
    now = await source.now()
    hours = declared if isinstance(declared, float) else hours_of(running.get("interval"))
    history = with_intervals(times, hours)
    hours = hours or _running_hours(history, upcoming)
    if hours is None:
        raise Permanent(f"{source.venue} {source.symbol}: the funding interval is not known", FetchCode.EMPTY)
    predicted = number(running.get("fundingRate"))
    if predicted is not None and abs(predicted) > _HIGHEST_RATE:
        raise Permanent(f"{source.venue} {source.symbol}: {predicted:g} is no funding rate", FetchCode.BAD_ANSWER)
    if predicted is None and not history:
        raise Permanent(f"{source.venue} {source.symbol}: neither a settled nor a predicted rate", FetchCode.EMPTY)
    return Funding(
        venue=source.venue,
        symbol=source.symbol,
        history=history,
        predicted_rate=predicted,
        interval_hours=hours,
        next_funding_time=upcoming,
        as_of=millis(running.get("timestamp")) or (now if predicted is not None else history[-1].time),
        fetched_at=now,
    )


async def _settlements(source: Source, limit: int) -> list[tuple[int, float]]:
    """Settled rates, oldest first; asked for only when a settlement has passed that is not stored yet."""
    store, now = source.store, await source.now()
    known = {} if store is None else store.rates(source.venue, source.symbol)
    times = sorted(known)
    if len(times) >= 2 and now < times[-1] + (times[-1] - times[-2]) + _GRACE_MS and times[-1] <= now + _SLACK_MS:
        return sorted(known.items())
    found = settlements(await source.call("fetch_funding_rate_history", source.symbol, None, limit))
    if store is not None:
        store.keep_rates(source.venue, source.symbol, dict(found))
    return found


async def _declared_hours(source: Source) -> float | None:
    """The venue's own statement (Binance: fundingInfo, which lists only symbols whose terms were ever changed)."""
    if source.exchange.id not in ("binanceusdm", "binance"):
        return None
    if source.store is None:
        return await _ask_hours(source)
    now = await source.now()
    settled = max(source.store.rates(source.venue, source.symbol), default=now)
    known, hours = source.store.interval(source.venue, source.symbol, min(settled, now))
    if not known:
        hours = await _ask_hours(source)
        source.store.keep_interval(source.venue, source.symbol, now, hours)
    return hours


async def _ask_hours(source: Source) -> float | None:
    found = await source.call("fetch_funding_intervals", [source.symbol])
    entry = found.get(source.symbol) if isinstance(found, dict) else None
    return hours_of(entry.get("interval")) if isinstance(entry, dict) else None


def hours_of(interval: Any) -> float | None:
    """Hours of ccxt's `4h`; None for anything else."""
    text = str(interval or "")
    hours = number(text[:-1]) if text.endswith("h") else None
    return hours if hours is not None and 0 < hours <= _LONGEST_HOURS else None


def settlements(answer: Any) -> list[tuple[int, float]]:
    """(time, rate) of each settlement, oldest first, each once; what is no time or no rate is dropped."""
    found: dict[int, float] = {}
    for row in answer if isinstance(answer, list) else []:
        if isinstance(row, dict):
            time, rate = millis(row.get("timestamp")), number(row.get("fundingRate"))
            if time is not None and rate is not None and abs(rate) <= _HIGHEST_RATE:
                found[time] = rate
    return sorted(found.items())


def with_intervals(settled: list[tuple[int, float]], declared: float | None) -> tuple[FundingPoint, ...]:
    """Each settlement with the hours it covers: the time since the one before (stamps may be a second off the hour).

    Points whose interval cannot be told (a lone settlement without a declared interval, steps beyond a day) are left
    out rather than given one.
    """
    steps = [float(round((later - earlier) / _HOUR_MS)) for (earlier, _), (later, _) in pairwise(settled)]
    points: list[FundingPoint] = []
    for place, (time, rate) in enumerate(settled):
        hours = _covered(steps, place, declared) if place else (steps[0] if steps else declared)
        if hours is not None and 0 < hours <= _LONGEST_HOURS:
            points.append(FundingPoint(time=time, rate=rate, interval_hours=hours))
    return tuple(points)


def _covered(steps: list[float], place: int, declared: float | None) -> float:
    """Hours that settlement `place` covers. One long step between two equal shorter ones is a missing record."""
    own = steps[place - 1]
    before = steps[place - 2] if place >= 2 else None
    after = steps[place] if place < len(steps) else declared
    if before and before == after and own > before and own % before == 0:
        return before
    return own


def _running_hours(history: tuple[FundingPoint, ...], upcoming: int | None) -> float | None:
    """From the last settlement to the next, where that is no longer than the step before it, else that step."""
    if not history:
        return None
    step = history[-1].interval_hours
    ahead = round((upcoming - history[-1].time) / _HOUR_MS) if upcoming is not None else 0
    return float(ahead) if 0 < ahead < step else step


def rows(funding: Funding) -> Iterator[tuple[Any, ...]]:
    """CSV rows."""
    for point in funding.history:
        yield (iso(point.time), point.rate, point.interval_hours)


def main(argv: list[str] | None = None) -> int:
    """The command."""
    from data_fetchers.command import Command, run

    columns = ("time", "rate", "interval_hours")
    return run(Command("fundingratehistory", "Settled funding rates (fractions).", columns, fetch, rows), argv)


if __name__ == "__main__":
    raise SystemExit(main())
