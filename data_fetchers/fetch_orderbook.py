"""The order book, deep enough to reach 1 % on both sides where the venue gives that much.

Whether it does is a reading made elsewhere; a shallow book is kept, with a note. Quantities are base units.
Command: ``python -m data_fetchers.fetch_orderbook --exchange binanceusdm --symbol SOLUSDT --limit 1000``
"""

from collections.abc import Iterator
from typing import Any

from data_fetchers.errors import FetchCode, Permanent, Transient
from data_fetchers.parsing import millis, positive
from data_fetchers.snapshot import OrderBook
from data_fetchers.source import Source

#: Depths a venue accepts, ascending (ccxt hands the number on as it is).
_STEPS = {
    "binanceusdm": (5, 10, 20, 50, 100, 500, 1000),
    "bybit": (1, 25, 50, 100, 200, 500, 1000),
    "okx": (100, 400, 5000),
    "bitget": (),
}
_NEAR = 0.01

Levels = tuple[tuple[float, float], ...]


async def fetch(source: Source) -> OrderBook:
    """The book of `source.symbol`, best first, as old as the venue's own stamp says.

    Raises FetchError: empty on both sides, crossed, or not to be had.
    """
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
    fetched_at = await source.now()
    stamp = millis(answer.get("timestamp"))
    notes = [] if stamp is not None else ["the venue gives no time; that of the answer stands"]
    if not reaches(bids, asks):
        notes.append(f"{len(bids)} bids and {len(asks)} asks do not reach 1 % on both sides")
    return OrderBook(
        venue=source.venue,
        symbol=source.symbol,
        bids=bids,
        asks=asks,
        as_of=fetched_at if stamp is None else stamp,
        fetched_at=fetched_at,
        note="; ".join(notes),
    )


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
