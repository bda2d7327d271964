"""What exchanges really answered, through the real ccxt client. Needs the recorded responses beside the project."""

import gzip
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from data_fetchers import fetch_open_interest, fetch_orderbook, fundingratehistory, longshortratio
from data_fetchers.errors import FetchCode, FetchError
from data_fetchers.market_data import fetch_candles, fetch_ticker
from data_fetchers.snapshot import Unavailable
from data_fetchers.source import measure_drift
from tests.fetchers_venue import ManualClock, opened, serving, source_of

pytestmark = pytest.mark.data
_SHARED = Path(__file__).parents[2].parent / "shared" / "data"
FOLDER = Path(os.environ.get("VOLGAMMA_TEST_DATA", _SHARED)) / "recorded_responses"
BTC = "BTC/USDT:USDT"
HOUR, DAY = 3_600_000, 86_400_000

Answers = Callable[[str, dict[str, str]], Any]


def recorded(name: str) -> list[dict[str, Any]]:
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"no recorded responses at {FOLDER}")
    with gzip.open(path) as file:
        found: list[dict[str, Any]] = json.load(file)
    return found


def binance_recordings() -> dict[str, list[tuple[dict[str, str], Any]]]:
    """Path -> (query, response) as recorded."""
    found: dict[str, list[tuple[dict[str, str], Any]]] = {}
    for item in recorded("gocryptotrader_binance_usdm.json.gz"):
        found.setdefault(item["path"], []).append((dict(parse_qsl(item["query"])), item["response"]))
    return found


def documents(name: str) -> dict[str, Any]:
    """Documented public REST endpoint, by file name -> response."""
    return {
        item["file"].rsplit("/", 1)[-1].removesuffix(".txt"): item["response"]
        for item in recorded(name)
        if "/ExchangeData/" in item["file"] and "/Endpoints/" in item["file"]
    }


@asynccontextmanager
async def playing(name: str, answers: Answers) -> AsyncIterator[Any]:
    """The client of a venue on a server that answers by path and query; None is a 404."""

    async def handler(request: web.Request) -> web.StreamResponse:
        found = answers(request.path, dict(request.query))
        if found is None:
            return web.json_response({"code": -1, "msg": f"not recorded: {request.path_qs}"}, status=404)
        return web.json_response(found)

    async with serving(handler) as url, opened(name, url) as exchange:
        yield exchange


def binance(overrides: dict[str, Any] | None = None) -> Answers:
    """The recording whose query shares the most with the request; `overrides` by path come first."""
    all_of = binance_recordings()
    given = overrides or {}

    def answers(path: str, query: dict[str, str]) -> Any:
        if path in given:
            return given[path]
        choices = [item for item in all_of.get(path, []) if item[0].get("symbol") == query.get("symbol") and item[1]]
        if not choices:
            return None
        return max(choices, key=lambda item: len(item[0].items() & query.items()))[1]

    return answers


async def test_binance_daily_candles_of_january_2023() -> None:
    by_query = {json.dumps(query, sort_keys=True): answer for query, answer in binance_recordings()["/fapi/v1/klines"]}
    bars = next(answer for query, answer in by_query.items() if "1673136000000" in query)
    assert len(bars) == 6
    clock = ManualClock(bars[-1][0] + DAY + 5_000)
    async with playing("binanceusdm", binance({"/fapi/v1/klines": bars})) as exchange:
        found = await fetch_candles(source_of(exchange, clock, symbol=BTC), "1d", 6)
        one_less = await fetch_candles(source_of(exchange, ManualClock(bars[-1][0] + DAY - 1), symbol=BTC), "1d", 5)
    assert found.time == tuple(row[0] for row in bars)
    assert found.close == tuple(float(row[4]) for row in bars)
    assert (found.open[0], found.high[0], found.low[0]) == (16537.5, 16618.8, 16488.0)
    assert found.volume[0] == 105502.965
    assert found.as_of == bars[-1][0] + DAY
    # a millisecond before its close the last bar is still running
    assert one_less.time[-1] == bars[-2][0]


async def test_binance_five_hundred_five_minute_candles() -> None:
    answers = [answer for query, answer in binance_recordings()["/fapi/v1/klines"] if len(answer) == 500]
    bars = answers[0]
    last = bars[-1][0]
    ltc = binance({"/fapi/v1/klines": bars, "/fapi/v1/exchangeInfo": listed("BTC", "LTC")})
    async with playing("binanceusdm", ltc) as exchange:
        clock = ManualClock(last + 300_000)
        found = await fetch_candles(source_of(exchange, clock, symbol="LTC/USDT:USDT"), "5m", 500)
    assert len(found.time) == 500
    assert (found.open[0], found.close[0], found.volume[0]) == (50.49, 50.33, 3811.648)
    assert found.low == tuple(float(row[3]) for row in bars)


def listed(*bases: str) -> Any:
    """The recorded exchangeInfo with its first contract under these names (the recording lists few)."""
    document = next(answer for _, answer in binance_recordings()["/fapi/v1/exchangeInfo"])
    first = document["symbols"][0]
    contracts = [{**first, "symbol": f"{base}USDT", "pair": f"{base}USDT", "baseAsset": base} for base in bases]
    return {**document, "symbols": contracts}


async def test_binance_exchange_info_and_ticker() -> None:
    async with playing("binanceusdm", binance()) as exchange:
        await exchange.load_markets()
        assert exchange.market(BTC)["id"] == "BTCUSDT"
        found = await fetch_ticker(source_of(exchange, symbol=BTC))
    assert found.last == 47028.59
    assert found.quote_volume_24h == 22175129357.20
    assert (found.mark, found.index) == (26780.82240476, 26798.25197802)  # recorded on another day
    assert found.as_of == 1630042423017


async def test_binance_funding() -> None:
    async with playing("binanceusdm", binance()) as exchange:
        found = await fundingratehistory.fetch(source_of(exchange, symbol=BTC, funding_points=1000))
    recording = next(
        answer for query, answer in binance_recordings()["/fapi/v1/fundingRate"] if query == {"symbol": "BTCUSDT"}
    )
    pages = [answer for _, answer in binance_recordings()["/fapi/v1/fundingRate"] if answer]
    assert [(point.time, point.rate) for point in found.history] in [
        [(row["fundingTime"], float(row["fundingRate"])) for row in page] for page in (recording, *pages)
    ]
    assert {point.interval_hours for point in found.history} == {8.0}
    assert found.predicted_rate == 0.00001226
    assert found.next_funding_time == 1687248000000
    assert found.interval_hours == 8.0  # BTC is not in fundingInfo: from the spacing


async def test_binance_funding_interval_of_four_hours_from_funding_info() -> None:
    history = [
        {"symbol": "LPTUSDT", "fundingTime": 1752840000000 + place * 4 * HOUR, "fundingRate": "0.0001"}
        for place in range(3)
    ]
    premium = dict(next(answer for _, answer in binance_recordings()["/fapi/v1/premiumIndex"]), symbol="LPTUSDT")
    overrides = {
        "/fapi/v1/exchangeInfo": listed("LPT"),
        "/fapi/v1/fundingInfo": binance_recordings()["/fapi/v1/fundingInfo"][0][1],
        "/fapi/v1/fundingRate": history,
        "/fapi/v1/premiumIndex": premium,
    }
    async with playing("binanceusdm", binance(overrides)) as exchange:
        found = await fundingratehistory.fetch(source_of(exchange, symbol="LPT/USDT:USDT"))
    assert found.interval_hours == 4.0


@pytest.mark.parametrize(("asked", "count"), [("5", 5), ("100", 100), ("1000", 28)])
async def test_binance_order_books(asked: str, count: int) -> None:
    answer = next(answer for query, answer in binance_recordings()["/fapi/v1/depth"] if query["limit"] == asked)
    async with playing("binanceusdm", binance()) as exchange:
        found = await fetch_orderbook.fetch(source_of(exchange, symbol=BTC, book_levels=int(asked)))
    assert len(found.bids) == len(found.asks) == count
    assert found.bids == tuple((float(price), float(size)) for price, size in answer["bids"])
    assert found.asks == tuple((float(price), float(size)) for price, size in answer["asks"])
    assert found.as_of == answer["T"]
    assert found.note == f"{count} bids and {count} asks do not reach 1 % on both sides"


async def test_binance_open_interest() -> None:
    current = binance_recordings()["/fapi/v1/openInterest"][0][1]
    async with playing("binanceusdm", binance()) as exchange:
        found = await fetch_open_interest.fetch(source_of(exchange, symbol=BTC))
    assert [(point.time, point.coins, point.quote) for point in found.points] == [
        (1602989400000, 36316.877, 413220015.26744573),
        (current["time"], 83782.317, None),
    ]


async def test_binance_ratios() -> None:
    taker = binance_recordings()["/futures/data/takerlongshortRatio"][0][1]
    async with playing("binanceusdm", binance()) as exchange:
        found = await longshortratio.fetch(source_of(exchange, symbol=BTC, positioning_points=500))
    for kind in longshortratio.KINDS:
        points = getattr(found, kind)
        assert not isinstance(points, Unavailable), kind
        assert all(0 < point.ratio < 10 for point in points)
    assert [(point.time, point.ratio) for point in found.taker] == [  # type: ignore[union-attr]
        (row["timestamp"], float(row["buySellRatio"])) for row in taker
    ]


async def test_binance_error_answer_is_a_bad_symbol() -> None:
    refused = next(answer for _, answer in binance_recordings()["/fapi/v1/ticker/24hr"] if "code" in answer)
    assert refused["code"] == -1121
    async with playing("binanceusdm", binance({"/fapi/v1/ticker/24hr": refused})) as exchange:
        with pytest.raises(FetchError) as caught:
            await fetch_ticker(source_of(exchange, symbol=BTC))
    assert caught.value.code is FetchCode.BAD_SYMBOL


async def test_binance_server_time_gives_the_drift() -> None:
    async with playing("binanceusdm", binance()) as exchange:
        clock = ManualClock(1620099477465 - 750)
        drift = await measure_drift(exchange, source_of(exchange, clock).calls, clock)
    assert drift == 750


async def test_binance_documented_candle_and_ticker() -> None:
    docs = documents("jkorf_binance_usdm_endpoints.json.gz")
    paths = {
        "/fapi/v1/exchangeInfo": {**docs["GetExchangeInfo"], **listed("BTC")},
        "/fapi/v1/klines": docs["GetKlines"],
        "/fapi/v1/ticker/24hr": docs["GetTicker"],
        "/fapi/v1/premiumIndex": docs["GetMarkPrice"],
        "/fapi/v1/time": docs["GetServerTime"],
    }
    # the documented candle is a week long (its close time says so), and opens on a UTC day
    opened_at = 1499040000000
    async with playing("binanceusdm", lambda path, query: paths.get(path)) as exchange:
        bar = await fetch_candles(source_of(exchange, ManualClock(opened_at + DAY), symbol=BTC), "1d", 1)
        ticker = await fetch_ticker(source_of(exchange, symbol=BTC))
    assert (bar.time, bar.as_of) == ((opened_at,), opened_at + DAY)
    assert (bar.open, bar.high, bar.low, bar.close) == ((0.01634790,), (0.8,), (0.015758,), (0.015771,))
    assert bar.volume == (148976.11427815,)  # coins, not the 2434.19055334 of quote beside it
    assert bar.fillers == ()
    assert (ticker.last, ticker.quote_volume_24h) == (4.000002, 15.3)
    assert (ticker.mark, ticker.index) == (11793.63104562, 11781.80495970)
    assert ticker.as_of == 1499869899040


async def test_binance_documented_answers_of_every_endpoint() -> None:
    docs = documents("jkorf_binance_usdm_endpoints.json.gz")
    paths = {
        "/fapi/v1/exchangeInfo": {**docs["GetExchangeInfo"], **listed("BTC")},
        "/fapi/v1/fundingInfo": docs["GetFundingInfo"],
        "/fapi/v1/fundingRate": docs["GetFundingRates"],
        "/fapi/v1/premiumIndex": docs["GetMarkPrice"],
        "/fapi/v1/depth": docs["GetOrderBook"],
        "/fapi/v1/openInterest": docs["GetOpenInterest"],
        "/futures/data/openInterestHist": docs["GetOpenInterestHistory"],
        "/futures/data/globalLongShortAccountRatio": docs["GetGlobalLongShortAccountRatio"],
        "/futures/data/topLongShortAccountRatio": docs["GetTopLongShortAccountRatio"],
        "/futures/data/topLongShortPositionRatio": docs["GetTopLongShortPositionRatio"],
        "/futures/data/takerlongshortRatio": docs["GetTakerBuySellVolumeRatio"],
        "/fapi/v1/time": docs["GetServerTime"],
    }
    async with playing("binanceusdm", lambda path, query: paths.get(path)) as exchange:
        source = source_of(exchange, symbol=BTC)
        funding = await fundingratehistory.fetch(source)
        book = await fetch_orderbook.fetch(source)
        ratios = await longshortratio.fetch(source)
        interest = await fetch_open_interest.fetch(source)
    assert [point.rate for point in funding.history] == [0.0001, 0.0001]
    assert (funding.predicted_rate, funding.interval_hours) == (0.00038246, 8.0)
    assert book.bids == ((4.0, 431.0),)
    assert book.asks == ((4.000002, 12.0),)
    assert [point.ratio for point in ratios.accounts] == [0.196, 1.9559]  # type: ignore[union-attr]
    # times written as text, one of them newer and listed first
    assert [point.time for point in ratios.taker] == [1583139900000, 1585614900000]  # type: ignore[union-attr]
    assert [point.coins for point in interest.points] == [20403.637, 20401.367, 10659.509]


def bybit(overrides: dict[str, Any] | None = None) -> Answers:
    docs = documents("jkorf_bybit_v5_endpoints.json.gz")
    files = {
        "/v5/market/instruments-info": "GetLinearInverseSymbols",
        "/v5/market/kline": "GetKlines",
        "/v5/market/tickers": "GetLinearInverseTickers",
        "/v5/market/orderbook": "GetOrderbook",
        "/v5/market/open-interest": "GetOpenInterest",
        "/v5/market/account-ratio": "GetLongShortRatio",
        "/v5/market/funding/history": "GetFundingRateHistory",
    }
    time = {"retCode": 0, "result": {"timeSecond": "1688639403"}, "time": 1688639403423}  # not among the documented
    given = {"/v5/market/time": time, **(overrides or {})}

    def answers(path: str, query: dict[str, str]) -> Any:
        return given.get(path) or docs.get(files.get(path, ""))

    return answers


def linear(document: Any) -> Any:
    """The documented inverse example as the linear contract asked for."""
    text = json.dumps(document).replace('"inverse"', '"linear"').replace('"BTCUSD"', '"BTCUSDT"')
    return json.loads(text)


async def test_bybit_candles_come_newest_first() -> None:
    docs = documents("jkorf_bybit_v5_endpoints.json.gz")
    answers = bybit({"/v5/market/kline": linear(docs["GetKlines"])})
    async with playing("bybit", answers) as exchange:
        clock = ManualClock(1670608800000 + HOUR)
        found = await fetch_candles(source_of(exchange, clock, symbol=BTC), "1h", 3)
    assert found.time == (1670601600000, 1670605200000, 1670608800000)
    assert found.close == (17071.5, 17071.0, 17055.5)
    assert found.volume == (6356.0, 4177.0, 268611.0)


async def test_bybit_book_ratio_ticker_and_open_interest() -> None:
    docs = documents("jkorf_bybit_v5_endpoints.json.gz")
    overrides = {
        "/v5/market/tickers": linear(docs["GetLinearInverseTickers"]),
        "/v5/market/open-interest": linear(docs["GetOpenInterest"]),
    }
    async with playing("bybit", bybit(overrides)) as exchange:
        source = source_of(exchange, ManualClock(1669571400000 + 60_000), symbol=BTC)
        book = await fetch_orderbook.fetch(source)
        ratio = await longshortratio.fetch(source)
        ticker = await fetch_ticker(source)
        interest = await fetch_open_interest.fetch(source)
    assert (book.bids, book.asks) == (((62710.2, 5.52),), ((62710.3, 0.01),))
    assert book.as_of == 1709199771584
    assert [point.ratio for point in ratio.accounts] == [pytest.approx(0.5777 / 0.4223)]  # type: ignore[union-attr]
    assert isinstance(ratio.taker, Unavailable)
    assert ratio.taker.code == "not_supported"
    assert isinstance(ratio.top_positions, Unavailable)
    assert (ticker.last, ticker.mark, ticker.index) == (16597.0, 16596.0, 16598.54)
    assert [point.time for point in interest.points] == [1669571100000, 1669571400000]
    assert [point.coins for point in interest.points] == [461134292.0, 461134384.0]


async def test_bybit_funding_interval_comes_from_the_contract() -> None:
    docs = documents("jkorf_bybit_v5_endpoints.json.gz")
    overrides = {"/v5/market/tickers": linear(docs["GetLinearInverseTickers"])}
    minutes = docs["GetLinearInverseSymbols"]["result"]["list"][0]["fundingInterval"]
    async with playing("bybit", bybit(overrides)) as exchange:
        found = await fundingratehistory.fetch(source_of(exchange, symbol=BTC))
    assert found.interval_hours == minutes / 60
    assert found.predicted_rate == -0.001034
    assert found.next_funding_time == 1672387200000


async def test_bybit_settled_funding() -> None:
    """The documented contract is USDC-settled; the same answer under the perpetual that is traded here."""
    docs = documents("jkorf_bybit_v5_endpoints.json.gz")
    text = json.dumps(docs["GetFundingRateHistory"])
    assert text.count('"ETHPERP"') == 1
    minutes = docs["GetLinearInverseSymbols"]["result"]["list"][0]["fundingInterval"]
    overrides = {
        "/v5/market/tickers": linear(docs["GetLinearInverseTickers"]),
        "/v5/market/funding/history": json.loads(text.replace('"ETHPERP"', '"BTCUSDT"')),
    }
    async with playing("bybit", bybit(overrides)) as exchange:
        found = await fundingratehistory.fetch(source_of(exchange, symbol=BTC))
    # 2022-12-26T08:00Z; a fraction, not a percentage
    assert [(point.time, point.rate, point.interval_hours) for point in found.history] == [
        (1672041600000, 0.0001, minutes / 60)
    ]
    assert minutes == 480
