"""A live market on what the venue really answered (recorded, its symbol renamed), behind a server of HTTP."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from aiohttp import web

from orchestrator.paper_exchange.live_market import book_of, reading_of
from orchestrator.paper_exchange.live_rules import funding_hours, rules_of
from orchestrator.paper_exchange.live_upstream import UpstreamDown
from tests.market_files import data_folder
from tests.paper_client import client

pytestmark = pytest.mark.data
NOW = 1_730_440_386_500


@pytest.fixture(scope="module")
def recorded() -> Callable[[str, str], Any]:
    """By path and a part of the query; for BTCUSDT, which SOLUSDT and AVAXUSDT stand for here."""
    path = data_folder() / "recorded_responses" / "gocryptotrader_binance_usdm.json.gz"
    if not path.is_file():
        pytest.skip(f"no recorded responses at {path}")
    rows = json.loads(gzip.decompress(path.read_bytes()))

    def found(path: str, query: str = "") -> Any:
        return next(row["response"] for row in rows if row["path"] == path and query in row["query"])

    return found


def renamed(info: Any, **changed: Any) -> Any:
    """`exchangeInfo` with the row of BTCUSDT under both of our names."""
    (row,) = [row for row in info["symbols"] if row["symbol"] == "BTCUSDT"]
    ours = [{**row, "symbol": f"{base}USDT", "baseAsset": base, **changed} for base in ("SOL", "AVAX")]
    return {**info, "symbols": ours}


@asynccontextmanager
async def venue(recorded: Callable[[str, str], Any]) -> AsyncIterator[str]:
    premium = recorded("/fapi/v1/premiumIndex", "symbol=BTCUSDT")
    answers: dict[str, Callable[[str], Any]] = {
        "/fapi/v1/exchangeInfo": lambda _: renamed(recorded("/fapi/v1/exchangeInfo", "")),
        "/fapi/v1/fundingInfo": lambda _: recorded("/fapi/v1/fundingInfo", ""),
        "/fapi/v1/time": lambda _: {"serverTime": NOW},
        "/fapi/v1/premiumIndex": lambda name: {**premium, "symbol": name, "time": NOW},
        "/fapi/v1/depth": lambda _: recorded("/fapi/v1/depth", "limit=1000"),
    }

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(answers[request.path](request.query.get("symbol", "")))

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_orders_keep_to_the_recorded_steps_and_fill_from_the_recorded_book(
    recorded: Callable[[str, str], Any],
) -> None:
    async with venue(recorded) as url, client(market="live", upstream=url, frozen=False) as here:
        await here.hedge()
        with pytest.raises(ccxt.BaseError, match=r"-4164.*100"):
            await here.order("buy", "LONG", 0.003)
        await here.order("buy", "LONG", 0.126)
        fills = [(row["price"], row["qty"]) for row in (await here.state())["fills"]]
        asks = recorded("/fapi/v1/depth", "limit=1000")["asks"]
        assert fills == [(asks[0][0], "0.124"), (asks[1][0], "0.001"), (asks[2][0], "0.001")]
        market = here.ccxt.market("SOL/USDT:USDT")
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.1, 0.001)
        answer = await here.ccxt.fapiPublicGetPremiumIndex({"symbol": "SOLUSDT"})
        assert answer["markPrice"] == recorded("/fapi/v1/premiumIndex", "symbol=BTCUSDT")["markPrice"]


def test_rules_are_read_as_the_venue_writes_them(recorded: Callable[[str, str], Any]) -> None:
    rules = rules_of(renamed(recorded("/fapi/v1/exchangeInfo", "")))["AVAXUSDT"]
    assert (rules.tick, rules.step, rules.min_quantity) == (Decimal("0.10"), Decimal("0.001"), Decimal("0.001"))
    assert (rules.max_quantity, rules.market_max_quantity, rules.min_notional) == (1000, 120, 100)
    assert (rules.band_up, rules.band_down) == (Decimal("1.05"), Decimal("0.95"))
    assert (rules.trigger_protect, rules.market_take_bound) == (Decimal("0.05"), Decimal("0.05"))
    assert funding_hours(recorded("/fapi/v1/fundingInfo", "")) == {"SOLUSDT": 8, "AVAXUSDT": 8}
    assert funding_hours([{"symbol": "SOLUSDT", "fundingIntervalHours": 4}])["SOLUSDT"] == 4
    with pytest.raises(UpstreamDown, match="not listed"):
        rules_of(recorded("/fapi/v1/exchangeInfo", ""))
    with pytest.raises(UpstreamDown, match="SETTLING"):
        rules_of(renamed(recorded("/fapi/v1/exchangeInfo", ""), status="SETTLING"))
    with pytest.raises(UpstreamDown, match="PRICE_FILTER"):
        rules_of(renamed(recorded("/fapi/v1/exchangeInfo", ""), filters=[]))


def test_a_price_or_a_book_that_makes_no_sense_is_not_taken(recorded: Callable[[str, str], Any]) -> None:
    premium = recorded("/fapi/v1/premiumIndex", "symbol=BTCUSDT")
    assert reading_of(premium, "BTCUSDT", 1).mark == Decimal(premium["markPrice"])
    for change in ({"symbol": "ETHUSDT"}, {"markPrice": "0.00000000"}, {"markPrice": "NaN"}, {"markPrice": ""}):
        with pytest.raises((ValueError, ArithmeticError)):
            reading_of({**premium, **change}, "BTCUSDT", 1)
    depth = recorded("/fapi/v1/depth", "limit=100&")
    assert book_of(depth, 1).bids[0][0] < book_of(depth, 1).asks[0][0]
    for change in ({"asks": []}, {"bids": depth["asks"], "asks": depth["bids"]}, {"asks": depth["asks"][::-1]}):
        with pytest.raises(ValueError, match="a book"):
            book_of({**depth, **change}, 1)
