"""Keeps a live market fresh, and answers what is asked of its public side: read from the venue, never made up.

Each second the mark of every symbol; the book when somebody asks or trades, and every two seconds while anything is
open.
The exchange's clock is the venue's, running 1:1; where the venue's is ahead it follows, and it never goes back.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.paper_exchange.errors import Refusal
from orchestrator.paper_exchange.live_funding import settle_owed
from orchestrator.paper_exchange.live_market import SYMBOLS, LiveMarket, Reading, book_of, reading_of
from orchestrator.paper_exchange.live_rules import funding_hours, own_symbols, rules_of
from orchestrator.paper_exchange.live_upstream import KEPT_S, Answer, Upstream, UpstreamDown
from orchestrator.paper_exchange.orders import known_symbol

if TYPE_CHECKING:
    from orchestrator.paper_exchange.contracts import ContractRules
    from orchestrator.paper_exchange.http import Front

_START_S = 12.0
_EVERY_S = 1.0
_BOOK_MS = 2_000
_ASKED_MS = 1_000
_BEHIND_MS = 1_000
_DEPTH = 1000
_PLACES = {("POST", "/fapi/v1/order"), ("POST", "/fapi/v1/algoOrder")}
_UNREADABLE = (ValueError, KeyError, TypeError, ArithmeticError, IndexError)


class LiveFeed:
    """One upstream and the market read from it. Use: `open`, then `follow` with the front, `close` at the end."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._front: Front | None = None
        self._task: asyncio.Task[None] | None = None
        self._asking: dict[str, asyncio.Lock] = {symbol: asyncio.Lock() for symbol in SYMBOLS}
        self._first: list[tuple[str, Any, Any]] = []
        self._info: dict[str, Any] = {}
        self._trouble: dict[str, str] = {}
        self.contracts: Mapping[str, ContractRules] = {}
        self.market = LiveMarket({})
        self.began = 0

    async def open(self) -> None:
        """Read rules, clock, marks and books. Raises UpstreamDown."""
        up = self._upstream
        try:
            async with asyncio.timeout(_START_S):
                info, hours, clock = await asyncio.gather(
                    up.document("/fapi/v1/exchangeInfo"),
                    up.document("/fapi/v1/fundingInfo"),
                    up.document("/fapi/v1/time"),
                )
                self.contracts, self._info = rules_of(info), own_symbols(info)
                self.market = LiveMarket(funding_hours(hours))
                self.began = int(clock["serverTime"])
                for symbol in SYMBOLS:
                    mark = await up.document("/fapi/v1/premiumIndex", symbol=symbol)
                    book = await up.document("/fapi/v1/depth", symbol=symbol, limit=str(_DEPTH))
                    reading_of(mark, symbol, 0), book_of(book, 0)
                    self._first.append((symbol, mark, book))
        except TimeoutError:
            raise UpstreamDown(f"{up.url} does not answer within {_START_S:g} s") from None
        except _UNREADABLE as error:
            raise UpstreamDown(f"{up.url} is no venue of the Binance USD-M dialect: {error!r}") from error

    def follow(self, front: "Front") -> None:
        """From now on the market of this front is the upstream's."""
        self._front = front
        at = max(front.time.now(), front.engine.now + 1)
        for symbol, mark, book in self._first:
            self.market.read_mark(symbol, reading_of(mark, symbol, at))
            self.market.read_book(symbol, book_of(book, at))
        front.engine.advance(at)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End the polling and close the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._upstream.close()

    # what is asked

    async def answer(self, method: str, path: str, query: Mapping[str, str]) -> Answer | None:
        """The answer to a public question; None: the engine answers. A new order is awaited by a fresh book."""
        if (method, path) in _PLACES:
            if query.get("symbol") in SYMBOLS:
                await self._refresh(query["symbol"])
            return None
        if method != "GET":
            return None
        try:
            if path == "/fapi/v1/exchangeInfo":
                return Answer(200, {**self._info, "serverTime": self._now()})
            if path in ("/fapi/v1/premiumIndex", "/fapi/v1/depth"):
                return await self._own(path, query)
            if path in KEPT_S:
                name = "pair" if path == "/fapi/v1/indexPriceKlines" else "symbol"
                if name in query:
                    known_symbol(query[name])
                answer = await self._upstream.shared(path, query)
                return Answer(answer.status, _ours(answer.document), answer.wait_s)
        except Refusal as error:
            return Answer(error.status, {"code": error.code, "msg": error.message})
        except UpstreamDown as error:
            return Answer(503, {"code": -1001, "msg": f"Market data cannot be read: {error}"})
        return None

    def require_fresh(self, method: str, path: str, query: Mapping[str, str]) -> None:
        """Nothing is filled at an old price. Raises Refusal -1001."""
        symbol = query.get("symbol", "")
        if (method, path) in _PLACES and symbol in SYMBOLS:
            self.refuse_stale(symbol)

    def refuse_stale(self, symbol: str) -> None:
        """Raises Refusal -1001 where the last price or book is too old."""
        if self.market.stale(symbol, self._now()):
            age = f"{self.market.age(symbol, self._now())} ms, at most {self.market.stale_ms}"
            raise Refusal(
                -1001, f"Market data of {symbol} is stale ({age}): {self._trouble.get(symbol) or self._upstream.host}"
            )

    def document(self) -> dict[str, Any]:
        """How fresh it is, for the control side."""
        ages = {symbol: self._now() - self.market.newest(symbol).at for symbol in SYMBOLS}
        return {
            "upstream": self._upstream.url,
            "age_ms": ages,
            "stale": any(age > self.market.stale_ms for age in ages.values()),
            "requests": self._upstream.requests,
            "trouble": "; ".join(self._trouble.values()) or None,
        }

    async def _own(self, path: str, query: Mapping[str, str]) -> Answer:
        """What orders are judged and filled at: the last reading itself."""
        symbols = [known_symbol(query["symbol"])] if "symbol" in query else list(SYMBOLS)
        for symbol in symbols:
            await self._refresh(symbol)
            self.refuse_stale(symbol)
        if path == "/fapi/v1/premiumIndex":
            rows = [dict(self.market.newest(symbol).document) for symbol in symbols]
            return Answer(200, rows[0] if "symbol" in query else rows)
        symbol = known_symbol(query.get("symbol"))
        limit = query.get("limit", "500")
        if limit not in ("5", "10", "20", "50", "100", "500", "1000"):
            raise Refusal(-4021, f"{limit} is not valid depth limit.")
        book = self.market.depth(symbol).document
        return Answer(200, {**book, "bids": book["bids"][: int(limit)], "asks": book["asks"][: int(limit)]})

    # reading

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await asyncio.gather(*(self._tried(symbol, self._read(symbol, _BOOK_MS)) for symbol in SYMBOLS))
                await self._tried("funding", settle_owed(self._the_front(), self._upstream))
            except Exception:  # a defect here must not end the reading: prices would grow old unseen
                logging.getLogger(__name__).exception("the live market was not read")

    async def _refresh(self, symbol: str) -> None:
        """A book and a mark of this second, where the upstream gives them."""
        await self._tried(symbol, self._read(symbol, _ASKED_MS, asked=True))

    async def _tried(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Do it; what went wrong is kept until it goes well, and logged once."""
        try:
            await work
        except (UpstreamDown, *_UNREADABLE) as error:
            if what not in self._trouble:
                logging.getLogger(__name__).warning("live market, %s: %s", what, error)
            self._trouble[what] = str(error)
        else:
            self._trouble.pop(what, None)

    async def _read(self, symbol: str, oldest_book: int, *, asked: bool = False) -> None:
        front, market = self._the_front(), self.market
        async with self._asking[symbol]:
            waits = front.engine.waits(symbol)
            if not asked or self._now() - market.newest(symbol).at > _ASKED_MS:
                document = await self._upstream.document("/fapi/v1/premiumIndex", symbol=symbol)
                reading = reading_of(document, symbol, 0)
                ahead = int(document["time"]) - front.time.now()
                if ahead > _BEHIND_MS:
                    front.time.jump(ahead)  # all that was read before is old now
                if waits and front.engine.meets(symbol, reading.mark):
                    await self._read_book(symbol)  # what fires now is filled from a book of now
                elif (asked or waits) and self._now() - market.depth(symbol).at > oldest_book:
                    await self._read_book(symbol)
                async with front.lock:
                    self._take(symbol, reading)
            elif self._now() - market.depth(symbol).at > oldest_book:
                await self._read_book(symbol)

    async def _read_book(self, symbol: str) -> None:
        document = await self._upstream.document("/fapi/v1/depth", symbol=symbol, limit=str(_DEPTH))
        async with self._the_front().lock:
            self.market.read_book(symbol, book_of(document, self._now()))

    def _take(self, symbol: str, reading: Reading) -> None:
        """Let the exchange run to a reading of the mark; what it meets acts."""
        front, engine, market = self._the_front(), self._the_front().engine, self.market
        before = _trace(front)
        front.tick()
        if engine.waits(symbol) and self._now() - market.depth(symbol).at > market.stale_ms:
            raise UpstreamDown(f"the book of {symbol} is not read: what waits for a price is held back")
        at = max(front.time.now(), engine.now + 1)
        market.read_mark(symbol, replace(reading, at=at))
        engine.advance(at)
        if _trace(front) != before:
            front.saved()

    def _now(self) -> int:
        front = self._the_front()
        return max(front.time.now(), front.engine.now)

    def _the_front(self) -> "Front":
        if self._front is None:
            raise RuntimeError("the feed follows no front yet")
        return self._front


def _trace(front: "Front") -> tuple[Any, ...]:
    """Changes whenever the account does."""
    engine = front.engine
    account = engine.account
    return account.next_id, len(account.income), len(account.trades), len(engine.owed), len(engine.open_algos())


def _ours(document: Any) -> Any:
    """Of a list over all symbols, the rows of those traded here."""
    if isinstance(document, list) and document and isinstance(document[0], dict) and "symbol" in document[0]:
        return [row for row in document if row.get("symbol") in SYMBOLS]
    return document
