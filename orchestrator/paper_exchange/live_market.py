"""A market that mirrors a live venue: it knows what was read there, and nothing between two readings or after them.

Between two readings the mark price runs straight; over a gap in them it jumps, and what the jump passes acts at the new
price. Nothing is generated: candles, ratios and the rest are asked of the venue itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchestrator.paper_exchange.contracts import CONTRACTS
from orchestrator.paper_exchange.market import Level, Market
from orchestrator.paper_exchange.recorded import NoRecording
from orchestrator.paper_exchange.synthetic import HOUR, MINUTE, Bars
from orchestrator.paper_exchange.texture import Texture

#: A price older than this fills nothing, ms.
STALE_MS = 10_000
SYMBOLS = tuple(CONTRACTS)


@dataclass(frozen=True)
class Reading:
    """One reading of `premiumIndex`; `at` is the exchange time at which it came, ms."""

    at: int
    mark: Decimal
    index: Decimal
    funding: float
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Book:
    """One reading of `depth`, best first on both sides; `at` as in Reading."""

    at: int
    bids: list[Level]
    asks: list[Level]
    document: Mapping[str, Any]


class _Nothing:
    """There are no minute bars behind a live market."""

    first = 0

    def bars(self, symbol: str, until: int) -> Bars:
        raise NoRecording(f"a live market keeps no candles of its own ({symbol}); they are asked of the venue")


class LiveMarket(Market):
    """Behind the interface of `Market`; filled by `read_mark` and `read_book`."""

    def __init__(self, hours: Mapping[str, int]) -> None:
        super().__init__(_Nothing(), 0, Texture())
        self._hours = hours
        self.stale_ms = STALE_MS
        self._marks: dict[str, tuple[Reading | None, Reading]] = {}
        self._depth: dict[str, Book] = {}

    # what was read

    def read_mark(self, symbol: str, reading: Reading) -> None:
        """Take a reading; the engine is advanced to its time next."""
        before = self._marks.get(symbol)
        self._marks[symbol] = (None if before is None else before[1], reading)

    def read_book(self, symbol: str, book: Book) -> None:
        """Take a reading."""
        self._depth[symbol] = book

    def newest(self, symbol: str) -> Reading:
        """The last reading of the mark."""
        return self._marks[symbol][1]

    def depth(self, symbol: str) -> Book:
        """The last reading of the book."""
        return self._depth[symbol]

    def age(self, symbol: str, now: int) -> int:
        """Milliseconds since mark and book were both known."""
        mark, book = self._marks.get(symbol), self._depth.get(symbol)
        if mark is None or book is None:
            return now
        return now - min(mark[1].at, book.at)

    def stale(self, symbol: str, now: int) -> bool:
        """Whether nothing may be filled any more."""
        return self.age(symbol, now) > self.stale_ms

    # what the engine asks

    def price(self, symbol: str, now: int) -> float:
        """The mark as a number."""
        return float(self.mark(symbol, now))

    def mid(self, symbol: str, now: int) -> Decimal:
        """Between the best bid and the best ask."""
        book = self._depth[symbol]
        return (book.bids[0][0] + book.asks[0][0]) / 2

    def mark(self, symbol: str, now: int) -> Decimal:
        """The last mark price known at `now`."""
        before, last = self._marks[symbol]
        return last.mark if before is None or last.at <= now else before.mark

    def index(self, symbol: str, now: int) -> Decimal:
        """The index price read with the mark."""
        return self.newest(symbol).index

    def set_price(self, symbol: str, price: float, now: int) -> None:
        """Never: it follows the venue. Raises NoRecording."""
        raise NoRecording("the price of a live market is the venue's")

    def path(self, symbol: str, start: int, end: int) -> list[Decimal]:
        """The way of the mark between the readings in (start, end]; where there is none nothing is met."""
        before, last = self._marks[symbol]
        if not start < last.at <= end:
            return [self.mark(symbol, start)]
        if before is None or last.at - before.at > self.stale_ms:
            return [last.mark, last.mark]
        return [before.mark, last.mark]

    def first_exit(self, symbol: str, start: int, end: int, low: Decimal, high: Decimal) -> int:
        """The whole minute in which the reading in (start, end] came, else `end`; `start` is on a minute."""
        at = self._marks[symbol][1].at
        return min(end, start + (at - 1 - start) // MINUTE * MINUTE) if start < at <= end else end

    def book(self, symbol: str, now: int, around: Decimal | None = None) -> tuple[list[Level], list[Level]]:
        """The book as it was read last, whatever the price a trigger was met at."""
        book = self._depth[symbol]
        return book.bids, book.asks

    def predicted_funding(self, symbol: str, now: int) -> float:
        """The rate the venue shows for the running interval."""
        return self.newest(symbol).funding

    def next_funding(self, now: int) -> int:
        """The next funding time of any symbol, strictly after now."""
        return min(now - now % (hours * HOUR) + hours * HOUR for hours in self._hours.values())

    def pays_funding(self, symbol: str, at: int) -> bool:
        """Whether `at` is a funding time of the symbol."""
        return at % (self._hours[symbol] * HOUR) == 0

    def funding_due(self, symbol: str, at: int) -> float | None:
        """Not known before the venue has settled it: what is owed is charged then."""
        return None


def reading_of(document: Any, symbol: str, at: int) -> Reading:
    """Of one row of `premiumIndex`. Raises ValueError, KeyError, TypeError, ArithmeticError for anything else."""
    mark, index = Decimal(document["markPrice"]), Decimal(document["indexPrice"])
    if document["symbol"] != symbol or not mark.is_finite() or mark <= 0 or not index.is_finite():
        raise ValueError(f"no price of {symbol}: {str(document)[:100]}")
    return Reading(at, mark, index, float(document["lastFundingRate"]), document)


def book_of(document: Any, at: int) -> Book:
    """Of a `depth` answer. Raises as `reading_of`; an empty or crossed book is none."""
    sides = []
    for name in ("bids", "asks"):
        levels = [(Decimal(price), Decimal(size)) for price, size in document[name]]
        sides.append([level for level in levels if level[0] > 0 and level[1] > 0])
    bids, asks = sides
    if not bids or not asks or bids[0][0] >= asks[0][0]:
        raise ValueError("a book that is empty or crossed")
    if bids != sorted(bids, reverse=True) or asks != sorted(asks):
        raise ValueError("a book out of order")
    return Book(at, bids, asks, document)
