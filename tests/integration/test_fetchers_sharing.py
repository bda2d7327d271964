"""One request serves every trader that asks the same within a tick, and nobody gets what is not the same."""

import asyncio
from typing import Any

from aiohttp import web

from data_fetchers.collector import collect
from data_fetchers.plugins import Plugins
from data_fetchers.sharing import KEPT_S, SharedRequests
from data_fetchers.snapshot import MarketSnapshot, OrderBook, Requirements, Unavailable
from tests.fetchers_venue import AVAX, SOL, ManualClock, StubVenue, opened, stub_venue

KEYWORDS = ("price_action", "funding_rate", "orderbook", "open_interest")
WANTED = Requirements(primary=SOL, keywords=KEYWORDS, candles={SOL: {"1h": 30}})
TIME, DEPTH = "/fapi/v1/time", "/fapi/v1/depth"


async def collected(exchange: Any, clock: Any, sharing: SharedRequests | None, **changes: Any) -> MarketSnapshot:
    wanted = WANTED.model_copy(update=changes)
    return await collect(wanted, exchange, venue_name="stub", clock=clock, sharing=sharing, plugins=Plugins({}, ()))


def market(snapshot: MarketSnapshot) -> Any:
    """What was seen, whoever fetched it."""
    return snapshot.model_dump(exclude={"timings", "requests", "clock_drift_ms"})


def asked(venue: StubVenue) -> int:
    """Requests but those for the time, which are everybody's own."""
    return sum(path != TIME for path, _ in venue.requests)


async def test_eleven_traders_at_once_cost_what_one_costs() -> None:
    async with stub_venue() as venue, opened("binanceusdm", venue.url) as exchange:
        await exchange.load_markets()
        venue.requests.clear()
        alone = await collected(exchange, ManualClock(), None)
        one = asked(venue)
        venue.requests.clear()
        sharing, clock = SharedRequests(), ManualClock()
        seen = await asyncio.gather(*(collected(exchange, clock, sharing) for _ in range(11)))
        assert asked(venue) == one > 4
        assert sharing.spared == 10 * one
        assert all(market(snapshot) == market(alone) for snapshot in seen)
        # each says what it sent itself: the time, and for one of them everything else
        assert sum(snapshot.requests for snapshot in seen) == one + 11


async def test_a_later_tick_asks_again() -> None:
    async with stub_venue() as venue, opened("binanceusdm", venue.url) as exchange:
        sharing, clock = SharedRequests(), ManualClock()
        await collected(exchange, clock, sharing)
        venue.requests.clear()
        clock.now += 1000 * KEPT_S
        await collected(exchange, clock, sharing)
        assert asked(venue) == 0
        clock.now += 1
        await collected(exchange, clock, sharing)
        assert asked(venue) > 0


async def test_what_differs_is_asked_for_itself() -> None:
    async with stub_venue() as venue, opened("binanceusdm", venue.url) as exchange:
        sharing, clock = SharedRequests(), ManualClock()
        await collected(exchange, clock, sharing)
        venue.requests.clear()
        more = await collected(exchange, clock, sharing, candles={SOL: {"1h": 40}})
        assert [path for path, _ in venue.requests if path != TIME] == ["/fapi/v1/klines"]
        assert more.symbols[SOL].market_data.candles["1h"].time[0] > 0  # type: ignore[union-attr]
        other = await collected(exchange, clock, sharing, primary=AVAX, candles={AVAX: {"1h": 30}})
        assert other.symbols[AVAX].order_book.symbol == AVAX  # type: ignore[union-attr]


async def test_books_of_one_collection_are_asked_for_one_by_one_and_the_next_trader_has_the_same() -> None:
    async with stub_venue() as venue, opened("binanceusdm", venue.url) as exchange:
        sharing, clock = SharedRequests(), ManualClock()
        first = await collected(exchange, clock, sharing, book_snapshots=2)
        # the same question twice in one collection wants two answers (this venue stands still, so one book is kept)
        assert len(venue.asked(DEPTH)) == 2
        second = await collected(exchange, clock, sharing, book_snapshots=2)
        assert len(venue.asked(DEPTH)) == 2
        assert isinstance(first.symbols[SOL].order_book, OrderBook)
        assert first.symbols[SOL].order_book == second.symbols[SOL].order_book


async def test_a_failure_is_not_kept() -> None:
    async with stub_venue() as venue, opened("binanceusdm", venue.url) as exchange:
        sharing, clock = SharedRequests(), ManualClock()

        async def refuses(_: web.Request) -> web.StreamResponse:
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)

        venue.say[DEPTH] = refuses
        bad = await asyncio.gather(*(collected(exchange, clock, sharing) for _ in range(3)))
        assert all(isinstance(one.symbols[SOL].order_book, Unavailable) for one in bad)
        del venue.say[DEPTH]
        assert isinstance((await collected(exchange, clock, sharing)).symbols[SOL].order_book, OrderBook)


async def test_one_that_gives_up_takes_nothing_from_the_others() -> None:
    async with stub_venue() as venue, opened("binanceusdm", venue.url) as exchange:
        await exchange.load_markets()
        sharing, clock, go, reached = SharedRequests(), ManualClock(), asyncio.Event(), asyncio.Event()
        answer = venue._answer

        async def slow(request: web.Request) -> web.StreamResponse:
            reached.set()
            await go.wait()
            del venue.say[DEPTH]
            return await answer(request)

        venue.say[DEPTH] = slow
        hasty = asyncio.create_task(collected(exchange, clock, sharing))
        patient = asyncio.create_task(collected(exchange, clock, sharing))
        await reached.wait()
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)
        go.set()
        assert isinstance((await patient).symbols[SOL].order_book, OrderBook)
        assert len(venue.asked(DEPTH)) == 2, "the slow handler hands the one request on to the usual one"


async def test_outside_a_collection_nothing_is_shared() -> None:
    """The price before a verdict is always asked for."""
    async with stub_venue() as venue, opened("binanceusdm", venue.url) as exchange:
        await collected(exchange, ManualClock(), SharedRequests())
        before = len(venue.asked(DEPTH))
        for _ in range(2):
            await exchange.fetch_order_book(SOL, 1000)
        assert len(venue.asked(DEPTH)) == before + 2
