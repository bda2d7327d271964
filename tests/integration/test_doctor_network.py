"""`volgamma doctor` asking venues and a model's server, all on loopback: clock, rights, mode, structured output."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from orchestrator import settings
from orchestrator.clock import SystemClock
from orchestrator.doctor import hidden
from orchestrator.doctor_network import diagnose_network
from orchestrator.finding import Finding
from orchestrator.paper_exchange.server import ExchangeConfig, start
from tests.dialect_stub import SYMBOL, Answer, Stub
from tests.unit.test_key_rights import BINANCE

SECRET = "hush-hush-9431"
KEYS = {"VOLGAMMA_BINANCEUSDM_KEY": f"k{SECRET}", "VOLGAMMA_BINANCEUSDM_SECRET": f"s{SECRET}"}


@asynccontextmanager
async def served(handler: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def asked(folder: Path, more: Mapping[str, str], *names: str, ask_model: bool = False) -> list[Finding]:
    chosen = settings.load({"VOLGAMMA_DATA_DIR": str(folder), **more})
    found = hidden(chosen, await diagnose_network(chosen, SystemClock(), names, ask_model=ask_model))
    assert all(one.status == "ok" or one.remedy for one in found)
    assert SECRET not in repr(found)
    return found


def only(found: list[Finding], check: str) -> Finding:
    (one,) = [finding for finding in found if finding.check == check]
    return one


async def test_the_paper_exchange_is_asked_where_one_runs(tmp_path: Path) -> None:
    running = await start(ExchangeConfig(frozen=True))
    try:
        found = await asked(tmp_path, {"VOLGAMMA_PAPER_URL": running.url})
        assert {one.check: one.status for one in found} == {
            "reachable": "ok",
            "key rights": "ok",
            "position mode": "warn",
            "margin mode": "warn",
            "account": "ok",
        }
        assert "may not withdraw; it may trade" in only(found, "key rights").detail
        assert "equity 100000.00 USDT" in only(found, "account").detail
    finally:
        await running.stop()


class Binance(Stub):
    """Its clock goes, and is off by so much."""

    skew_ms = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.say("GET /fapi/v1/time", Answer(body={"serverTime": SystemClock().now_ms() + self.skew_ms}))
        return await super().handle(request)


def binance(skew_ms: int, **rights: bool) -> Binance:
    stub = Binance()
    stub.skew_ms = skew_ms
    stub.say("GET /fapi/v1/exchangeInfo", Answer(body={"timezone": "UTC", "symbols": [SYMBOL], "rateLimits": []}))
    stub.say("GET /sapi/v1/account/apiRestrictions", Answer(body=BINANCE | rights))
    stub.say("GET /fapi/v1/positionSide/dual", Answer(body={"dualSidePosition": True}))
    return stub


async def test_a_key_that_may_withdraw_and_a_clock_that_is_off(tmp_path: Path) -> None:
    stub = binance(60_000, enableWithdrawals=True)
    async with served(stub.handle) as url:
        found = await asked(tmp_path, {"VOLGAMMA_BINANCEUSDM_URL": url, **KEYS})
    assert only(found, "clock").status == "fail"
    assert "NTP" in (only(found, "clock").remedy or "")
    assert [one.status for one in found if one.check == "key rights"] == ["fail", "warn"]
    assert not [name for name, _ in stub.requests if not name.startswith("GET ")], "a diagnosis only reads"


async def test_without_a_key_a_venue_is_only_reached(tmp_path: Path) -> None:
    stub = binance(0)
    async with served(stub.handle) as url:
        found = await asked(tmp_path, {"VOLGAMMA_BINANCEUSDM_URL": url}, "binanceusdm")
    assert {one.check: one.status for one in found} == {"reachable": "ok", "clock": "ok", "key rights": "ok"}
    assert {name for name, _ in stub.requests} == {"GET /fapi/v1/exchangeInfo", "GET /fapi/v1/time"}


async def test_a_venue_that_is_down_and_half_a_key_are_findings(tmp_path: Path) -> None:
    down = {"VOLGAMMA_BINANCEUSDM_URL": "http://127.0.0.1:1", **KEYS}
    assert only(await asked(tmp_path, down), "reachable").status == "warn"
    half = {"VOLGAMMA_OKX_KEY": SECRET}
    assert only(await asked(tmp_path, half, "okx"), "keys").status == "fail"


@pytest.mark.parametrize(("refuses", "status", "says"), [(0, "ok", "all bounds"), (2, "warn", "no JSON schema")])
async def test_the_models_server_and_its_structured_output(
    tmp_path: Path, refuses: int, status: str, says: str
) -> None:
    bodies: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/v1/models":
            return web.json_response({"data": [{"id": "tiny"}]})
        bodies.append(await request.json())
        if len(bodies) <= refuses:
            return web.json_response({"error": {"message": "response_format is not supported"}}, status=400)
        message = {"role": "assistant", "content": '{"ok": true}'}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "1", "object": "chat.completion", "model": "tiny", "choices": [choice]})

    async with served(handle) as url:
        more = {"VOLGAMMA_BASE_URL": f"{url}/v1"}
        found = await asked(tmp_path, more)
        assert (only(found, "model server").status, bodies) == ("ok", []), "nothing is paid for unasked"
        found = await asked(tmp_path, more, ask_model=True)
    answer = only(found, "structured output")
    assert (answer.status, says in answer.detail) == (status, True), answer
    assert len(bodies) == 1 + refuses


async def test_a_model_that_is_not_offered_and_a_server_that_is_down(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "tiny"}]})

    async with served(handle) as url:
        found = await asked(tmp_path, {"VOLGAMMA_BASE_URL": f"{url}/v1", "VOLGAMMA_MODEL": "huge"})
    assert only(found, "model server").detail.endswith("offers tiny, not huge")
    found = await asked(tmp_path, {"VOLGAMMA_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": SECRET})
    assert only(found, "model server").status == "warn"
