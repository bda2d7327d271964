"""Open interest in coins and in quote currency: 5-minute history (300 points are 25 h) and the current figure.

Command: ``python -m data_fetchers.fetch_open_interest --exchange binanceusdm --symbol SOLUSDT --limit 300``
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from data_fetchers.errors import FetchCode, NotSupported, Permanent
from data_fetchers.parsing import iso, millis, not_negative
from data_fetchers.snapshot import OpenInterest, OpenInterestPoint, Unavailable
from data_fetchers.source import Source, all_of, failure_of

_STEP_MS = 300_000
#: Points a request; asked for in pages by time beyond that.
_MOST = {"binanceusdm": 500, "bybit": 200, "okx": 100}


async def fetch(source: Source) -> OpenInterest:
    """The last `requirements.open_interest_points` points, the current one last.

    History or the current figure alone is kept, with a note. Raises FetchError when there is neither.
    """
    wanted = max(1, source.requirements.open_interest_points)
    size = await source.contract_size()
    history, current = await _asked(source, wanted, size)
    if isinstance(history, Unavailable) and isinstance(current, Unavailable):
        raise failure_of(current, f"history: {history.reason}; current figure: {current.reason}")
    fetched_at = await source.now()
    notes: list[str] = []
    points: dict[int, OpenInterestPoint] = {}
    if isinstance(history, Unavailable):
        notes.append(f"no history: {history.reason}")
    else:
        points = {point.time: point for point in (point_of(row, size, source.exchange.id) for row in history) if point}
    now = None
    if isinstance(current, Unavailable):
        notes.append(f"no current figure: {current.reason}")
    elif current is None:
        pass
    elif (now := point_of(current, size, source.exchange.id, otherwise=fetched_at)) is None:
        notes.append("no current figure: it is no number")
    elif not points or now.time > max(points):
        points[now.time] = now
    if not points:
        raise Permanent(f"{source.venue} {source.symbol}: {'; '.join(notes) or 'no open interest'}", FetchCode.EMPTY)
    kept = tuple(points[time] for time in sorted(points))[-wanted:]
    if len(kept) < wanted and not notes:
        notes.append(f"{len(kept)} of {wanted} points")
    return OpenInterest(
        venue=source.venue,
        symbol=source.symbol,
        points=kept,
        as_of=kept[-1].time,
        fetched_at=fetched_at,
        note="; ".join(notes),
    )


async def _asked(source: Source, wanted: int, size: float) -> tuple[list[Any] | Unavailable, Any]:
    """History, and the current figure. With a store the latter is saved where the history's last point is fresh."""
    if source.store is None:
        history, current = await asyncio.gather(
            source.settle(_history(source, wanted)), source.settle(source.call("fetch_open_interest", source.symbol))
        )
        return history, current
    history = await source.settle(_history(source, wanted))
    if not isinstance(history, Unavailable):
        points = [point for row in history if (point := point_of(row, size, source.exchange.id))]
        newest = max((point.time for point in points), default=0)
        if await source.now() - newest < 2 * _STEP_MS:
            return history, None
    return history, await source.settle(source.call("fetch_open_interest", source.symbol))


async def _history(source: Source, wanted: int) -> list[Any]:
    """5-minute rows, in as many pages as the venue needs, all at once. Raises FetchError."""
    if not source.supports("fetchOpenInterestHistory"):
        raise NotSupported(f"{source.venue} publishes no history of open interest")
    most = _MOST.get(source.exchange.id, 100)
    if wanted <= most:
        answers = [await source.call("fetch_open_interest_history", source.symbol, "5m", None, wanted)]
    else:
        end = await source.now() // _STEP_MS * _STEP_MS
        starts = range(end - (wanted - 1) * _STEP_MS, end + 1, most * _STEP_MS)
        answers = await all_of(
            [_page(source, start, min(start + most * _STEP_MS, end + 1) - 1, most) for start in starts]
        )
    return [row for answer in answers if isinstance(answer, list) for row in answer]


async def _page(source: Source, start: int, until: int, most: int) -> Any:
    return await source.call("fetch_open_interest_history", source.symbol, "5m", start, most, {"until": until})


def point_of(row: Any, contract_size: float, venue_id: str, otherwise: int | None = None) -> OpenInterestPoint | None:
    """A point of ccxt's structure, coins made of contracts. `otherwise` is its time where the venue gives none."""
    if not isinstance(row, dict):
        return None
    time = millis(row.get("timestamp")) or otherwise
    if venue_id == "okx":  # amounts are contracts there, `baseVolume` is coins
        coins = not_negative(row.get("baseVolume"))
    else:
        amount = not_negative(row.get("openInterestAmount"))
        coins = amount if amount is None or contract_size == 1 else amount * contract_size
    if time is None or coins is None:
        return None
    return OpenInterestPoint(time=time, coins=coins, quote=not_negative(row.get("openInterestValue")))


def rows(interest: OpenInterest) -> Iterator[tuple[Any, ...]]:
    """CSV rows; an unknown quote figure is an empty field."""
    for point in interest.points:
        yield (iso(point.time), point.coins, "" if point.quote is None else point.quote)


def main(argv: list[str] | None = None) -> int:
    """The command."""
    from data_fetchers.command import Command, run

    columns = ("time", "coins", "quote")
    return run(Command("fetch_open_interest", "Open interest.", columns, fetch, rows), argv)


if __name__ == "__main__":
    raise SystemExit(main())
