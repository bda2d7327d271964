"""A whole snapshot from the paper exchange, as a decision about SOL asks for it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from data_fetchers.collector import collect
from data_fetchers.snapshot import (
    TIMEFRAME_MS,
    Candles,
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
from tests.fetchers_venue import AVAX, SOL, RealClock, opened

WANTED = Requirements(
    primary=SOL,
    keywords=("price_action", "funding_rate", "orderbook", "open_interest", "liquidation", "volatility"),
    candles={SOL: {"1h": 9000, "4h": 600, "1d": 300}, AVAX: {"1h": 800}},
)


@pytest.fixture
async def paper(tmp_path: Path) -> AsyncIterator[str]:
    from orchestrator.paper_exchange.server import ExchangeConfig, start

    running = await start(ExchangeConfig(state_file=tmp_path / "state.json"))
    try:
        yield running.url
    finally:
        await running.stop()


async def snapshot(url: str, clock: Any) -> MarketSnapshot:
    async with opened("paper", url, api_key="key", secret="secret") as exchange:
        await exchange.load_markets()
        return await collect(WANTED, exchange, venue_name="paper", clock=clock)


async def test_everything_a_decision_about_sol_needs(paper: str) -> None:
    clock = RealClock(1_800_000_000_000)
    started = time.process_time()
    found = await snapshot(paper, clock)
    worked = time.process_time() - started
    assert {name: timing.error_message for name, timing in found.timings.items() if timing.error_code} == {}
    sol, avax = found.symbols[SOL], found.symbols[AVAX]
    assert isinstance(sol.market_data, MarketData)
    assert isinstance(avax.market_data, MarketData)
    for market, wanted in ((sol.market_data, WANTED.candles[SOL]), (avax.market_data, WANTED.candles[AVAX])):
        assert isinstance(market.ticker, Ticker)
        assert market.ticker.mark is not None
        assert market.ticker.index is not None
        for timeframe, bars in wanted.items():
            series = market.candles[timeframe]
            assert isinstance(series, Candles), timeframe
            assert len(series.time) == bars, series.note
            step = TIMEFRAME_MS[timeframe]
            assert {later - earlier for earlier, later in pairwise(series.time)} == {step}
            # exchange time: the last bar is closed, and it is the newest that is
            assert 0 <= found.as_of - series.as_of < step + 10_000
    assert isinstance(sol.funding, Funding)
    assert sol.funding.interval_hours in (1.0, 4.0, 8.0)
    assert sol.funding.next_funding_time is not None
    assert sol.funding.next_funding_time > found.as_of - 1_000
    assert len(sol.funding.history) >= 30
    assert isinstance(sol.order_book, OrderBook)
    assert sol.order_book.note == ""
    assert abs(found.as_of - sol.order_book.as_of) < 15_000
    assert isinstance(sol.positioning, Positioning)
    assert not any(isinstance(getattr(sol.positioning, kind), Unavailable) for kind in ("accounts", "taker"))
    assert isinstance(sol.open_interest, OpenInterest)
    assert len(sol.open_interest.points) == 300
    assert worked < 8  # seconds of this processor's work, the exchange's included


async def test_the_request_count_is_the_exchanges_own(paper: str) -> None:
    def seen() -> int:
        with urlopen(f"{paper}/_control/state", timeout=60) as answer:  # loopback
            return sum("_control" not in item["path"] for item in json.load(answer)["requests"])

    async with opened("paper", paper) as exchange:
        await exchange.load_markets()
        before = await asyncio.to_thread(seen)
        found = await collect(WANTED, exchange, venue_name="paper", clock=RealClock())
        after = await asyncio.to_thread(seen)
    assert found.requests == after - before


async def test_coarser_candles_agree_with_the_hours(paper: str) -> None:
    found = await snapshot(paper, RealClock())
    market = found.symbols[SOL].market_data
    assert isinstance(market, MarketData)
    hours, days = market.candles["1h"], market.candles["1d"]
    assert isinstance(hours, Candles)
    assert isinstance(days, Candles)
    at = {opened_at: place for place, opened_at in enumerate(hours.time)}
    for place in range(-30, 0):
        first = at[days.time[place]]
        assert days.open[place] == hours.open[first]
        assert days.high[place] == max(hours.high[first : first + 24])
        assert days.low[place] == min(hours.low[first : first + 24])
        assert days.close[place] == hours.close[first + 23]


async def test_faults_are_ridden_out(paper: str) -> None:
    """A lost answer, an outage and a broken book: the first two are asked again, the third costs the book alone."""
    faults = [
        {"match": {"method": "GET", "path": "/fapi/v1/klines", "nth": 3}, "do": "drop_response"},
        {"match": {"method": "GET", "path": "/fapi/v1/openInterest", "nth": 1}, "do": "status", "status": 503},
        {"match": {"method": "GET", "path": "/fapi/v1/depth"}, "do": "status", "status": 500},
    ]

    def post() -> None:
        body = json.dumps(faults).encode()
        headers = {"Content-Type": "application/json"}
        urlopen(Request(f"{paper}/_control/faults", body, headers), timeout=60).close()  # loopback

    await asyncio.to_thread(post)
    found = await snapshot(paper, RealClock())
    sol = found.symbols[SOL]
    assert isinstance(sol.order_book, Unavailable)
    assert isinstance(sol.market_data, MarketData)
    assert all(isinstance(series, Candles) for series in sol.market_data.candles.values())
    assert isinstance(sol.open_interest, OpenInterest)
    assert sol.open_interest.note == ""
    assert {name for name, timing in found.timings.items() if timing.error_code} == {"sol.fetch_orderbook"}
