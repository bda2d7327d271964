"""The order book, deep enough to reach 1 % on both sides where the venue gives that much, several times if asked.

Whether it does is a reading made elsewhere; a shallow book is kept, with a note. Quantities are base units. The newest
book by the venue's own stamp is the book; the others are kept beside it. One that fails costs only itself.
Command: ``python -m data_fetchers.fetch_orderbook --exchange binanceusdm --symbol SOLUSDT --limit 1000``
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from data_fetchers.errors import FetchCode, FetchError, Permanent, Transient
from data_fetchers.parsing import millis, positive
from data_fetchers.snapshot import BookShot, OrderBook
from data_fetchers.source import Source

#: Depths a venue accepts, ascending (ccxt hands the number on as it is).
_STEPS = {
    "binanceusdm": (5, 10, 20, 50, 100, 500, 1000),
    "bybit": (1, 25, 50, 100, 200, 500, 1000),
    "okx": (100, 400, 5000),
    "bitget": (),
}
_NEAR = 0.01
#: Seconds for a book after the first: it is worth a moment, not the source.
_LATER_S = 2.0

Levels = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class _Shot:
    """One answer; `stamp` is the venue's time of it, None when it gives none."""

    bids: Levels
    asks: Levels
    stamp: int | None
    fetched_at: int

    @property
    def as_of(self) -> int:
        return self.fetched_at if self.stamp is None else self.stamp


async def fetch(source: Source) -> OrderBook:
    """The newest book of `source.symbol`, best first, as old as the venue's own stamp says, and those before it.

    Raises FetchError when the first is empty on both sides, crossed, or not to be had.
    """
    shots = [await _shot(source)]
    failed = await _later(source, shots)
    shots.sort(key=lambda shot: shot.as_of)
    newest = shots[-1]
    notes = [] if newest.stamp is not None else ["the venue gives no time; that of the answer stands"]
    if not reaches(newest.bids, newest.asks):
        notes.append(f"{len(newest.bids)} bids and {len(newest.asks)} asks do not reach 1 % on both sides")
    return OrderBook(
        venue=source.venue,
        symbol=source.symbol,
        bids=newest.bids,
        asks=newest.asks,
        as_of=newest.as_of,
        fetched_at=newest.fetched_at,
        note="; ".join(notes + failed),
        earlier=tuple(BookShot(bids=one.bids, asks=one.asks, as_of=one.as_of) for one in shots[:-1]),
    )


async def _later(source: Source, shots: list[_Shot]) -> list[str]:
    """Adds the other books asked for to `shots`; what kept one away, in words. Never raises a FetchError.

    The first failure is the last request: the venue has other things to answer. So is a book with the stamp of one
    that is there: a market that stands still, or a cache, says nothing new a moment later.
    """
    asked, pause = source.requirements.book_snapshots, source.requirements.book_pause_s
    clock, deadline_ms = source.calls.clock, source.calls.deadline_ms
    for number in range(2, asked + 1):
        left_s = (deadline_ms - clock.monotonic_ms()) / 1000 - pause
        if left_s <= 0:
            return [f"book {number} of {asked}: no time left"]
        await clock.sleep(pause)
        try:
            async with asyncio.timeout(min(_LATER_S, left_s)):
                found = await _shot(source)
        except FetchError as error:
            return [f"book {number} of {asked} failed: {error.code}"]
        except TimeoutError:
            return [f"book {number} of {asked} failed: timeout"]
        if found.stamp is not None and any(found.stamp == shot.stamp for shot in shots):
            return [f"book {number} of {asked} is one already there"]
        shots.append(found)
    return []


async def _shot(source: Source) -> _Shot:
    """One book. Raises FetchError."""
    asked = source.requirements.book_levels
    answer = await source.call("fetch_order_book", source.symbol, *_depth(source.exchange.id, asked))
    size = await source.contract_size()
    if not isinstance(answer, dict):
        raise Transient(f"{source.venue} {source.symbol}: the book is no object", FetchCode.BAD_ANSWER)
    bids, asks = levels(answer.get("bids"), size, best_high=True), levels(answer.get("asks"), size, best_high=False)
    if not bids and not asks:
        raise Permanent(f"{source.venue} {source.symbol}: an empty book", FetchCode.EMPTY)
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise Transient(
            f"{source.venue} {source.symbol}: crossed book, bid {bids[0][0]} >= ask {asks[0][0]}", FetchCode.BAD_ANSWER
        )
    return _Shot(bids, asks, millis(answer.get("timestamp")), await source.now())


def _depth(venue_id: str, asked: int) -> tuple[Any, ...]:
    """Arguments for the depth: the smallest accepted one that holds `asked` levels, else the largest."""
    if venue_id == "bitget":
        return (None, {"limit": "max"})
    steps = _STEPS.get(venue_id)
    return (next((step for step in steps if step >= asked), steps[-1]),) if steps else (asked,)


def levels(answer: Any, contract_size: float, *, best_high: bool) -> Levels:
    """(price, base quantity), best first, one a price; what is no positive number is dropped."""
    found: dict[float, float] = {}
    for level in answer if isinstance(answer, (list, tuple)) else []:
        if isinstance(level, (list, tuple)) and len(level) >= 2:
            price, amount = positive(level[0]), positive(level[1])
            if price is not None and amount is not None:
                found[price] = amount if contract_size == 1 else amount * contract_size
    return tuple(sorted(found.items(), reverse=best_high))


def reaches(bids: Levels, asks: Levels) -> bool:
    """Whether both sides reach 1 % from mid."""
    if not bids or not asks:
        return False
    middle = (bids[0][0] + asks[0][0]) / 2
    return bids[-1][0] <= middle * (1 - _NEAR) and asks[-1][0] >= middle * (1 + _NEAR)


def rows(book: OrderBook) -> Iterator[tuple[Any, ...]]:
    """CSV rows."""
    for side, side_levels in (("bid", book.bids), ("ask", book.asks)):
        for price, quantity in side_levels:
            yield (side, price, quantity)


def main(argv: list[str] | None = None) -> int:
    """The command."""
    from data_fetchers.command import Command, run

    columns = ("side", "price", "quantity")
    return run(Command("fetch_orderbook", "The order book.", columns, fetch, rows), argv)


if __name__ == "__main__":
    raise SystemExit(main())
