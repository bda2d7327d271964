"""Every request each fetcher sends to OKX, Bitget and Bybit, captured on loopback, against the venues' documentation.

The tables are written from the documentation: path, every parameter, nothing beside. What the venue would answer to
them is not known to this test; see docs/venues.md.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from data_fetchers import fetch_open_interest, fetch_orderbook, fundingratehistory, longshortratio
from data_fetchers.market_data import fetch_candles, fetch_ticker
from data_fetchers.snapshot import Positioning, Unavailable
from data_fetchers.source import Source
from tests.fetchers_venue import HOUR, NOW, opened, serving, source_of
from tests.other_venues import AVAX, LAST, Paths, bitget, bybit, okx

STEP = 300_000
FIVE = NOW // STEP * STEP
VENUES: dict[str, Callable[[], Paths]] = {"okx": okx, "bitget": bitget, "bybit": bybit}


async def three_hours(source: Source) -> Any:
    return await fetch_candles(source, "1h", 3)


FETCHERS: dict[str, Callable[[Source], Awaitable[Any]]] = {
    "candles": three_hours,
    "ticker": fetch_ticker,
    "funding": fundingratehistory.fetch,
    "book": fetch_orderbook.fetch,
    "open_interest": fetch_open_interest.fetch,
    "ratios": longshortratio.fetch,
}

_STAT = "/api/v5/rubik/stat/contracts"
_SWAP = {"instId": "AVAX-USDT-SWAP"}
_HOURLY = {**_SWAP, "period": "1H", "limit": "30"}
_MIX = "/api/v2/mix/market"
_USDT = {"symbol": "AVAXUSDT", "productType": "USDT-FUTURES"}
_LINEAR = {"symbol": "AVAXUSDT", "category": "linear"}
EXPECTED: dict[tuple[str, str], list[tuple[str, dict[str, str]]]] = {
    # both ends of OKX's candle window are excluded
    ("okx", "candles"): [
        (
            "/api/v5/market/history-candles",
            {
                **_SWAP,
                "bar": "1H",
                "limit": "3",
                "before": str(LAST - 2 * HOUR - 1),
                "after": str(LAST + HOUR - 1),
            },
        )
    ],
    ("okx", "ticker"): [
        ("/api/v5/market/ticker", _SWAP),
        ("/api/v5/public/mark-price", _SWAP),
        ("/api/v5/market/index-tickers", {"instId": "AVAX-USDT"}),
    ],
    ("okx", "funding"): [
        ("/api/v5/public/funding-rate-history", {**_SWAP, "limit": "90"}),
        ("/api/v5/public/funding-rate", _SWAP),
    ],
    ("okx", "book"): [("/api/v5/market/books-full", {**_SWAP, "sz": "5000"})],
    ("okx", "open_interest"): [
        ("/api/v5/public/open-interest", {**_SWAP, "instType": "SWAP", "uly": "AVAX-USDT"}),
        *(
            (
                f"{_STAT}/open-interest-history",
                {**_SWAP, "period": "5m", "limit": "100", "begin": str(begin - 1), "end": str(end)},
            )
            for begin, end in (
                (FIVE - 149 * STEP, FIVE - 49 * STEP),
                (FIVE - 49 * STEP, FIVE + 1),
            )
        ),
    ],
    ("okx", "ratios"): [
        (f"{_STAT}/long-short-account-ratio-contract", _HOURLY),
        (f"{_STAT}/long-short-account-ratio-contract-top-trader", _HOURLY),
        (f"{_STAT}/long-short-position-ratio-contract-top-trader", _HOURLY),
        ("/api/v5/rubik/stat/taker-volume-contract", _HOURLY),
    ],
    ("bitget", "candles"): [
        (
            f"{_MIX}/history-candles",
            {
                **_USDT,
                "granularity": "1H",
                "startTime": str(LAST - 2 * HOUR - 1),
                "endTime": str(LAST + HOUR - 1),
                "limit": "3",
            },
        )
    ],
    ("bitget", "ticker"): [(f"{_MIX}/ticker", _USDT), (f"{_MIX}/symbol-price", _USDT)],
    ("bitget", "funding"): [
        (f"{_MIX}/history-fund-rate", {**_USDT, "pageSize": "90"}),
        (f"{_MIX}/current-fund-rate", _USDT),
    ],
    ("bitget", "book"): [(f"{_MIX}/merge-depth", {**_USDT, "limit": "max"})],
    ("bitget", "open_interest"): [(f"{_MIX}/open-interest", _USDT)],
    ("bitget", "ratios"): [(f"{_MIX}/account-long-short", {"symbol": "AVAXUSDT", "period": "1h"})],
    ("bybit", "candles"): [
        (
            "/v5/market/kline",
            {**_LINEAR, "interval": "60", "start": str(LAST - 2 * HOUR), "end": str(LAST + HOUR - 1), "limit": "3"},
        )
    ],
    ("bybit", "ticker"): [("/v5/market/tickers", _LINEAR)],
    ("bybit", "funding"): [
        ("/v5/market/funding/history", {**_LINEAR, "limit": "90"}),
        ("/v5/market/tickers", _LINEAR),
    ],
    ("bybit", "book"): [("/v5/market/orderbook", {**_LINEAR, "limit": "1000"})],
    ("bybit", "open_interest"): [
        (
            "/v5/market/open-interest",
            {**_LINEAR, "intervalTime": "5min", "limit": "150"},
        ),
        ("/v5/market/open-interest", {**_LINEAR, "intervalTime": "1h"}),
    ],
    ("bybit", "ratios"): [("/v5/market/account-ratio", {**_LINEAR, "period": "1h", "limit": "30"})],
}


async def asked_and_found(venue: str, fetcher: str) -> tuple[list[tuple[str, dict[str, str]]], Any]:
    """What the fetcher sent once markets were loaded, and what it made of the answers."""
    paths = VENUES[venue]()
    async with serving(paths.answer) as url, opened(venue, url) as exchange:
        await exchange.load_markets()
        paths.asked.clear()
        found = await FETCHERS[fetcher](source_of(exchange, symbol=AVAX, venue=venue, open_interest_points=150))
    return paths.asked, found


@pytest.mark.parametrize(("venue", "fetcher"), EXPECTED)
async def test_requests(venue: str, fetcher: str) -> None:
    asked, _ = await asked_and_found(venue, fetcher)

    def key(item: tuple[str, dict[str, str]]) -> Any:
        return (item[0], sorted(item[1].items()))

    assert sorted(asked, key=key) == sorted(EXPECTED[venue, fetcher], key=key)


@pytest.mark.parametrize(
    ("venue", "kinds"),
    [
        ("okx", {"accounts", "top_accounts", "top_positions", "taker"}),
        ("bitget", {"accounts"}),
        ("bybit", {"accounts"}),
    ],
)
async def test_ratios_a_venue_lacks_are_not_asked_for(venue: str, kinds: set[str]) -> None:
    _, found = await asked_and_found(venue, "ratios")
    assert isinstance(found, Positioning)
    assert {kind for kind in longshortratio.KINDS if not isinstance(getattr(found, kind), Unavailable)} == kinds


async def test_bitget_ticker_carries_mark_index_and_turnover() -> None:
    _, found = await asked_and_found("bitget", "ticker")
    assert (found.last, found.mark, found.index, found.quote_volume_24h) == (20.5, 20.51, 20.49, 1025000.5)
    assert found.as_of == NOW - 6


async def test_bybit_settles_every_four_hours_where_its_contract_says_so() -> None:
    _, found = await asked_and_found("bybit", "funding")
    assert (found.predicted_rate, found.interval_hours, found.next_funding_time) == (0.0002, 4.0, LAST + 3 * HOUR)
    assert [(point.rate, point.interval_hours) for point in found.history] == [(0.0003, 4.0), (0.0001, 4.0)]


async def test_bybit_ratio_of_shares_and_turnover_in_quote() -> None:
    _, ratios = await asked_and_found("bybit", "ratios")
    assert [point.ratio for point in ratios.accounts] == [pytest.approx(1.5)]
    _, ticker = await asked_and_found("bybit", "ticker")
    assert (ticker.last, ticker.mark, ticker.index, ticker.quote_volume_24h) == (20.5, 20.51, 20.49, 1025000.5)
