"""OKX, Bitget and Bybit dialects with answers written by hand from the venues' documentation."""

from typing import Any

from data_fetchers import fetch_open_interest, fetch_orderbook, fundingratehistory, longshortratio
from data_fetchers.market_data import fetch_candles, fetch_ticker
from data_fetchers.snapshot import Unavailable
from tests.fetchers_venue import HOUR, NOW, ManualClock, opened, serving, source_of
from tests.other_venues import AVAX, LAST, Paths, bitget, okx


async def test_okx_counts_contracts_and_shows_coins() -> None:
    paths = okx()
    async with serving(paths.answer) as url, opened("okx", url) as exchange:
        source = source_of(exchange, symbol=AVAX, venue="okx")
        book = await fetch_orderbook.fetch(source)
        interest = await fetch_open_interest.fetch(source)
        ticker = await fetch_ticker(source)
    assert book.bids == ((20.5, 3.0), (20.2, 4.0))
    assert book.asks == ((20.6, 1.0), (21.0, 2.0))
    assert book.as_of == NOW - 7
    assert (interest.points[-1].time, interest.points[-1].coins, interest.points[-1].quote) == (NOW - 3, 500.0, 10250.0)
    assert {point.coins for point in interest.points[:-1]} == {400.0}
    assert len(interest.points) == 300
    assert (ticker.last, ticker.mark, ticker.index) == (20.5, 20.51, 20.49)
    assert ticker.quote_volume_24h is None  # OKX says base coins only: not made up


async def test_okx_funding_every_four_hours() -> None:
    async with serving(okx().answer) as url, opened("okx", url) as exchange:
        found = await fundingratehistory.fetch(source_of(exchange, symbol=AVAX, venue="okx"))
    assert [(point.rate, point.interval_hours) for point in found.history] == [(0.0003, 4.0), (0.0001, 4.0)]
    assert (found.predicted_rate, found.interval_hours, found.next_funding_time) == (0.0002, 4.0, LAST + 3 * HOUR)


async def test_okx_all_four_ratios() -> None:
    async with serving(okx().answer) as url, opened("okx", url) as exchange:
        found = await longshortratio.fetch(source_of(exchange, symbol=AVAX, venue="okx"))
    lasts = {kind: getattr(found, kind)[-1].ratio for kind in longshortratio.KINDS}
    assert lasts == {"accounts": 1.5, "top_accounts": 1.25, "top_positions": 0.75, "taker": 1.5}


async def test_okx_candles_in_base_coins_past_both_endpoints() -> None:
    # ccxt picks the history endpoint by the machine's clock: here everything is history
    for cap in (300, 100):
        paths = okx(cap)
        async with serving(paths.answer) as url, opened("okx", url) as exchange:
            found = await fetch_candles(source_of(exchange, symbol=AVAX, venue="okx"), "1h", 2000)
        assert len(found.time) == 2000
        assert found.time[-1] == LAST
        assert found.note == ""
        assert set(found.volume) == {50.0}
        assert {int(query["limit"]) <= 300 for path, query in paths.asked if "candles" in path} == {True}


async def test_bitget() -> None:
    paths = bitget()
    async with serving(paths.answer) as url, opened("bitget", url) as exchange:
        source = source_of(exchange, ManualClock(NOW), symbol=AVAX, venue="bitget")
        book = await fetch_orderbook.fetch(source)
        funding = await fundingratehistory.fetch(source)
        interest = await fetch_open_interest.fetch(source)
        ratios = await longshortratio.fetch(source)
        bars = await fetch_candles(source, "1h", 450)
    assert (book.bids, book.asks, book.as_of) == (((20.4, 5.0),), ((20.6, 6.0),), NOW - 4)
    assert ("/api/v2/mix/market/merge-depth", "max") in [(path, query.get("limit")) for path, query in paths.asked]
    assert [(point.rate, point.interval_hours) for point in funding.history] == [(0.0001, 8.0)] * 2
    assert (funding.predicted_rate, funding.interval_hours) == (0.00012, 8.0)
    assert [point.coins for point in interest.points] == [34000.5]
    assert interest.note.startswith("no history: bitget publishes no history")
    assert [point.ratio for point in ratios.accounts] == [1.7, 1.75]  # type: ignore[union-attr]
    assert isinstance(ratios.taker, Unavailable)
    assert ratios.taker.code == "not_supported"
    assert len(bars.time) == 450
    assert bars.time[-1] == LAST


async def test_bybit_open_interest_in_pages_of_two_hundred() -> None:
    info = {
        "symbol": "AVAXUSDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "AVAX",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": "1600000000000",
        "deliveryTime": "0",
        "fundingInterval": 480,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "50", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.001", "maxPrice": "1999", "tickSize": "0.001"},
        "lotSizeFilter": {"maxOrderQty": "100000", "minOrderQty": "0.1", "qtyStep": "0.1", "minNotionalValue": "5"},
    }

    def result(**document: Any) -> Any:
        return {"retCode": 0, "retMsg": "OK", "result": document, "time": NOW}

    def interest(query: Any) -> Any:
        last = min(int(query.get("endTime", NOW)), NOW) // 300_000 * 300_000
        first = int(query.get("startTime", 0))
        times = [t for t in range(last, last - 200 * 300_000, -300_000) if t >= first][: int(query.get("limit", 50))]
        return result(
            symbol="AVAXUSDT",
            category="linear",
            list=[{"openInterest": "1000.5", "timestamp": str(t)} for t in times],
            nextPageCursor="",
        )

    paths = Paths(
        {
            "/v5/market/time": lambda query: result(timeSecond=str(NOW // 1000)),
            "/v5/market/instruments-info": lambda query: result(category="linear", list=[info], nextPageCursor=""),
            "/v5/market/open-interest": interest,
        }
    )
    async with serving(paths.answer) as url, opened("bybit", url) as exchange:
        found = await fetch_open_interest.fetch(source_of(exchange, symbol=AVAX, venue="bybit"))
    assert len(found.points) == 300
    assert found.points[-1].time == NOW
    assert found.points[0].time == NOW - 299 * 300_000
    assert {point.coins for point in found.points} == {1000.5}
