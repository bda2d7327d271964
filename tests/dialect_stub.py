"""A loopback server that answers one path the way a test says: to see what ccxt makes of it, end to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from data_fetchers.venue import open_exchange
from orchestrator.execution.ccxt_venue import CcxtVenue

SYMBOL: dict[str, Any] = {
    "symbol": "SOLUSDT", "pair": "SOLUSDT", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
    "onboardDate": 1569398400000, "status": "TRADING", "baseAsset": "SOL", "quoteAsset": "USDT", "marginAsset": "USDT",
    "pricePrecision": 4, "quantityPrecision": 0, "baseAssetPrecision": 8, "quotePrecision": 8,
    "triggerProtect": "0.0500", "marketTakeBound": "0.05",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.0100", "maxPrice": "10000", "tickSize": "0.0100"},
        {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "1000000", "stepSize": "1"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "1", "maxQty": "80000", "stepSize": "1"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
    ],
    "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
}  # fmt: skip


@dataclass
class Answer:
    """`drop`: the socket closes without a byte. `slow_s`: time before the answer."""

    status: int = 200
    body: Any = None
    text: str | None = None
    drop: bool = False
    slow_s: float = 0


@dataclass
class Stub:
    """Answers by "METHOD /path", taken in order, the last one repeated; every request is kept."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def say(self, key: str, *answers: Answer) -> None:
        self.answers[key] = list(answers)

    def sent(self, key: str) -> list[dict[str, str]]:
        return [query for name, query in self.requests if name == key]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        key = f"{request.method} {request.path}"
        raw = (await request.text()) or request.query_string
        self.requests.append((key, dict(parse_qsl(raw))))
        queue = self.answers.get(key)
        if queue is None:
            return web.json_response({"code": -5000, "msg": f"no such path {request.path}"}, status=404)
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        await asyncio.sleep(answer.slow_s)
        if answer.drop:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if answer.text is not None:
            return web.Response(text=answer.text, status=answer.status, content_type="text/html")
        return web.json_response(answer.body, status=answer.status)


@asynccontextmanager
async def stubbed_venue(timeout_ms: int = 2000, name: str = "paper") -> AsyncIterator[tuple[CcxtVenue, Stub]]:
    """A CcxtVenue whose ccxt client talks to a stub; `name`: what the account is called (`paper` has no rights)."""
    stub = Stub()
    stub.say("GET /fapi/v1/exchangeInfo", Answer(body={"timezone": "UTC", "symbols": [SYMBOL], "rateLimits": []}))
    stub.say("GET /fapi/v1/time", Answer(body={"serverTime": 1_735_689_600_000}))
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", stub.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    exchange = open_exchange(
        "paper", base_url=f"http://127.0.0.1:{port}", api_key="key", secret="secret", timeout_ms=timeout_ms
    )
    try:
        await exchange.load_markets()
        yield CcxtVenue(exchange, name), stub
    finally:
        await exchange.close()
        await runner.cleanup()
