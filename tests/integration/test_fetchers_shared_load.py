"""What fetchers share on one client: loading its markets. Who gives up on it costs nobody else the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from data_fetchers import fetch_open_interest, fundingratehistory, longshortratio
from data_fetchers.collector import collect
from data_fetchers.errors import FetchCode, FetchError, NotSupported, Permanent, Transient
from data_fetchers.plugins import Plugin, Plugins
from data_fetchers.snapshot import Extra, Funding, MarketData, OpenInterest, Requirements, Unavailable
from data_fetchers.source import failure_of, unavailable
from tests.fetchers_venue import SOL, RealClock, StubVenue, opened, rows, source_of, status, stub_venue, well

INFO = "/fapi/v1/exchangeInfo"


def slow(venue: StubVenue, seconds: float) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await well(venue)(request)

    return handler


async def test_one_who_gives_up_does_not_cancel_the_others() -> None:
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        venue.say[INFO] = slow(venue, 0.3)

        async def hasty() -> None:
            async with asyncio.timeout(0.05):
                await exchange.load_markets()

        found = await asyncio.gather(hasty(), exchange.fetch_ticker(SOL), return_exceptions=True)
        assert isinstance(found[0], TimeoutError)
        assert found[1]["last"] == 142.1234567891
        assert len(venue.asked(INFO)) == 1
        await exchange.load_markets()
        assert len(venue.asked(INFO)) == 1
        await exchange.load_markets(True)
        assert len(venue.asked(INFO)) == 2


async def test_one_who_gives_up_first_or_last_costs_a_snapshot_nothing() -> None:
    async def hasty(source: Any) -> dict[str, Any]:
        async with asyncio.timeout(0.05):
            await source.market()
        return {}

    async def patient(source: Any) -> dict[str, Any]:
        return {"size": await source.contract_size()}

    plugins = Plugins({name: Plugin(name, (), fetch) for name, fetch in (("hasty", hasty), ("patient", patient))}, ())
    words = ("funding", "oi", "price_action", "hasty", "patient")
    requirements = Requirements(primary=SOL, keywords=words, candles={SOL: {"1h": 30}})
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        venue.say[INFO] = slow(venue, 0.3)
        found = await collect(requirements, exchange, venue_name="paper", clock=RealClock(), plugins=plugins)
    sol = found.symbols[SOL]
    assert [type(part) for part in (sol.funding, sol.open_interest, sol.market_data)] == [
        Funding,
        OpenInterest,
        MarketData,
    ]
    assert isinstance(sol.extra["hasty"], Unavailable)
    assert isinstance(sol.extra["patient"], Extra)
    assert {name for name, timing in found.timings.items() if timing.error_code} == {"sol.hasty"}


async def test_markets_that_could_not_be_loaded_are_asked_for_again() -> None:
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        venue.say[INFO] = status(503)
        for _ in range(2):
            with pytest.raises(Exception, match="503"):
                await exchange.load_markets()
        venue.say.clear()
        assert SOL in await exchange.load_markets()


async def test_closing_ends_a_load_nobody_waits_for() -> None:
    before = asyncio.all_tasks()
    async with stub_venue() as venue:
        async with opened("paper", venue.url) as exchange:
            venue.say[INFO] = slow(venue, 5)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await exchange.load_markets()
        left = {task for task in asyncio.all_tasks() - before if "load_markets" in repr(task)}
        assert left == set()


async def test_a_cancelled_shared_request_costs_its_part_and_no_more() -> None:
    shared: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    shared.cancel()
    found = await source_of(object()).settle(shared)
    assert isinstance(found, Unavailable)
    assert found.code == "error"
    assert found.reason == "network: stub SOL/USDT:USDT: a request shared with another source was given up"


async def test_cancelling_a_part_itself_still_cancels_it() -> None:
    task = asyncio.create_task(source_of(object()).settle(asyncio.sleep(30)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("code", [code for code in FetchCode if code not in (FetchCode.NOT_SUPPORTED,)])
def test_the_failure_of_all_parts_keeps_its_code(code: FetchCode) -> None:
    part = unavailable(Permanent("venue depth: it did not come", code), "venue")
    error = failure_of(part, f"history: {part.reason}")
    assert error.code is code
    assert isinstance(error, Transient if code in ("network", "outage", "rate_limited", "bad_answer") else Permanent)


def test_what_the_venue_lacks_stays_not_supported() -> None:
    assert isinstance(failure_of(unavailable(NotSupported("none"), "venue"), "none"), NotSupported)


def test_a_defect_of_a_part_is_refused_as_before() -> None:
    assert failure_of(unavailable(ZeroDivisionError("by zero"), "venue"), "x").code is FetchCode.REFUSED


@pytest.mark.parametrize(
    ("fetcher", "paths"),
    [
        (fundingratehistory, ("/fapi/v1/fundingRate", "/fapi/v1/premiumIndex")),
        (fetch_open_interest, ("/fapi/v1/openInterest", "/futures/data/openInterestHist")),
        (
            longshortratio,
            tuple(
                f"/futures/data/{path}"
                for path in (
                    "globalLongShortAccountRatio",
                    "topLongShortAccountRatio",
                    "topLongShortPositionRatio",
                    "takerlongshortRatio",
                )
            ),
        ),
    ],
)
@pytest.mark.parametrize(
    ("bad", "code"),
    [(status(503), FetchCode.OUTAGE), (rows(lambda query: "no row"), FetchCode.BAD_ANSWER)],
)
async def test_an_outage_is_no_refusal(fetcher: Any, paths: tuple[str, ...], bad: Any, code: FetchCode) -> None:
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        venue.say |= dict.fromkeys(paths, bad)
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(source_of(exchange))
    assert caught.value.code is code
    shown = unavailable(caught.value, "paper")
    assert shown.reason.startswith(f"{code}: ")
    assert "refused" not in shown.reason
    assert not shown.reason.startswith(f"{code}: {code}: ")
