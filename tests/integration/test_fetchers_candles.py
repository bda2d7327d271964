"""Candles and ticker through the real ccxt client: paging, order, gaps, precision."""

import json
from typing import Any

import pytest
from aiohttp import web

from data_fetchers.errors import FetchCode, Permanent, Transient
from data_fetchers.market_data import fetch, fetch_candles, fetch_ticker
from data_fetchers.snapshot import Candles, Ticker, Unavailable
from tests.fetchers_venue import (
    HOUR,
    NOW,
    SOL,
    StubVenue,
    bar,
    cut,
    first_then,
    hang,
    klines,
    opened,
    rows,
    source_of,
    status,
    stub_venue,
    well,
)

PATH = "/fapi/v1/klines"
LAST = NOW // HOUR * HOUR - HOUR  # 09:00, closed at 10:00; NOW is 10:20


def changed(venue: StubVenue, change: Any) -> Any:
    """The venue's candles, changed."""
    return rows(lambda query: change(klines(venue, query)))


async def candles(venue: StubVenue, bars: int, timeframe: str = "1h", **named: Any) -> Candles:
    async with opened("paper", venue.url) as exchange:
        return await fetch_candles(source_of(exchange, **named), timeframe, bars)


async def test_a_year_of_hours_in_pages_planned_from_the_exchange_time() -> None:
    async with stub_venue() as venue:
        found = await candles(venue, 9000)
    assert len(found.time) == 9000
    assert found.time[-1] == LAST
    assert found.as_of == LAST + HOUR == NOW - 20 * 60_000
    assert {later - earlier for earlier, later in zip(found.time, found.time[1:], strict=False)} == {HOUR}
    assert found.note == ""
    asked = venue.asked(PATH)
    assert len(asked) == 9
    assert {query["limit"] for query in asked} == {"1000"}
    assert sorted(int(query["startTime"]) for query in asked) == [
        LAST - (8999 - 1000 * page) * HOUR for page in range(9)
    ]


async def test_prices_keep_every_digit() -> None:
    async with stub_venue() as venue:
        found = await candles(venue, 50)
    for place, time in enumerate(found.time):
        _, opened_at, high, low, close, volume = bar(time, HOUR)[:6]
        assert found.open[place] == float(opened_at)
        assert found.high[place] == float(high)
        assert found.low[place] == float(low)
        assert found.close[place] == float(close)
        assert found.volume[place] == float(volume)
    # more digits than the tick size of 0.01
    assert len(repr(found.close[-1]).split(".")[1]) >= 7


async def test_closed_is_judged_by_the_exchange_clock() -> None:
    async with stub_venue() as venue:
        ahead = await candles(venue, 3, drift=45 * 60_000)
        behind = await candles(venue, 3, drift=-25 * 60_000)
    assert ahead.time[-1] == LAST + HOUR  # 11:05 there: the bar of 10:00 has closed
    assert behind.time[-1] == LAST - HOUR
    assert behind.as_of == LAST


async def test_newest_first_and_doubled_bars_come_out_straight() -> None:
    async with stub_venue() as venue:
        plain = await candles(venue, 300)
        venue.say[PATH] = changed(
            venue, lambda bars: [*reversed(bars[20:]), *bars[20:40]] if len(bars) > 100 else [*reversed(bars)]
        )
        mixed = await candles(venue, 300)
    assert mixed == plain


async def test_a_silent_cap_is_found_and_worked_around() -> None:
    async with stub_venue() as venue:
        venue.page_cap = 400
        found = await candles(venue, 2500)
    assert len(found.time) == 2500
    assert found.note == ""


async def test_a_hole_is_asked_for_again() -> None:
    async with stub_venue() as venue:
        holed = changed(venue, lambda bars: bars[:40] + bars[43:])
        venue.say[PATH] = first_then(1, holed, well(venue))
        found = await candles(venue, 100)
    assert len(found.time) == 100
    assert len(venue.asked(PATH)) == 2
    assert venue.asked(PATH)[1]["startTime"] == str(LAST - 59 * HOUR)
    assert venue.asked(PATH)[1]["limit"] == "3"


async def test_a_hole_that_stays_is_a_gap() -> None:
    absent = {LAST - 10 * HOUR, LAST - 11 * HOUR}
    async with stub_venue() as venue:
        venue.say[PATH] = changed(venue, lambda bars: [row for row in bars if row[0] not in absent])
        with pytest.raises(Permanent, match=r"2 bars missing from 2025-02-28T22:00:00Z") as caught:
            await candles(venue, 100)
    assert caught.value.code is FetchCode.GAP
    assert len(venue.asked(PATH)) == 2


@pytest.mark.parametrize("wrong", [None, "abc", "", "nan", "-5", "0", [], {}])
async def test_a_bar_with_a_broken_price_is_a_gap_not_a_zero(wrong: Any) -> None:
    def change(bars: list[list[Any]]) -> list[list[Any]]:
        return [[*row[:4], wrong, *row[5:]] if row[0] == LAST - 5 * HOUR else row for row in bars]

    async with stub_venue() as venue:
        venue.say[PATH] = changed(venue, change)
        with pytest.raises(Permanent) as caught:
            await candles(venue, 20)
    assert caught.value.code is FetchCode.GAP


async def test_a_new_listing_gives_what_there_is() -> None:
    async with stub_venue() as venue:
        venue.listed_since = LAST - 120 * HOUR
        found = await candles(venue, 3000)
        venue.listed_since = LAST
        one = await candles(venue, 3000)
    assert len(found.time) == 121
    assert found.time[0] == LAST - 120 * HOUR
    assert found.note == "121 of 3000 bars: the venue has none before 2025-02-24T09:00:00Z"
    assert one.time == (LAST,)


async def test_nothing_at_all_is_empty() -> None:
    async with stub_venue() as venue:
        venue.say[PATH] = rows(lambda query: [])
        with pytest.raises(Permanent, match="no closed bar") as caught:
            await candles(venue, 20)
    assert caught.value.code is FetchCode.EMPTY


async def test_a_bar_not_published_yet_is_said() -> None:
    async with stub_venue() as venue:
        venue.say[PATH] = changed(venue, lambda bars: [row for row in bars if row[0] < LAST])
        found = await candles(venue, 20)
    assert found.as_of == LAST
    assert len(found.time) == 19
    assert "2025-03-01T09:00:00Z has closed but is not published yet" in found.note


async def test_zero_volume_bars_are_flagged() -> None:
    quiet = {LAST - 2 * HOUR, LAST - 7 * HOUR}

    def change(bars: list[list[Any]]) -> list[list[Any]]:
        return [[*row[:5], "0.000", *row[6:]] if row[0] in quiet else row for row in bars]

    async with stub_venue() as venue:
        venue.say[PATH] = changed(venue, change)
        found = await candles(venue, 20)
    assert found.fillers == (LAST - 7 * HOUR, LAST - 2 * HOUR)
    assert len(found.time) == 20


@pytest.mark.parametrize("bad", [status(500), status(503, "<html>busy</html>"), status(200, "<html>hello</html>"), cut])
async def test_a_passing_failure_is_asked_again(bad: Any) -> None:
    async with stub_venue() as venue:
        venue.say[PATH] = first_then(2, bad, well(venue))
        found = await candles(venue, 20)
    assert len(found.time) == 20


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (status(500), FetchCode.OUTAGE),
        (status(200, "<html>hello</html>"), FetchCode.BAD_ANSWER),
        (status(200, "null"), FetchCode.BAD_ANSWER),
        (status(200, ""), FetchCode.BAD_ANSWER),
        (cut, FetchCode.NETWORK),
    ],
)
async def test_a_lasting_failure_is_named(bad: Any, code: FetchCode) -> None:
    async with stub_venue() as venue:
        venue.say[PATH] = bad
        with pytest.raises((Transient, Permanent)) as caught:
            await candles(venue, 20)
    assert caught.value.code is code


async def test_an_unknown_symbol_is_not_asked_twice() -> None:
    async with stub_venue() as venue:
        with pytest.raises(Permanent) as caught:
            await candles(venue, 20, symbol="NOPE/USDT:USDT")
    assert caught.value.code is FetchCode.BAD_SYMBOL
    assert venue.asked(PATH) == []


async def test_one_time_frame_fails_the_others_stay() -> None:
    async with stub_venue() as venue:

        async def no_days(request: web.Request) -> web.StreamResponse:
            if request.query["interval"] == "1d":
                return web.Response(status=400, text=json.dumps({"code": -1120, "msg": "Invalid interval."}))
            return await well(venue)(request)

        venue.say[PATH] = no_days
        async with opened("paper", venue.url) as exchange:
            wanted = {SOL: {"1h": 1200, "4h": 60, "1d": 30, "7h": 5}}
            found = await fetch(source_of(exchange, candles=wanted))
    hours, fours, days, odd = (found.candles[name] for name in ("1h", "4h", "1d", "7h"))
    assert isinstance(hours, Candles)
    assert len(hours.time) == 1200
    assert isinstance(fours, Candles)
    assert fours.as_of == NOW // (4 * HOUR) * 4 * HOUR
    assert isinstance(days, Unavailable)
    assert days.code == "error"
    assert isinstance(odd, Unavailable)
    assert "time frames are 1m" in odd.reason
    assert isinstance(found.ticker, Ticker)


async def test_ticker_joins_last_mark_and_index() -> None:
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        found = await fetch_ticker(source_of(exchange))
    assert (found.last, found.mark, found.index) == (142.1234567891, 142.12987654, 142.11123456)
    assert found.quote_volume_24h == 987654321.125
    assert found.as_of == NOW - 40
    assert found.fetched_at == NOW


async def test_a_missing_mark_is_missing_not_zero() -> None:
    async with stub_venue() as venue:
        venue.say["/fapi/v1/premiumIndex"] = status(500)
        async with opened("paper", venue.url) as exchange:
            found = await fetch_ticker(source_of(exchange))
    assert found.last == 142.1234567891
    assert found.mark is None
    assert found.index is None


async def test_a_hanging_mark_does_not_cost_the_ticker() -> None:
    async with stub_venue() as venue:
        venue.say["/fapi/v1/premiumIndex"] = hang
        async with opened("paper", venue.url) as exchange:
            await exchange.load_markets()
            source = source_of(exchange, timeout_s=0.4)
            found = await source.settle(fetch_ticker(source))
    assert isinstance(found, Ticker)
    assert found.mark is None


@pytest.mark.parametrize("last", ["0", None, "x", "-3", "NaN"])
async def test_a_ticker_without_a_price_is_refused(last: Any) -> None:
    async with stub_venue() as venue:
        venue.say["/fapi/v1/ticker/24hr"] = rows(lambda query: {"symbol": "SOLUSDT", "lastPrice": last})
        async with opened("paper", venue.url) as exchange:
            with pytest.raises((Permanent, Transient)):
                await fetch_ticker(source_of(exchange))
