"""Streams that tell a state of the market: best prices, mark, rolling day, the best levels of the book."""

from typing import Any

from orchestrator.paper_exchange.contracts import CONTRACTS
from orchestrator.paper_exchange.streams_book import depth_event, top
from orchestrator.paper_exchange.streams_source import Asked, StreamSource

Event = dict[str, Any]
_TICKER, _PREMIUM, _DEPTH = (f"/fapi/v1/{name}" for name in ("ticker/24hr", "premiumIndex", "depth"))


class States:
    """A stream that tells a state: a new listener at once, everybody when it changed, at most so often."""

    def __init__(self, source: StreamSource, symbol: str | None, every_ms: int, regular: bool) -> None:
        self._source, self._symbols = source, [symbol] if symbol else list(CONTRACTS)
        self._one = symbol is not None
        self._every_ms, self._regular = every_ms, regular
        self._told: dict[str, Event | None] = {}
        self._at = source.now

    @property
    def asks(self) -> Asked:
        return {(path, (("symbol", symbol),)) for symbol in self._symbols for path in self.paths}

    paths: tuple[str, ...] = ()

    def state(self, symbol: str) -> Event | None:
        raise NotImplementedError

    def first(self) -> list[Any]:
        return self._packed([event for symbol in self._symbols if (event := self._stamped(symbol))])

    def news(self) -> list[Any]:
        moved = self._source.now - self._at
        if moved < self._every_ms and not self._source.frozen:
            return []
        told = []
        for symbol in self._symbols:
            state = self.state(symbol)
            if state is not None and (state != self._told.get(symbol) or (self._regular and moved)):
                self._told[symbol] = state
                told.append(self._stamp(state))
        if told:
            self._at = self._source.now
        return self._packed(told)

    def _stamped(self, symbol: str) -> Event | None:
        state = self.state(symbol)
        if symbol not in self._told:
            self._told[symbol] = state
        return None if state is None else self._stamp(state)

    def _stamp(self, state: Event) -> Event:
        return {"e": state["e"], "E": self._source.now, **state}

    def _packed(self, events: list[Event]) -> list[Any]:
        return events


class Array(States):
    """A stream of all symbols in one list."""

    def _packed(self, events: list[Event]) -> list[Any]:
        return [events] if events and not self._one else events


class BookTicker(States):
    """The best bid and ask."""

    paths = (_DEPTH,)

    def state(self, symbol: str) -> Event | None:
        book = self._source.book(symbol)
        (bid, bids), (ask, asks) = top(book.bids, 1)[0], top(book.asks, 1)[0]
        told = self._told.get(symbol)
        best = {"s": symbol, "b": bid, "B": bids, "a": ask, "A": asks}
        if told is not None and best.items() <= told.items():
            return told
        return {"e": "bookTicker", "u": book.number, **best, "T": self._source.now}


class MarkPrice(Array):
    """Mark, index and funding."""

    paths = (_PREMIUM,)

    def state(self, symbol: str) -> Event | None:
        row = self._source.get(_PREMIUM, symbol=symbol)
        return {
            "e": "markPriceUpdate",
            "s": symbol,
            "p": row["markPrice"],
            "i": row["indexPrice"],
            "P": row["estimatedSettlePrice"],
            "r": row["lastFundingRate"],
            "T": row["nextFundingTime"],
        }


_DAY_FIELDS = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
    "c": "lastPrice",
    "Q": "lastQty",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
    "O": "openTime",
    "C": "closeTime",
    "F": "firstId",
    "L": "lastId",
    "n": "count",
}


class Ticker(Array):
    """The rolling day."""

    paths = (_TICKER,)
    name, fields = "24hrTicker", tuple(_DAY_FIELDS)

    def state(self, symbol: str) -> Event | None:
        row = self._source.get(_TICKER, symbol=symbol)
        if row is None:
            return None
        return {"e": self.name, "s": symbol, **{short: row[_DAY_FIELDS[short]] for short in self.fields}}


class MiniTicker(Ticker):
    """The rolling day in short."""

    name, fields = "24hrMiniTicker", ("c", "o", "h", "l", "v", "q")


class PartialDepth(States):
    """The best levels, whole."""

    paths = (_DEPTH,)
    levels = 20

    def state(self, symbol: str) -> Event | None:
        book = self._source.book(symbol)
        sides = top(book.bids, self.levels), top(book.asks, self.levels)
        told = self._told.get(symbol)
        if told is not None and (told["b"], told["a"]) == sides:
            return told
        previous = book.number if told is None else told["u"]
        first = book.number if told is None else previous + 1
        return depth_event(symbol, self._source.now, first, previous, book, sides)

    def _stamped(self, symbol: str) -> Event | None:
        # what the others have: the next message goes on from there
        if symbol not in self._told:
            self._told[symbol] = self.state(symbol)
        return self._told[symbol]

    def _stamp(self, state: Event) -> Event:
        return state
