"""A live market for tests: its venue is another paper exchange, and everything between the two goes over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start
from tests.paper_client import Client, client


@dataclass
class Mirror:
    """The venue that is mirrored, and a client of the mirror."""

    venue: RunningExchange
    here: Client
    session: aiohttp.ClientSession

    async def venue_control(self, path: str, document: Any) -> Any:
        async with self.session.post(f"{self.venue.url}/_control/{path}", json=document) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def venue_price(self, price: float, symbol: str = "SOLUSDT") -> None:
        await self.venue_control("price", {"symbol": symbol, "price": str(price)})

    async def asked(self, path: str) -> int:
        """How often the venue was asked for a path."""
        async with self.session.get(f"{self.venue.url}/_control/state") as answer:
            return sum(row["path"] == path for row in (await answer.json())["requests"])

    async def until(self, holds: Callable[[Any], bool], seconds: float = 60) -> Any:
        """The mirror's state once something holds of it."""
        return await until(self.here.state, holds, seconds)


async def until(read: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], seconds: float = 60) -> Any:
    """What is read once it holds. Fails after so many seconds, showing what was read."""
    for _ in range(int(seconds * 20)):
        found = await read()
        if holds(found):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


class VenueClock:
    """This machine's clock, set right by the venue's, as it would be by the time service of a real one."""

    def __init__(self, venue: RunningExchange) -> None:
        self._started, self._began = self.monotonic_ms(), venue.engine.now

    def now_ms(self) -> int:
        return int(self._began + self.monotonic_ms() - self._started)

    def monotonic_ms(self) -> float:
        return time.monotonic_ns() / 1e6

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@asynccontextmanager
async def mirror(state_file: Path | None = None, **venue: Any) -> AsyncIterator[Mirror]:
    """A venue and its mirror; the venue's time runs, so that its data stay fresh."""
    upstream = await start(ExchangeConfig(**venue))
    try:
        async with (
            aiohttp.ClientSession() as session,
            client(market="live", upstream=upstream.url, frozen=False, state_file=state_file) as here,
        ):
            yield Mirror(upstream, here, session)
    finally:
        await upstream.stop()
