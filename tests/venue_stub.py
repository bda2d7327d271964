"""A ccxt client of a real venue, pointed at a loopback stub: what leaves, word for word, and what answers become.

`exchanged` gives the adapter over it. Bodies are kept as sent (JSON), queries as text; of headers the last request's.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from data_fetchers.venue import open_exchange
from orchestrator.execution.accounts import account
from orchestrator.execution.venue import Venue
from tests.dialect_stub import Answer
from tests.other_venues import bitget, bybit, okx

AVAX = "AVAX/USDT:USDT"
#: What each venue publishes without keys, written by hand from its documentation.
PUBLIC = {"bybit": bybit, "okx": okx, "bitget": bitget}


@dataclass
class VenueStub:
    """Answers by "METHOD /path", taken in order, the last one repeated; every private request is kept."""

    public: Any
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def say(self, key: str, *answers: Answer | Any) -> None:
        """Answers, or bodies of answers with status 200."""
        self.answers[key] = [answer if isinstance(answer, Answer) else Answer(body=answer) for answer in answers]

    def sent(self, key: str) -> list[Any]:
        """Bodies or queries of the requests to a path."""
        return [query for name, query in self.requests if name == key]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        key = f"{request.method} {request.path}"
        body = await request.text()
        self.headers = dict(request.headers)
        self.requests.append((key, json.loads(body) if body else dict(request.query)))
        queue = self.answers.get(key)
        if queue is None:
            return await self.public.answer(request)  # type: ignore[no-any-return]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if answer.drop:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if answer.text is not None:
            return web.Response(text=answer.text, status=answer.status, content_type="text/html")
        return web.json_response(answer.body, status=answer.status)


@asynccontextmanager
async def exchanged(venue: str, timeout_ms: int = 2000) -> AsyncIterator[tuple[Venue, VenueStub]]:
    """The adapter of a venue, with ccxt's own client in between."""
    stub = VenueStub(PUBLIC[venue]())
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", stub.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    exchange = open_exchange(
        venue,
        base_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
        api_key="key",
        secret="secret",
        password="word",
        timeout_ms=timeout_ms,
        paced=False,
    )
    try:
        await exchange.load_markets()
        stub.requests.clear()
        yield account(exchange, venue), stub
    finally:
        await exchange.close()
        await runner.cleanup()
