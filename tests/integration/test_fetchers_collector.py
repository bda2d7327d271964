"""The collector: concurrency, isolation, exchange time, request count, bans."""

import asyncio
from typing import Any

import pytest

from data_fetchers.collector import collect
from data_fetchers.errors import UnknownKeyword
from data_fetchers.plugins import Plugin, Plugins
from data_fetchers.snapshot import (
    Candles,
    Extra,
    Funding,
    MarketData,
    MarketSnapshot,
    OpenInterest,
    OrderBook,
    Positioning,
    Requirements,
    Ticker,
    Unavailable,
)
from tests.fetchers_venue import (
    AVAX,
    HOUR,
    NOW,
    PATHS,
    SOL,
    RealClock,
    StubVenue,
    cut,
    first_then,
    hang,
    opened,
    status,
    stub_venue,
    well,
)
from tests.virtual_time import LoopClock, seconds, virtual

SIX = ("price_action", "funding_rate", "orderbook", "open_interest", "liquidation", "volatility")
FIELDS = ("market_data", "funding", "order_book", "positioning", "open_interest")
NO_PLUGINS = Plugins({}, ())


def wanted(**named: Any) -> Requirements:
    candles = {SOL: {"1h": 1200, "4h": 60}, AVAX: {"1h": 80}}
    return Requirements(**{"primary": SOL, "keywords": SIX, "candles": candles, **named})


async def collected(venue: StubVenue, requirements: Requirements | None = None, **named: Any) -> MarketSnapshot:
    named = {"clock": RealClock(NOW), "plugins": NO_PLUGINS, **named}
    async with opened("paper", venue.url) as exchange:
        await exchange.load_markets()
        venue.requests.clear()
        return await collect(requirements or wanted(), exchange, venue_name="paper", **named)


async def test_everything_comes() -> None:
    async with stub_venue() as venue:
        found = await collected(venue)
    sol, avax = found.symbols[SOL], found.symbols[AVAX]
    kinds = (MarketData, Funding, OrderBook, Positioning, OpenInterest)
    assert [type(getattr(sol, field)) for field in FIELDS] == list(kinds)
    assert isinstance(sol.market_data, MarketData)
    assert {name: len(part.time) for name, part in sol.market_data.candles.items() if isinstance(part, Candles)} == {
        "1h": 1200,
        "4h": 60,
    }
    assert isinstance(avax.market_data, MarketData)
    assert isinstance(avax.market_data.ticker, Ticker)
    assert isinstance(avax.funding, Unavailable)
    assert avax.funding.code == "not_requested"
    assert set(found.timings) == {
        "sol.market_data",
        "sol.fundingratehistory",
        "sol.fetch_orderbook",
        "sol.longshortratio",
        "sol.fetch_open_interest",
        "avax.market_data",
    }
    assert all(timing.ms is not None and timing.error_code is None for timing in found.timings.values())
    assert found.requests == len(venue.requests) > 15
    assert (found.venue, found.primary) == ("paper", SOL)


async def test_a_snapshot_survives_json() -> None:
    async with stub_venue() as venue:
        venue.say["/fapi/v1/depth"] = status(500)
        found = await collected(venue)
    assert MarketSnapshot.model_validate_json(found.model_dump_json()) == found


async def test_all_times_are_the_exchanges() -> None:
    behind = RealClock(NOW - 90_000)
    async with stub_venue() as venue:
        found = await collected(venue, clock=behind)
    assert abs(found.clock_drift_ms - 90_000) < 500
    assert 0 <= found.as_of - NOW < 3_000
    assert found.fetched_at == found.as_of
    book = found.symbols[SOL].order_book
    assert isinstance(book, OrderBook)
    assert 0 <= book.fetched_at - NOW < 3_000
    market = found.symbols[SOL].market_data
    assert isinstance(market, MarketData)
    assert market.candles["1h"].as_of == NOW // HOUR * HOUR  # type: ignore[union-attr]


async def test_drift_is_taken_at_the_middle_of_the_round_trip() -> None:
    class Stepping:
        """60 ms pass between sending and receiving."""

        def __init__(self) -> None:
            self.times = [NOW, NOW + 60]

        def now_ms(self) -> int:
            return self.times.pop(0) if self.times else NOW + 60

        def monotonic_ms(self) -> float:
            return 0.0

        async def sleep(self, seconds: float) -> None: ...

    async with stub_venue() as venue:
        venue.now = NOW + 1030
        found = await collected(venue, Requirements(primary=SOL, keywords=(), candles={}), clock=Stepping())
    assert found.clock_drift_ms == 1000
    assert found.as_of == NOW + 1060


async def test_only_what_the_keywords_select_is_asked_for() -> None:
    async with stub_venue() as venue:
        found = await collected(venue, wanted(keywords=("funding",), candles={SOL: {"1h": 50}}))
    sol = found.symbols[SOL]
    assert isinstance(sol.funding, Funding)
    assert isinstance(sol.market_data, Unavailable)
    assert sol.market_data.code == "not_requested"
    assert venue.asked("/fapi/v1/klines") == venue.asked("/fapi/v1/depth") == []
    assert set(found.timings) == {"sol.fundingratehistory"}


async def test_an_unknown_keyword_stops_it_before_anything_is_sent() -> None:
    async with stub_venue() as venue:
        with pytest.raises(UnknownKeyword, match="did you mean 'orderbook'"):
            await collected(venue, wanted(keywords=("orderbok",)))
    assert venue.requests == []


@virtual
async def test_a_hanging_source_costs_its_own_time_out_and_no_other_source() -> None:
    async with stub_venue() as venue:
        venue.say["/fapi/v1/depth"] = hang
        started = seconds()
        found = await collected(venue, clock=LoopClock(NOW), per_source_timeout_s=0.6, deadline_s=5)
        wall = seconds() - started
    sol = found.symbols[SOL]
    assert wall == pytest.approx(0.6)
    assert isinstance(sol.order_book, Unavailable)
    assert sol.order_book.code == "timeout"
    assert found.timings["sol.fetch_orderbook"].error_code == "timeout"
    assert [type(getattr(sol, field)) for field in FIELDS if field != "order_book"] == [
        MarketData,
        Funding,
        Positioning,
        OpenInterest,
    ]
    others = [timing for name, timing in found.timings.items() if name != "sol.fetch_orderbook"]
    assert all(timing.ms is not None and timing.ms < 550 and timing.error_code is None for timing in others)


@virtual
async def test_a_hanging_time_frame_leaves_the_others() -> None:
    async with stub_venue() as venue:

        async def days_hang(request: Any) -> Any:
            return await (hang if request.query["interval"] == "4h" else well(venue))(request)

        venue.say["/fapi/v1/klines"] = days_hang
        found = await collected(venue, clock=LoopClock(NOW), per_source_timeout_s=0.6)
    market = found.symbols[SOL].market_data
    assert isinstance(market, MarketData)
    assert isinstance(market.candles["1h"], Candles)
    assert isinstance(market.candles["4h"], Unavailable)
    assert market.candles["4h"].code == "timeout"
    assert isinstance(market.ticker, Ticker)
    timing = found.timings["sol.market_data"]
    assert timing.error_code == "timeout"
    assert timing.error_message is not None
    assert timing.error_message.startswith("4h: ")


@pytest.mark.parametrize("bad", [status(500), cut, status(200, "<html>down</html>"), status(200, "[]")])
@virtual
async def test_a_dead_venue_still_gives_a_snapshot(bad: Any) -> None:
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        await exchange.load_markets()
        venue.say = dict.fromkeys(PATHS, bad)
        found = await collect(wanted(), exchange, venue_name="paper", clock=LoopClock(NOW), per_source_timeout_s=1.5)
    sol = found.symbols[SOL]
    for field in FIELDS[1:]:
        assert isinstance(getattr(sol, field), Unavailable), field
    market = sol.market_data
    if isinstance(market, MarketData):
        assert isinstance(market.ticker, Unavailable)
        assert all(isinstance(part, Unavailable) for part in market.candles.values())
    assert all(timing.error_code for timing in found.timings.values())
    assert found.clock_drift_ms == 0


@virtual
async def test_without_the_exchanges_time_nothing_is_dated() -> None:
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        await exchange.load_markets()
        venue.say["/fapi/v1/time"] = status(500)
        found = await collect(wanted(), exchange, venue_name="paper", clock=LoopClock(NOW), per_source_timeout_s=2)
    assert isinstance(found.symbols[SOL].order_book, Unavailable)
    assert "fetch_time" in found.symbols[SOL].order_book.reason


@virtual
async def test_the_deadline_holds_against_a_fetcher_that_will_not_stop() -> None:
    async def stubborn(source: Any) -> dict[str, Any]:
        for _ in range(10):
            try:
                await asyncio.sleep(0.15)
            except asyncio.CancelledError:
                continue
        return {}

    plugins = Plugins({"stubborn": Plugin("stubborn", (), stubborn)}, ())
    async with stub_venue() as venue:
        started = seconds()
        found = await collected(
            venue,
            wanted(keywords=("funding", "stubborn"), candles={}),
            clock=LoopClock(NOW),
            plugins=plugins,
            deadline_s=0.7,
            per_source_timeout_s=0.5,
        )
        wall = seconds() - started
    assert wall < 1.0
    assert isinstance(found.symbols[SOL].extra["stubborn"], Unavailable)
    assert found.symbols[SOL].extra["stubborn"].code == "timeout"
    assert isinstance(found.symbols[SOL].funding, Funding)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if task.get_name() == "sol.stubborn":
            await task


async def test_third_party_fetchers_are_run_beside_ours() -> None:
    async def gas(source: Any) -> dict[str, Any]:
        return {"ticker": (await source.call("fetch_ticker", source.symbol))["last"], "note": None}

    async def broken(source: Any) -> dict[str, Any]:
        raise ZeroDivisionError("gas divided by zero")

    async def wrong(source: Any) -> Any:
        return {"when": object()}

    plugins = Plugins(
        {
            "gas": Plugin("gas", ("gas_price",), gas),
            "broken": Plugin("broken", (), broken),
            "wrong": Plugin("wrong", (), wrong),
        },
        (),
    )
    async with stub_venue() as venue:
        found = await collected(
            venue, wanted(keywords=("gas_price", "broken", "wrong", "oi"), candles={}), plugins=plugins
        )
    extra = found.symbols[SOL].extra
    assert isinstance(extra["gas"], Extra)
    assert extra["gas"].document == {"ticker": 142.1234567891, "note": None}
    assert isinstance(extra["broken"], Unavailable)
    assert "gas divided by zero" in extra["broken"].reason
    assert isinstance(extra["wrong"], Unavailable)
    assert found.timings["sol.broken"].error_code == "error"
    assert found.timings["sol.gas"].error_code is None
    assert isinstance(found.symbols[SOL].open_interest, OpenInterest)
    assert MarketSnapshot.model_validate_json(found.model_dump_json()) == found


async def test_a_short_429_is_waited_out() -> None:
    async with stub_venue() as venue:
        limited = status(429, "{}", **{"Retry-After": "0.3"})
        venue.say["/fapi/v1/depth"] = first_then(1, limited, well(venue))
        found = await collected(venue, per_source_timeout_s=3)
    assert isinstance(found.symbols[SOL].order_book, OrderBook)
    ms = found.timings["sol.fetch_orderbook"].ms
    assert ms is not None
    assert ms >= 290


async def test_a_ban_stops_every_request_until_it_ends() -> None:
    clock = RealClock(NOW)
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        await exchange.load_markets()
        venue.say["/fapi/v1/depth"] = status(418, "{}", **{"Retry-After": "60"})
        first = await collect(wanted(), exchange, venue_name="paper", clock=clock, plugins=NO_PLUGINS)
        venue.requests.clear()
        second = await collect(wanted(), exchange, venue_name="paper", clock=clock, plugins=NO_PLUGINS)
        assert venue.requests == []
    assert isinstance(first.symbols[SOL].order_book, Unavailable)
    assert first.symbols[SOL].order_book.code == "banned"
    assert second.requests == 0
    assert all(timing.error_code == "banned" for timing in second.timings.values())


async def test_two_collections_at_once_count_their_own_requests() -> None:
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        await exchange.load_markets()
        one, two = await asyncio.gather(
            collect(
                wanted(keywords=("oi",), candles={}),
                exchange,
                venue_name="paper",
                clock=RealClock(NOW),
                plugins=NO_PLUGINS,
            ),
            collect(
                wanted(keywords=("lsr",), candles={}),
                exchange,
                venue_name="paper",
                clock=RealClock(NOW),
                plugins=NO_PLUGINS,
            ),
        )
    assert one.requests == 3  # time, history, current
    assert two.requests == 5  # time, four kinds


@virtual
async def test_sources_run_at_the_same_time() -> None:
    """Every answer takes 150 ms; one after the other that would be over two seconds."""
    async with stub_venue() as venue:

        async def slow(request: Any) -> Any:
            await asyncio.sleep(0.15)
            return await well(venue)(request)

        async with opened("paper", venue.url) as exchange:
            await exchange.load_markets()
            for path in PATHS:
                venue.say[path] = slow
            started = seconds()
            found = await collect(wanted(), exchange, venue_name="paper", clock=LoopClock(NOW), plugins=NO_PLUGINS)
            wall = seconds() - started
    assert found.requests >= 16
    assert wall == pytest.approx(0.3)  # the venue's time, then everything else
