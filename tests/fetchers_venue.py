"""A venue on loopback that speaks enough of Binance's USD-M REST dialect for ccxt, and misbehaves on request."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from data_fetchers.retry import Calls, Gate
from data_fetchers.snapshot import Requirements
from data_fetchers.source import ExchangeTime, Source

SOL, AVAX = "SOL/USDT:USDT", "AVAX/USDT:USDT"
HOUR = 3_600_000
#: 2025-03-01T10:20:00Z
NOW = 1_740_824_400_000
STEPS = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": HOUR, "4h": 4 * HOUR, "1d": 24 * HOUR}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ManualClock:
    """Time that only passes when somebody sleeps; every sleep is kept."""

    def __init__(self, now_ms: int = NOW) -> None:
        self.now = float(now_ms)
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return int(self.now)

    def monotonic_ms(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += 1000 * seconds
        await asyncio.sleep(0)


class RealClock:
    """The machine's stopwatch under a UTC that starts where the test wants it."""

    def __init__(self, now_ms: int = NOW) -> None:
        self.start = time.monotonic()
        self.first = now_ms

    def now_ms(self) -> int:
        return self.first + int(1000 * (time.monotonic() - self.start))

    def monotonic_ms(self) -> float:
        return 1000 * time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def bar(opened: int, step: int) -> list[Any]:
    """A candle in Binance's shape; prices with more digits than any tick size."""
    number = opened // step
    low = f"{100 + number % 89}.{number % 9973:07d}"
    return [
        opened,
        f"{low}1",
        f"{low}9",
        low,
        f"{low}5",
        f"{1 + number % 7}.125",
        opened + step - 1,
        "0",
        1,
        "0",
        "0",
        "0",
    ]


def contract(base: str) -> dict[str, Any]:
    """One perpetual of exchangeInfo."""
    return {
        "symbol": f"{base}USDT",
        "pair": f"{base}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 4,
        "quantityPrecision": 0,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.0100", "maxPrice": "10000", "tickSize": "0.0100"},
            {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "1000000", "stepSize": "1"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC"],
    }


def steps(query: Any, count: int, step: int = HOUR) -> list[int]:
    """The last `count` times (at most `limit`) on the grid up to now."""
    count = min(count, int(query.get("limit", count)))
    last = NOW // step * step
    return [last - (count - 1 - place) * step for place in range(count)]


class StubVenue:
    """Well behaved by default. `say[path]` replaces an endpoint's handler; `requests` keeps (path, query)."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.say: dict[str, Handler] = {}
        self.now = NOW
        self.listed_since = 0
        self.page_cap = 1500

    def asked(self, path: str) -> list[dict[str, str]]:
        """The queries of one path's requests."""
        return [query for asked, query in self.requests if asked == path]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.query)))
        if request.path in self.say:
            return await self.say[request.path](request)
        maker = _MAKERS.get(request.path)
        if maker is None:
            return web.json_response({"code": -1, "msg": f"no such path {request.path}"}, status=404)
        return web.json_response(maker(self, request.query))


def klines(venue: StubVenue, query: Any) -> list[list[Any]]:
    """Candles of a request, the running one included, none before the listing."""
    step = STEPS[query["interval"]]
    first = -(-int(query["startTime"]) // step) * step
    last = min(int(query.get("endTime", venue.now)), venue.now)
    times = range(max(first, -(-venue.listed_since // step) * step), last + 1, step)
    return [bar(opened, step) for opened in times][: min(int(query["limit"]), venue.page_cap)]


_MAKERS: dict[str, Callable[[StubVenue, Any], Any]] = {
    "/fapi/v1/exchangeInfo": lambda venue, query: {
        "serverTime": venue.now,
        "symbols": [contract("SOL"), contract("AVAX")],
    },
    "/fapi/v1/time": lambda venue, query: {"serverTime": venue.now},
    "/fapi/v1/klines": klines,
    "/fapi/v1/ticker/24hr": lambda venue, query: {
        "symbol": query["symbol"],
        "lastPrice": "142.1234567891",
        "quoteVolume": "987654321.125",
        "closeTime": venue.now - 40,
    },
    "/fapi/v1/premiumIndex": lambda venue, query: {
        "symbol": query["symbol"],
        "markPrice": "142.12987654",
        "indexPrice": "142.11123456",
        "lastFundingRate": "-0.00071234",
        "nextFundingTime": NOW // (4 * HOUR) * 4 * HOUR + 4 * HOUR,
        "time": venue.now - 30,
    },
    "/fapi/v1/depth": lambda venue, query: {
        "lastUpdateId": 1,
        "E": venue.now - 10,
        "T": venue.now - 20,
        "bids": [[f"{142 - 0.01 * level:.2f}", "10.5"] for level in range(int(query["limit"]))],
        "asks": [[f"{142.01 + 0.01 * level:.2f}", "7.25"] for level in range(int(query["limit"]))],
    },
    "/fapi/v1/fundingRate": lambda venue, query: [
        {"symbol": query["symbol"], "fundingTime": moment + 3, "fundingRate": "0.00012345"}
        for moment in steps(query, 1000, 4 * HOUR)
    ],
    "/fapi/v1/fundingInfo": lambda venue, query: [
        {"symbol": "SOLUSDT", "fundingIntervalHours": 4, "adjustedFundingRateCap": "0.03"}
    ],
    "/fapi/v1/openInterest": lambda venue, query: {
        "symbol": query["symbol"],
        "openInterest": "9000001.5",
        "time": venue.now - 5,
    },
    "/futures/data/openInterestHist": lambda venue, query: [
        {"sumOpenInterest": "9000000.25", "sumOpenInterestValue": "1278000000.5", "timestamp": moment}
        for moment in steps(query, 500, 300_000)
    ],
    **{
        f"/futures/data/{path}": lambda venue, query, field=field, ratio=ratio: [
            {field: ratio, "timestamp": moment} for moment in steps(query, 500)
        ]
        for path, field, ratio in (
            ("globalLongShortAccountRatio", "longShortRatio", "1.8123"),
            ("topLongShortAccountRatio", "longShortRatio", "1.4"),
            ("topLongShortPositionRatio", "longShortRatio", "0.9"),
            ("takerlongshortRatio", "buySellRatio", "1.1"),
        )
    },
}

#: Every path the stub knows.
PATHS = tuple(_MAKERS)


@asynccontextmanager
async def serving(answer: Handler) -> AsyncIterator[str]:
    """A loopback server that answers everything with `answer`; its address."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def stub_venue() -> AsyncIterator[StubVenue]:
    """A running StubVenue."""
    venue = StubVenue()
    async with serving(venue._answer) as venue.url:
        yield venue


@asynccontextmanager
async def opened(name: str, url: str, *, paced: bool = False, **named: Any) -> AsyncIterator[Any]:
    """The real ccxt client on it, closed afterwards."""
    from data_fetchers.venue import open_exchange

    exchange = open_exchange(name, base_url=url, paced=paced, **named)
    try:
        yield exchange
    finally:
        await exchange.close()


def source_of(
    exchange: Any,
    clock: Any = None,
    *,
    symbol: str = SOL,
    drift: int = 0,
    timeout_s: float = 5.0,
    venue: str = "stub",
    **wanted: Any,
) -> Source:
    """A source on an exchange (real client or hand-written fake), with a manual clock unless given."""
    clock = clock or ManualClock()
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    found.set_result(drift)
    requirements = Requirements(**{"primary": symbol, "keywords": (), "candles": {}, **wanted})
    calls = Calls(venue, Gate(), clock, clock.monotonic_ms() + 1000 * timeout_s)
    return Source(exchange, venue, symbol, requirements, calls, ExchangeTime(clock, found), timeout_s)


def status(code: int, body: str = "", **headers: str) -> Handler:
    """Always this answer."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, text=body, headers={"Content-Type": "text/html", **headers})

    return handler


def first_then(times: int, bad: Handler, good: Handler) -> Handler:
    """`bad` for the first requests, `good` afterwards."""
    left = [times]

    async def handler(request: web.Request) -> web.StreamResponse:
        left[0] -= 1
        return await (bad if left[0] >= 0 else good)(request)

    return handler


async def cut(request: web.Request) -> web.StreamResponse:
    """The connection breaks without a byte."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hang(request: web.Request) -> web.StreamResponse:
    """No answer for a long time."""
    await asyncio.sleep(30)
    return web.Response()


def well(venue: StubVenue) -> Handler:
    """What the venue says when it behaves."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(_MAKERS[request.path](venue, request.query))

    return handler


def rows(make: Callable[[Any], Any]) -> Handler:
    """JSON made of the request's query."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(make(request.query))

    return handler
