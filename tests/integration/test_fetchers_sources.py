"""Funding, book, ratios and open interest through the real ccxt client; the venue is honest, odd or hostile."""

import json
from typing import Any

import pytest

from data_fetchers import fetch_open_interest, fetch_orderbook, fundingratehistory, longshortratio
from data_fetchers.errors import FetchCode, FetchError, NotSupported
from data_fetchers.snapshot import Unavailable
from tests.fetchers_venue import (
    HOUR,
    NOW,
    StubVenue,
    hang,
    opened,
    rows,
    source_of,
    status,
    stub_venue,
)

INFO, HISTORY, PREMIUM = "/fapi/v1/fundingInfo", "/fapi/v1/fundingRate", "/fapi/v1/premiumIndex"
DEPTH = "/fapi/v1/depth"
RATIOS = "/futures/data/"
NEXT = 1_740_830_400_000  # 2025-03-01T12:00Z


async def ask(fetcher: Any, venue: StubVenue, **named: Any) -> Any:
    async with opened("paper", venue.url) as exchange:
        return await fetcher.fetch(source_of(exchange, **named))


# funding


async def test_funding_as_fractions_with_its_interval() -> None:
    async with stub_venue() as venue:
        found = await ask(fundingratehistory, venue, funding_points=90)
    assert len(found.history) == 90
    assert {(point.rate, point.interval_hours) for point in found.history} == {(0.00012345, 4.0)}
    assert found.predicted_rate == -0.00071234
    assert found.interval_hours == 4.0
    assert found.next_funding_time == NEXT
    assert found.as_of == NOW - 30
    assert venue.asked(HISTORY) == [{"symbol": "SOLUSDT", "limit": "90"}]


async def test_interval_of_a_symbol_the_venue_does_not_list_comes_from_the_spacing() -> None:
    async with stub_venue() as venue:
        venue.say[INFO] = rows(lambda query: [{"symbol": "BLZUSDT", "fundingIntervalHours": 1}])
        found = await ask(fundingratehistory, venue)
    assert found.interval_hours == 4.0


@pytest.mark.parametrize("bad", [status(500), status(404), status(200, "<html></html>"), rows(lambda query: [])])
async def test_interval_survives_the_loss_of_the_venues_statement(bad: Any) -> None:
    async with stub_venue() as venue:
        venue.say[INFO] = bad
        found = await ask(fundingratehistory, venue)
    assert found.interval_hours == 4.0
    assert found.predicted_rate == -0.00071234


async def test_eight_hours_are_never_assumed() -> None:
    async with stub_venue() as venue:
        venue.say[INFO] = rows(lambda query: [])
        venue.say[HISTORY] = rows(lambda query: [])
        with pytest.raises(FetchError, match="interval is not known"):
            await ask(fundingratehistory, venue)


async def test_a_shortened_interval_is_seen_before_it_was_ever_paid() -> None:
    async with stub_venue() as venue:
        venue.say[INFO] = rows(lambda query: [])
        venue.say[HISTORY] = rows(
            lambda query: [
                {"symbol": "SOLUSDT", "fundingTime": NEXT - hours * HOUR, "fundingRate": "0.0001"}
                for hours in (20, 12, 4)
            ]
        )
        found = await ask(fundingratehistory, venue)
    assert [point.interval_hours for point in found.history] == [8, 8, 8]
    assert found.interval_hours == 4.0


async def test_history_alone_has_no_prediction() -> None:
    async with stub_venue() as venue:
        venue.say[PREMIUM] = status(500)
        found = await ask(fundingratehistory, venue)
    assert found.predicted_rate is None
    assert found.next_funding_time is None
    assert found.as_of == found.history[-1].time == NOW // (4 * HOUR) * 4 * HOUR + 3


async def test_prediction_alone_with_a_declared_interval() -> None:
    async with stub_venue() as venue:
        venue.say[HISTORY] = status(500)
        found = await ask(fundingratehistory, venue)
    assert found.history == ()
    assert (found.predicted_rate, found.interval_hours) == (-0.00071234, 4.0)


async def test_a_rate_that_no_venue_has_is_an_error_and_no_signal() -> None:
    async with stub_venue() as venue:
        answer = {"symbol": "SOLUSDT", "markPrice": "142", "indexPrice": "142", "nextFundingTime": NEXT, "time": NOW}
        venue.say[PREMIUM] = status(200, json.dumps({**answer, "lastFundingRate": "1000000000"}))
        with pytest.raises(FetchError, match=r"1e\+09 is no funding rate"):
            await ask(fundingratehistory, venue)


async def test_no_funding_at_all_names_both_reasons() -> None:
    async with stub_venue() as venue:
        venue.say[HISTORY] = status(500)
        venue.say[PREMIUM] = status(400, '{"code":-1121,"msg":"Invalid symbol."}')
        with pytest.raises(FetchError, match=r"history: outage.*running interval: bad_symbol"):
            await ask(fundingratehistory, venue)


async def test_a_hanging_part_does_not_cost_the_rest() -> None:
    async with stub_venue() as venue:
        venue.say[INFO] = hang
        async with opened("paper", venue.url) as exchange:
            await exchange.load_markets()
            found = await fundingratehistory.fetch(source_of(exchange, timeout_s=0.4))
    assert found.interval_hours == 4.0
    assert found.predicted_rate == -0.00071234


# order book


async def test_book_in_full_with_its_own_age() -> None:
    async with stub_venue() as venue:
        found = await ask(fetch_orderbook, venue)
    assert len(found.bids) == len(found.asks) == 1000
    assert found.bids[:2] == ((142.0, 10.5), (141.99, 10.5))
    assert found.asks[:2] == ((142.01, 7.25), (142.02, 7.25))
    assert found.as_of == NOW - 20
    assert found.fetched_at == NOW
    assert found.note == ""
    assert venue.asked(DEPTH) == [{"symbol": "SOLUSDT", "limit": "1000"}]


async def test_an_odd_depth_is_rounded_up_to_one_the_venue_knows() -> None:
    async with stub_venue() as venue:
        found = await ask(fetch_orderbook, venue, book_levels=120)
    assert venue.asked(DEPTH)[0]["limit"] == "500"
    assert len(found.bids) == 500


async def test_a_shallow_book_is_kept_and_said() -> None:
    async with stub_venue() as venue:
        found = await ask(fetch_orderbook, venue, book_levels=20)
    assert len(found.bids) == 20
    assert found.note == "20 bids and 20 asks do not reach 1 % on both sides"


@pytest.mark.parametrize(
    ("bids", "asks", "code"),
    [
        ([], [], FetchCode.EMPTY),
        ([["0", "0"]], [[None, "1"]], FetchCode.EMPTY),
        ([["101", "1"]], [["100", "1"]], FetchCode.BAD_ANSWER),
        ([["100", "1"]], [["100", "1"]], FetchCode.BAD_ANSWER),
    ],
)
async def test_a_book_that_is_none(bids: Any, asks: Any, code: FetchCode) -> None:
    async with stub_venue() as venue:
        venue.say[DEPTH] = rows(lambda query: {"T": NOW, "bids": bids, "asks": asks})
        with pytest.raises(FetchError) as caught:
            await ask(fetch_orderbook, venue)
    assert caught.value.code is code


async def test_one_side_and_no_time() -> None:
    async with stub_venue() as venue:
        venue.say[DEPTH] = rows(lambda query: {"bids": [["99", "1"]], "asks": []})
        found = await ask(fetch_orderbook, venue)
    assert (found.bids, found.asks) == (((99.0, 1.0),), ())
    assert found.as_of == NOW
    assert found.note.startswith("the venue gives no time")


# long/short ratios


async def test_four_kinds_of_ratio() -> None:
    async with stub_venue() as venue:
        found = await ask(longshortratio, venue, positioning_points=24)
    hour = NOW // HOUR * HOUR
    assert [len(getattr(found, kind)) for kind in longshortratio.KINDS] == [24] * 4
    assert [getattr(found, kind)[-1].ratio for kind in longshortratio.KINDS] == [1.8123, 1.4, 0.9, 1.1]
    assert found.accounts[0].time == hour - 23 * HOUR
    assert found.as_of == hour
    for path in ("globalLongShortAccountRatio", "takerlongshortRatio"):
        assert venue.asked(RATIOS + path) == [{"symbol": "SOLUSDT", "period": "1h", "limit": "24"}]


async def test_a_kind_that_fails_is_missing_alone() -> None:
    async with stub_venue() as venue:
        venue.say[RATIOS + "takerlongshortRatio"] = rows(lambda query: [])
        venue.say[RATIOS + "topLongShortAccountRatio"] = status(500)
        found = await ask(longshortratio, venue)
    assert isinstance(found.taker, Unavailable)
    assert found.taker.code == "empty"
    assert isinstance(found.top_accounts, Unavailable)
    assert found.top_accounts.code == "error"
    assert found.accounts[-1].ratio == 1.8123


async def test_no_kind_at_all() -> None:
    async with stub_venue() as venue:
        for path in (
            "globalLongShortAccountRatio",
            "topLongShortAccountRatio",
            "topLongShortPositionRatio",
            "takerlongshortRatio",
        ):
            venue.say[RATIOS + path] = rows(lambda query: [{"longShortRatio": None, "timestamp": NOW}])
        with pytest.raises(FetchError) as caught:
            await ask(longshortratio, venue)
    assert caught.value.code is FetchCode.EMPTY


# open interest


async def test_open_interest_history_and_the_current_figure() -> None:
    async with stub_venue() as venue:
        venue.now = NOW + 90_000
        found = await ask(fetch_open_interest, venue)
    assert len(found.points) == 300
    assert found.points[-1].time == found.as_of == NOW + 90_000 - 5
    assert (found.points[-1].coins, found.points[-1].quote) == (9000001.5, None)
    assert (found.points[-2].time, found.points[-2].coins) == (NOW, 9000000.25)
    assert found.points[-2].quote == 1278000000.5
    assert found.note == ""


async def test_history_without_the_current_figure_and_the_other_way() -> None:
    async with stub_venue() as venue:
        venue.say["/fapi/v1/openInterest"] = status(500)
        history = await ask(fetch_open_interest, venue)
        venue.say = {"/futures/data/openInterestHist": status(500)}
        current = await ask(fetch_open_interest, venue)
    assert len(history.points) == 300
    assert history.note.startswith("no current figure: outage")
    assert len(current.points) == 1
    assert current.note.startswith("no history: outage")


async def test_no_open_interest_at_all() -> None:
    async with stub_venue() as venue:
        venue.say["/fapi/v1/openInterest"] = rows(lambda query: {"openInterest": "", "time": NOW})
        venue.say["/futures/data/openInterestHist"] = rows(lambda query: [])
        with pytest.raises(FetchError, match="it is no number") as caught:
            await ask(fetch_open_interest, venue)
    assert caught.value.code is FetchCode.EMPTY


async def test_what_a_venue_does_not_offer() -> None:
    class Silent:
        id = "nowhere"
        has: dict[str, bool] = {}  # noqa: RUF012

    with pytest.raises(NotSupported, match="publishes no accounts ratio"):
        await longshortratio.fetch(source_of(Silent()))
