"""What streams tell of the market: the same documents that REST answers at that moment."""

import asyncio
from typing import TYPE_CHECKING, Any

from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.live_feed import LiveFeed
from orchestrator.paper_exchange.market_routes import PUBLIC
from orchestrator.paper_exchange.streams_book import BookNumbers, Numbered

if TYPE_CHECKING:
    from orchestrator.paper_exchange.http import Front

#: Paths with their parameters.
Asked = set[tuple[str, tuple[tuple[str, str], ...]]]
#: Asked of the venue where the market is another's; everything else is known here.
_ASKED = ("/fapi/v1/klines", "/fapi/v1/ticker/24hr")
_PREMIUM, _DEPTH = "/fapi/v1/premiumIndex", "/fapi/v1/depth"


class StreamSource:
    """The documents of now. Of a live market those of the venue, as they were read last."""

    def __init__(self, front: "Front") -> None:
        self._front = front
        self._books = BookNumbers(front.engine)
        self._kept: dict[tuple[str, ...], Any] = {}

    @property
    def engine(self) -> Engine:
        """The engine that is looked at."""
        return self._front.engine

    @property
    def now(self) -> int:
        """Exchange time, UTC ms."""
        return self._front.engine.now

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._front.time.frozen

    def moment(self) -> tuple[Any, ...]:
        """Changes whenever there may be something to tell of the market."""
        engine = self.engine
        by_hand = sum(len(changes) for changes in engine.market.overrides.values())
        return self.now, by_hand, len(engine.account.trades)

    def book(self, symbol: str) -> Numbered:
        """The book and its number."""
        return self._books.now(symbol)

    def get(self, path: str, **query: str) -> Any:
        """The answer of a public path; None where a live venue was not asked yet. Raises NoRecording."""
        live = self._front.live
        if live is None:
            return PUBLIC["GET", path](self.engine, query)
        if path == _PREMIUM:
            return live.market.newest(query["symbol"]).document
        return self._kept.get((path, *query.values()))

    async def refresh(self, asked: Asked) -> None:
        """Of a live market: read what streams want to tell next."""
        live = self._front.live
        if live is None:
            return
        self._kept = {key: kept for key, kept in self._kept.items() if any(_key(*item) == key for item in asked)}
        await asyncio.gather(*(self._read(live, path, query) for path, query in asked))

    async def _read(self, live: LiveFeed, path: str, query: tuple[tuple[str, str], ...]) -> None:
        answer = await live.answer("GET", path, dict(query))
        if path in _ASKED and answer is not None and answer.status == 200:
            self._kept[_key(path, query)] = answer.document


def _key(path: str, query: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return (path, *(value for _, value in query))
