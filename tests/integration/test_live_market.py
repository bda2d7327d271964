"""A live market: prices, rules and times are another venue's, money and orders are here."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import ccxt
import pytest

from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.live_market import LiveMarket
from orchestrator.paper_exchange.live_upstream import UpstreamDown
from orchestrator.paper_exchange.server import ExchangeConfig, start
from orchestrator.paper_exchange.state_file import BadState
from tests.live_market import mirror, until
from tests.paper_client import SOL, client

HOUR = 3_600_000


def status_of(state: Any, client_id: str) -> str:
    return next(str(row["status"]) for row in state["orders"] if row["clientOrderId"] == client_id)


async def test_a_pair_is_filled_from_the_venues_book_and_its_bracket_fires_when_the_venue_moves() -> None:
    async with mirror() as it:
        await it.here.hedge()
        book = await it.here.ccxt.fetch_order_book(SOL)
        await it.here.open_pair(50)
        await it.here.conditional("sell", "LONG", "STOP_MARKET", 170, "long-stop")
        await it.here.conditional("buy", "SHORT", "TAKE_PROFIT_MARKET", 170, "short-target")
        fills = (await it.here.state())["fills"]
        best = {"BUY": book["asks"][0][0], "SELL": book["bids"][0][0]}
        assert all(abs(float(row["price"]) - best[row["side"]]) < 0.05 for row in fills)
        assert await it.asked("/fapi/v1/order") == 0, "nothing is ever sent to the venue"
        await it.venue_price(168)
        state = await it.until(lambda state: not state["positions"])
        assert status_of(state, "long-stop") == status_of(state, "short-target") == "FINISHED"
        closing = [float(row["price"]) for row in state["fills"][len(fills) :]]
        assert all(abs(price - 168) < 0.5 for price in closing), "the venue's book, not the trigger"


async def test_the_venues_steps_minima_and_band_are_in_force() -> None:
    async with mirror() as it:
        await it.here.hedge()
        mark = it.venue.engine.market.price("SOLUSDT", it.venue.engine.now)
        with pytest.raises(ccxt.BaseError, match="-4016"):
            await it.here.order("buy", "LONG", 10, "limit", round(mark * 1.06, 2))
        with pytest.raises(ccxt.BaseError, match="-4014"):
            await it.here.ccxt.fapiPrivatePostOrder(
                {"symbol": "SOLUSDT", "side": "BUY", "positionSide": "LONG", "type": "LIMIT", "timeInForce": "GTC"}
                | {"quantity": "10", "price": f"{mark:.2f}3"}
            )
        await it.here.order("buy", "LONG", 10, "limit", round(mark * 0.98, 2))
        assert it.here.engine.contracts["SOLUSDT"] == it.venue.engine.contracts["SOLUSDT"]


async def test_nothing_is_filled_once_the_venue_is_gone_and_cancels_and_reads_go_on() -> None:
    async with mirror() as it:
        assert isinstance(it.here.engine.market, LiveMarket)
        assert it.here.engine.market.stale_ms == 10_000
        await it.here.hedge()
        await it.here.open_pair(50)
        await it.here.order("buy", "LONG", 10, "limit", 150, newClientOrderId="rests")
        await it.here.conditional("sell", "LONG", "STOP_MARKET", 170, "stop")
        port = it.venue.port
        it.here.engine.market.stale_ms = 2_500
        await it.venue.stop()
        await it.until(lambda state: state["live"]["stale"])
        with pytest.raises(ccxt.BaseError, match=r"-1001.*stale"):
            await it.here.order("buy", "LONG", 10)
        with pytest.raises(ccxt.BaseError, match=r"-1001.*stale"):
            await it.here.conditional("buy", "SHORT", "STOP_MARKET", 210)
        for read in (it.here.ccxt.fetch_order_book, it.here.ccxt.fetch_ticker, it.here.ccxt.fetch_funding_rate):
            with pytest.raises(ccxt.BaseError, match="-1001"):
                await read(SOL)
        assert set(await it.here.positions()) == {"long", "short"}
        await it.here.ccxt.fapiPrivateDeleteOrder({"symbol": "SOLUSDT", "origClientOrderId": "rests"})
        await it.here.control("adl", {"symbol": "SOLUSDT", "side": "long", "share": 1}, status=400)
        before = await it.here.state()
        it.venue = await start(ExchangeConfig(port=port, frozen=True))
        await it.venue_price(160)
        state = await it.until(lambda state: status_of(state, "stop") == "FINISHED")
        assert len(state["fills"]) == len(before["fills"]) + 1
        assert abs(float(state["fills"][-1]["price"]) - 160) < 0.5, "over the gap it acts at the new price"


async def test_a_rate_limit_is_passed_on_and_believed() -> None:
    async with mirror() as it:
        await it.venue_control(
            "faults",
            [{"match": {"path": "/fapi/v1/openInterest"}, "do": "status", "status": 429, "retry_after": 300}],
        )
        url = f"{it.here.running.url}/fapi/v1/openInterest"
        async with it.session.get(url, params={"symbol": "SOLUSDT"}) as answer:
            assert answer.status == 429
            assert answer.headers["Retry-After"] == "300"
        await it.venue_control("faults", [])
        async with it.session.get(url, params={"symbol": "SOLUSDT"}) as again:
            assert again.status == 429
            assert 1 <= int(again.headers["Retry-After"]) <= 300
        assert await it.asked("/fapi/v1/openInterest") == 1, "a ban is waited out, not asked about"
        marks = await it.asked("/fapi/v1/premiumIndex")
        state = await it.until(lambda state: state["live"]["age_ms"]["SOLUSDT"] > 2500)
        assert "429" in state["live"]["trouble"]
        assert await it.asked("/fapi/v1/premiumIndex") == marks


async def test_several_readers_cost_one_request_and_only_public_questions_pass() -> None:
    async with mirror() as it:
        url = it.here.running.url
        rows: list[Any] = []
        for junk in ("1", "2", "3"):
            query = {"symbol": "SOLUSDT", "interval": "1h", "limit": "5", "junk": junk}
            async with it.session.get(
                f"{url}/fapi/v1/klines", params=query, headers={"X-MBX-APIKEY": "mine", "Cookie": "a=b"}
            ) as answer:
                rows.append(await answer.json())
        assert len(rows[0]) == 5
        assert rows[0] == rows[1] == rows[2]
        assert await it.asked("/fapi/v1/klines") == 1
        for method, path in (("GET", "/fapi/v1/allForceOrders"), ("POST", "/fapi/v1/klines"), ("GET", "/sapi/v1/x")):
            async with it.session.request(method, url + path) as answer:
                assert answer.status == 404
            assert await it.asked(path) == (1 if path.endswith("klines") else 0)


async def test_a_book_of_before_a_leap_of_the_clock_fills_nothing() -> None:
    """As after a night's sleep of the machine: what was read before it is old, however short ago it seems."""
    async with mirror() as it:
        await it.here.hedge()
        await it.here.ccxt.fetch_order_book(SOL)
        await it.venue_control("advance", {"ms": 8 * HOUR})
        await it.venue_price(230)
        await it.until(lambda state: abs(float(state["market"]["SOLUSDT"]["mark"]) - 230) < 1)
        await it.here.order("buy", "LONG", 10)
        (fill, *_) = (await it.here.state())["fills"]
        assert abs(float(fill["price"]) - 230) < 1


async def test_the_market_cannot_be_moved_here() -> None:
    async with mirror() as it:
        for path, document in (("price", {"symbol": "SOLUSDT", "price": "1"}), ("advance", {"ms": 1})):
            answer = await it.here.control(path, document, status=400)
            assert "live" in answer["error"]


async def test_funding_is_charged_at_its_time_by_the_rate_the_venue_settled() -> None:
    async with mirror() as it:
        await it.here.hedge()
        await it.here.order("buy", "LONG", 100)
        await it.venue_control("advance", {"ms": 8 * HOUR})
        state = await it.until(lambda state: any(row["incomeType"] == "FUNDING_FEE" for row in state["income"]))
        async with it.session.get(
            f"{it.venue.url}/fapi/v1/fundingRate", params={"symbol": "SOLUSDT", "limit": "1"}
        ) as answer:
            (settled,) = await answer.json()
        (row,) = [row for row in state["income"] if row["incomeType"] == "FUNDING_FEE"]
        assert row["time"] == settled["fundingTime"]
        owed = -100 * Decimal(settled["markPrice"]) * Decimal(settled["fundingRate"])
        assert abs(Decimal(row["income"]) - owed) < Decimal("1e-6")
        assert abs(state["now"] - it.venue.engine.now) < 3000, "the clock is the venue's"


async def test_funding_of_the_time_when_nothing_ran_is_charged_once(tmp_path: Path) -> None:
    venue = await start(ExchangeConfig())
    config = ExchangeConfig(market="live", upstream=venue.url, state_file=tmp_path / "live.json")
    try:
        async with client(market="live", upstream=venue.url, frozen=False, state_file=config.state_file) as here:
            await here.hedge()
            await here.order("buy", "LONG", 100)
        async with aiohttp.ClientSession() as http:
            await http.post(f"{venue.url}/_control/advance", json={"ms": 17 * HOUR})
        for _ in range(2):
            running = await start(config)
            engine = running.engine

            async def charged(engine: Engine = engine) -> Any:
                return [row["time"] for row in engine.account.income if row["incomeType"] == "FUNDING_FEE"]

            times = await until(charged, lambda found: len(found) >= 2)
            await running.stop()
            assert [at % (8 * HOUR) for at in times] == [0, 0]
            assert times[1] - times[0] == 8 * HOUR
            assert engine.owed == []
    finally:
        await venue.stop()


async def test_funding_that_is_not_settled_yet_stays_owed_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "live.json"
    fault = {"match": {"path": "/fapi/v1/fundingRate"}, "do": "status", "status": 503}
    async with mirror(file) as it:
        await it.here.hedge()
        await it.here.order("buy", "LONG", 100)
        await it.venue_control("faults", [fault])
        await it.venue_control("advance", {"ms": 8 * HOUR})
        await it.until(lambda state: "funding of SOLUSDT" in str(state["live"]["trouble"]))
        await it.here.order("sell", "LONG", 100)
        await it.here.running.stop()
        await it.venue_control("faults", [])
        again = await start(ExchangeConfig(market="live", upstream=it.venue.url, state_file=file))
        assert not again.engine.account.open_positions()

        async def charged() -> Any:
            return [Decimal(row["income"]) for row in again.engine.account.income if row["incomeType"] == "FUNDING_FEE"]

        try:
            (amount,) = await until(charged, lambda found: len(found) > 0)
            assert amount != 0, "what was held at the time counts, not what is held now"
            assert again.engine.owed == []
        finally:
            await again.stop()


@contextmanager
def served(folder: Path, *words: str) -> Iterator[Any]:
    """`volgamma exchange serve` as a process: what it said when it was ready. It must end well when asked to."""
    command = [sys.executable, "-m", "orchestrator", "exchange", "serve", "--port", "0", "--json", *words]
    environment = {**os.environ, "VOLGAMMA_DATA_DIR": str(folder)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        yield json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def test_served_as_a_command(tmp_path: Path) -> None:
    with served(tmp_path) as venue, served(tmp_path, "--market", "live", "--upstream", venue["url"]) as here:
        assert here["market"] == "live"
        with urllib.request.urlopen(f"{here['url']}/fapi/v1/depth?symbol=SOLUSDT&limit=5") as answer:
            assert len(json.load(answer)["bids"]) == 5


async def test_account_and_orders_survive_a_restart_and_belong_to_their_venue(tmp_path: Path) -> None:
    file = tmp_path / "live.json"
    venue = await start(ExchangeConfig())
    config = ExchangeConfig(market="live", upstream=venue.url, state_file=file)
    try:
        async with mirror(file) as it:
            await it.here.hedge()
            await it.here.open_pair(50)
            await it.here.conditional("sell", "LONG", "STOP_MARKET", 170, "stop")
            host = it.venue.port
        with pytest.raises(BadState, match="another market"):
            await start(config)
        file.write_text(file.read_text().replace(f"127.0.0.1:{host}", f"127.0.0.1:{venue.port}"))
        again = await start(config)
        try:
            assert {p.side: p.quantity for p in again.engine.account.open_positions()} == {"LONG": 50, "SHORT": -50}
            assert [row["clientAlgoId"] for row in again.engine.open_algos()] == ["stop"]
        finally:
            await again.stop()
    finally:
        await venue.stop()


@pytest.mark.parametrize("reply", ["nobody", "no venue", "silence"])
async def test_an_upstream_that_cannot_be_used_is_said_in_time(reply: str) -> None:
    from aiohttp import web

    async def answer(request: web.Request) -> web.StreamResponse:
        if reply == "silence":
            import asyncio

            await asyncio.sleep(600)
        return web.json_response({"symbols": []})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    if reply == "nobody":
        await runner.cleanup()
    begun = time.monotonic()
    with pytest.raises(UpstreamDown, match=r"127.0.0.1|SOLUSDT"):
        await start(ExchangeConfig(market="live", upstream=f"http://127.0.0.1:{port}"))
    assert time.monotonic() - begun < 60
    await runner.cleanup()


@pytest.mark.parametrize("url", ["fapi.binance.com", "ftp://x", "http://user:secret@x", "http://"])
async def test_an_upstream_that_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="--upstream"):
        await start(ExchangeConfig(market="live", upstream=url))


async def test_public_market_reads_equal_the_venues(tmp_path: Path) -> None:
    """Field for field what the venue answers, but for what moves within a second."""
    async with mirror() as it, aiohttp.ClientSession() as session:
        for path, query in (
            ("/fapi/v1/exchangeInfo", {}),
            ("/fapi/v1/premiumIndex", {"symbol": "AVAXUSDT"}),
            ("/fapi/v1/depth", {"symbol": "SOLUSDT", "limit": "100"}),
            ("/fapi/v1/ticker/24hr", {"symbol": "SOLUSDT"}),
            ("/fapi/v1/fundingRate", {"symbol": "SOLUSDT", "limit": "3"}),
            ("/futures/data/openInterestHist", {"symbol": "SOLUSDT", "period": "1h", "limit": "4"}),
        ):
            async with (
                session.get(it.venue.url + path, params=query) as theirs,
                session.get(it.here.running.url + path, params=query) as ours,
            ):
                assert ours.status == theirs.status == 200
                left, right = await theirs.json(), await ours.json()
            assert _shape(left) == _shape(right), path


def _shape(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return len(document), _shape(document[0]) if document else None
    return type(document)
