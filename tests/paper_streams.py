"""Listeners of the paper exchange's streams, for tests: ccxt.pro, and a plain WebSocket."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import ccxt.pro

from orchestrator.paper_exchange.server import RunningExchange
from tests.paper_client import Client

KEY = {"X-MBX-APIKEY": "key"}


@asynccontextmanager
async def pro(running: RunningExchange) -> AsyncIterator[Any]:
    """ccxt.pro pointed at the exchange as docs/paper_exchange.md says."""
    options = {"adjustForTimeDifference": True, "fetchCurrencies": False, "fetchMarkets": {"types": ["linear"]}}
    keys = {"apiKey": "key", "secret": "secret"}
    exchange = ccxt.pro.binanceusdm({**keys, "timeout": 5000, "enableRateLimit": False, "options": options})
    address = f"127.0.0.1:{running.port}"
    urls = exchange.urls["api"]
    for name, url in urls.items():
        if isinstance(url, str):
            urls[name] = url.replace(url.split("/")[2], address).replace("https", "http")
    urls["ws"]["linear"] = f"ws://{address}/ws"
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


class Ear:
    """One plain connection; every message that came."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self, seconds: float = 60) -> Any:
        """The next message; fails when none comes."""
        async with asyncio.timeout(seconds):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def event(self, kind: str, where: Callable[[Any], bool] = lambda _: True) -> Any:
        """The next message of a kind that holds; others are passed over."""
        while True:
            found = await self.next()
            if found.get("e") == kind and where(found):
                return found

    async def rest(self) -> list[Any]:
        """What was told until now: all that comes before the answer to a question, or before the end."""
        found: list[Any] = []
        with contextlib.suppress(ConnectionError):
            await self.socket.send_str('{"method": "LIST_SUBSCRIPTIONS", "id": "until here"}')
        while True:
            async with asyncio.timeout(60):
                message = await self.socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                return found
            document = json.loads(message.data)
            if isinstance(document, dict) and document.get("id") == "until here":
                return found
            found.append(document)

    async def ask(self, method: str, params: Any = None, number: Any = 1) -> Any:
        """A request and its answer."""
        request = {"method": method, "id": number} | ({} if params is None else {"params": params})
        await self.socket.send_str(json.dumps(request))
        return await self.next()

    async def closed(self) -> int | None:
        """The code the connection is closed with; what comes before is passed over."""
        async with asyncio.timeout(60):
            while True:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.CLOSE:
                    return int(message.data)
                if message.type in (aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                    return self.socket.close_code


@asynccontextmanager
async def ear(paper: Client, path: str) -> AsyncIterator[Ear]:
    """A connection to a path such as /ws/solusdt@depth."""
    async with paper.session.ws_connect(paper.running.url + path) as socket:
        yield Ear(socket)


async def listen_key(paper: Client, method: str = "POST", status: int = 200, headers: Any = KEY) -> Any:
    """The answer of the listen key endpoint."""
    url = f"{paper.running.url}/fapi/v1/listenKey"
    async with paper.session.request(method, url, headers=headers) as answer:
        document = await answer.json()
        assert answer.status == status, document
        return document


async def public(paper: Client, path: str, **query: Any) -> Any:
    """What REST answers."""
    async with paper.session.get(f"{paper.running.url}/fapi/v1/{path}", params=query) as answer:
        assert answer.status == 200
        return await answer.json()


async def listeners(paper: Client) -> Any:
    """Who listens, as the control side sees it."""
    async with paper.session.get(f"{paper.running.url}/_control/streams") as answer:
        return await answer.json()
