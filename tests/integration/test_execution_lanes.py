"""The account's requests do not wait behind what is read of the market; the pace stays what the venue allows."""

import asyncio

import pytest

from data_fetchers.lanes import Lanes, acting
from data_fetchers.venue import open_exchange
from orchestrator.execution.ccxt_venue import CcxtVenue
from tests.virtual_time import seconds, virtual

#: ccxt's for Binance: one weight each 50 ms.
BUCKET = {"refillRate": 1 / 50, "capacity": 1.0, "cost": 1.0}
BOOK = 20.0


async def passed(lanes: Lanes, times: list[float], cost: float) -> None:
    await lanes(cost)
    times.append(seconds())


async def as_account(lanes: Lanes, times: list[float], cost: float) -> None:
    with acting():
        await passed(lanes, times, cost)


@virtual
async def test_a_close_passes_a_queue_of_books_and_delays_none() -> None:
    lanes, books, closes = Lanes(BUCKET, own=500.0, saved=250.0), list[float](), list[float]()
    reading = [asyncio.create_task(passed(lanes, books, BOOK)) for _ in range(6)]
    await asyncio.sleep(0.3)
    for _ in range(4):  # one after the other, as an answer comes
        await as_account(lanes, closes, 5.0)
    assert max(closes) - 0.3 < 0.05, closes
    await asyncio.gather(*reading)
    assert books == pytest.approx([0, 1, 2, 3, 4, 5], abs=0.1), "a decision has only seconds for them"


@virtual
async def test_without_an_allowance_the_account_goes_first_and_pays_its_own_pace() -> None:
    lanes, books, closes = Lanes(BUCKET), list[float](), list[float]()
    reading = [asyncio.create_task(passed(lanes, books, BOOK)) for _ in range(3)]
    await asyncio.sleep(0.3)
    both = [asyncio.create_task(as_account(lanes, closes, 4.0)) for _ in range(2)]
    await asyncio.gather(*reading, *both)
    assert closes == pytest.approx([1.0, 1.2], abs=0.05), "after the one book that had gone, before the next"
    assert books == pytest.approx([0, 1.4, 2.4], abs=0.05)


@virtual
async def test_a_minute_of_both_at_full_speed_stays_below_the_venues_limit() -> None:
    exchange = open_exchange("binanceusdm")
    lanes, spent = exchange.throttler, [0.0]
    assert isinstance(lanes, Lanes)

    async def always(cost: float) -> None:
        while True:
            await lanes(cost)
            spent[0] += cost

    async def acts() -> None:
        with acting():
            await always(5.0)

    tasks = [asyncio.create_task(always(BOOK)), asyncio.create_task(acts())]
    await asyncio.sleep(60)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await exchange.close()
    assert 1500 < spent[0] <= 2000, "Binance allows 2,400 weight a minute"


@virtual
async def test_what_nobody_waits_for_any_more_costs_nothing() -> None:
    lanes, books = Lanes(BUCKET), list[float]()
    gone = [asyncio.create_task(passed(lanes, books, BOOK)) for _ in range(5)]
    await asyncio.sleep(0.1)
    for task in gone[1:]:
        task.cancel()
    await passed(lanes, books, BOOK)
    assert books == pytest.approx([0, 1], abs=0.05)
    await asyncio.sleep(10)
    await asyncio.gather(*(passed(lanes, books, BOOK) for _ in range(2)))
    assert books[2:] == pytest.approx([11, 12], abs=0.2), "idling saves up one request at most"


@virtual
async def test_the_adapter_asks_in_the_accounts_lane_and_a_fetcher_does_not() -> None:
    exchange = open_exchange("binanceusdm", api_key="key", secret="secret")
    exchange.markets = {}
    asked = list[str]()

    async def answered(url: str, *_: object, **__: object) -> dict[str, int]:
        asked.append(url.split("?")[0].rsplit("/", 1)[-1])
        return {"serverTime": 1}

    exchange.fetch = answered
    books = [asyncio.create_task(exchange.fapiPublicGetDepth({"symbol": "SOLUSDT", "limit": 1000})) for _ in range(5)]
    await asyncio.sleep(0.1)
    assert await CcxtVenue(exchange, "binanceusdm").server_time() == 1
    assert asked == ["depth", "time"]
    assert seconds() < 0.2
    await asyncio.gather(*books)
    await exchange.close()
