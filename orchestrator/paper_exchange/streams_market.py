"""Market streams: what a stream's name asks for, and the messages it gives as the market goes on.

Names, fields and rates as documented for the USD-M market streams. Rates are of the exchange's clock; while it stands
still every change is told at once.
"""

import re
from typing import Any, Protocol

from orchestrator.paper_exchange.contracts import CONTRACTS
from orchestrator.paper_exchange.forced import forced_orders
from orchestrator.paper_exchange.market import INTERVALS
from orchestrator.paper_exchange.streams_book import Numbered, changes, depth_event
from orchestrator.paper_exchange.streams_source import Asked, StreamSource
from orchestrator.paper_exchange.streams_states import BookTicker, MarkPrice, MiniTicker, PartialDepth, Ticker

Event = dict[str, Any]
_SYMBOLS = {symbol.lower(): symbol for symbol in CONTRACTS}
_KLINES, _TICKER, _PREMIUM, _DEPTH = (f"/fapi/v1/{name}" for name in ("klines", "ticker/24hr", "premiumIndex", "depth"))
_KLINE_MS, _TICKER_MS, _QUICK_MS = 250, 2_000, 100
#: Candles that closed in one jump of time: the last so many are told.
_MOST_CANDLES = 100


class Feed(Protocol):
    """One stream, shared by all who listen to it."""

    @property
    def asks(self) -> Asked: ...

    def first(self) -> list[Any]:
        """What a new listener is told at once."""
        ...

    def news(self) -> list[Any]:
        """What all are told now; empty when there is nothing new, or it is not time yet."""
        ...


class Depth:
    """The changes of the whole book, each message beginning where the one before ended."""

    def __init__(self, source: StreamSource, symbol: str, every_ms: int) -> None:
        self._source, self._symbol, self._every_ms = source, symbol, every_ms
        self._told: Numbered = source.book(symbol)
        self._at = source.now

    @property
    def asks(self) -> Asked:
        return {(_DEPTH, (("symbol", self._symbol),))}

    def first(self) -> list[Any]:
        """Where the others stand: no change, and the number that the next message goes on from."""
        number = self._told.number
        return [depth_event(self._symbol, self._source.now, number, number, self._told, ([], []))]

    def news(self) -> list[Any]:
        if self._source.now - self._at < self._every_ms and not self._source.frozen:
            return []
        told, book = self._told, self._source.book(self._symbol)
        sides = changes(told.bids, book.bids), changes(told.asks, book.asks)
        if not any(sides):
            return []
        self._told, self._at = book, self._source.now
        return [depth_event(self._symbol, self._at, told.number + 1, told.number, book, sides)]


class Klines:
    """The running candle, and each candle once more when it has closed (`x`)."""

    def __init__(self, source: StreamSource, symbol: str, interval: str) -> None:
        self._source, self._symbol, self._interval = source, symbol, interval
        self._step = INTERVALS[interval]
        self._open, self._told, self._at = source.now // self._step * self._step, None, source.now

    _told: tuple[Any, ...] | None

    @property
    def asks(self) -> Asked:
        return {(_KLINES, (("symbol", self._symbol), ("interval", self._interval), ("limit", "2")))}

    def first(self) -> list[Any]:
        return [self._event(row) for row in self._rows(1)]

    def news(self) -> list[Any]:
        now = self._source.now
        if now - self._at < _KLINE_MS and not self._source.frozen:
            return []
        passed = (now // self._step * self._step - self._open) // self._step
        told = []
        for row in self._rows(min(_MOST_CANDLES, passed + 1)):
            mark = (*row, self._closed(row))
            if row[0] < self._open or mark == self._told:
                continue
            self._open, self._told, self._at = row[0], mark, now
            told.append(self._event(row))
        return told

    def _rows(self, limit: int) -> list[Any]:
        live = self._source.get(_KLINES, symbol=self._symbol, interval=self._interval, limit="2")
        if live is None:
            return []
        rows: list[Any] = live
        if limit > 2:
            rows = self._source.get(_KLINES, symbol=self._symbol, interval=self._interval, limit=str(limit)) or live
        return rows[-limit:]

    def _closed(self, row: list[Any]) -> bool:
        return bool(row[6] < self._source.now)

    def _event(self, row: list[Any]) -> Event:
        opened, o, h, low, c, v, end, quote, count, taker, taker_quote, _ = row
        kline = {"t": opened, "T": end, "s": self._symbol, "i": self._interval, "f": -1, "L": -1}
        kline |= {"o": o, "c": c, "h": h, "l": low, "v": v, "n": count, "x": self._closed(row)}
        kline |= {"q": quote, "V": taker, "Q": taker_quote, "B": "0"}
        return {"e": "kline", "E": self._source.now, "s": self._symbol, "k": kline}


class Trades:
    """The trades that take place here: the fills of the account, forced orders left out as at the venue."""

    asks: Asked = set()  # noqa: RUF012  # never written to

    def __init__(self, source: StreamSource, symbol: str, aggregated: bool) -> None:
        self._source, self._symbol, self._aggregated = source, symbol, aggregated
        self._count = len(source.engine.account.trades)

    def first(self) -> list[Any]:
        return []

    def news(self) -> list[Any]:
        new = self._source.engine.account.trades[self._count :]
        self._count += len(new)
        if not new:
            return []
        forced = {row["orderId"] for row in forced_orders(self._source.engine, None)}
        mine = (row for row in new if row["symbol"] == self._symbol and row["orderId"] not in forced)
        return [self._event(row) for row in mine]

    def _event(self, row: Event) -> Event:
        trade = {"E": self._source.now, "T": row["time"], "s": row["symbol"], "p": row["price"], "q": row["qty"]}
        buyer_is_maker = row["buyer"] == row["maker"]
        if self._aggregated:
            numbers = {"a": row["id"], "f": row["id"], "l": row["id"]}
            return {"e": "aggTrade", **trade, **numbers, "m": buyer_is_maker}
        return {"e": "trade", **trade, "t": row["id"], "X": "MARKET", "m": buyer_is_maker}


_DEPTHS = re.compile(r"depth(5|10|20)?(?:@(0|100|250|500)ms)?")
_MARKS = re.compile(r"markPrice(?:@(1)s)?")
_CANDLES = re.compile(r"kline_(\w+)")
_ALL = {
    "!markPrice@arr": (MarkPrice, 3_000),
    "!markPrice@arr@1s": (MarkPrice, 1_000),
    "!ticker@arr": (Ticker, _TICKER_MS),
    "!miniTicker@arr": (MiniTicker, _TICKER_MS),
}


def open_feed(source: StreamSource, name: str) -> Feed | None:
    """The stream of a name, None where there is none. Raises NoRecording."""
    if name in _ALL:
        kind, every = _ALL[name]
        return kind(source, None, every, regular=True)
    if name == "!bookTicker":
        return BookTicker(source, None, _QUICK_MS, regular=False)
    coin, _, what = name.partition("@")
    symbol = _SYMBOLS.get(coin)
    if symbol is None:
        return None
    if what in ("ticker", "miniTicker"):
        return (Ticker if what == "ticker" else MiniTicker)(source, symbol, _TICKER_MS, regular=True)
    if what == "bookTicker":
        return BookTicker(source, symbol, 0, regular=False)
    if what in ("trade", "aggTrade"):
        return Trades(source, symbol, aggregated=what == "aggTrade")
    if found := _MARKS.fullmatch(what):
        return MarkPrice(source, symbol, 1_000 if found[1] else 3_000, regular=True)
    if found := _DEPTHS.fullmatch(what):
        every = int(found[2] or 250)
        if found[1] is None:
            return Depth(source, symbol, every)
        partial = PartialDepth(source, symbol, every, regular=False)
        partial.levels = int(found[1])
        return partial
    if (found := _CANDLES.fullmatch(what)) and found[1] in INTERVALS:
        return Klines(source, symbol, found[1])
    return None
