"""`--exchange binanceusdm` without --live: that venue's market, paper money. The venue is a second paper exchange."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from orchestrator.decide_report import DecideReport
from orchestrator.desk import Desk, open_desk, open_store
from orchestrator.host import Ask, decide_once, model_source
from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start
from orchestrator.schedule.loop import Plan, run
from orchestrator.settings import Settings, load
from tests.e2e.house import volgamma
from tests.live_market import VenueClock

SIGNED = {"order", "algoOrder", "leverage", "marginType", "dual", "account", "positionRisk", "leverageBracket"}


@pytest.fixture
async def venue() -> AsyncIterator[RunningExchange]:
    running = await start(ExchangeConfig())
    yield running
    await running.stop()


def environment(folder: Path, url: str) -> dict[str, str]:
    return {"VOLGAMMA_DATA_DIR": str(folder), "VOLGAMMA_BINANCEUSDM_URL": url}


async def decide(settings: Settings, venue: RunningExchange, **how: Any) -> DecideReport:
    ask = Ask(symbol="SOL", exchange="binanceusdm", policy="rules", **how)
    return await decide_once(settings, ask, VenueClock(venue))


async def moved(venue: RunningExchange, price: float) -> None:
    document = {"symbol": "SOLUSDT", "price": str(price)}
    async with aiohttp.ClientSession() as http, http.post(f"{venue.url}/_control/price", json=document) as answer:
        assert answer.status == 200


async def asked_of(venue: RunningExchange) -> set[tuple[str, str]]:
    async with aiohttp.ClientSession() as http, http.get(f"{venue.url}/_control/state") as answer:
        return {(row["method"], row["path"].rsplit("/", 1)[-1]) for row in (await answer.json())["requests"]}


async def test_an_entry_fills_on_paper_at_the_venues_prices_outlives_the_command_and_ends_by_its_bracket(
    tmp_path: Path, venue: RunningExchange
) -> None:
    words = environment(tmp_path, venue.url)
    settings = load(words)
    report = await decide(settings, venue)
    done = report.chosen.execution
    refused = [finding.message for finding in report.chosen.verdict.findings if finding.effect == "refuse"]
    assert done["status"] == "open", (done, refused)
    assert done["paper_fills"] is True
    assert done["protected"] is True
    assert report.exchange == report.context.venue == "binanceusdm"
    entries = [order for order in done["orders"] if order["kind"] == "entry"]
    assert all(abs(float(order["average"]) - 190) < 1 for order in entries)
    # another command finds the pair, and does not open a second one
    again = await decide(settings, venue)
    assert [pair.symbol for pair in again.context.portfolio.pairs] == ["SOL/USDT:USDT"]
    assert again.chosen.execution["status"] != "open"
    stored = json.loads((tmp_path / "paper-exchange-binanceusdm.json").read_text())
    assert len(stored["account"]["positions"]) == 2
    # while no command runs the venue falls below every stop: the next one starts where the price is then
    await moved(venue, 165)
    last = await decide(settings, venue, dry_run=True)
    assert last.context.portfolio.pairs == ()
    stored = json.loads((tmp_path / "paper-exchange-binanceusdm.json").read_text())
    closing = [row for row in stored["account"]["trades"] if row["orderId"] > stored["orders"][1]["orderId"]]
    assert closing
    assert all(abs(float(row["price"]) - 165) < 1 for row in closing)
    assert not [path for method, path in await asked_of(venue) if method != "GET" or path in SIGNED]
    # what was journalled replays, and is of that venue
    with open_store(settings) as store:
        assert {entry.exchange for entry in store.journal.entries(limit=None)} == {"binanceusdm"}
    verified = volgamma(words, "replay", "verify", "--all", "--json")
    assert verified.returncode == 0, verified.stderr
    found = json.loads(verified.stdout)
    assert found["checked"] == found["identical"] == 3


async def test_a_run_keeps_its_pair_while_the_venue_moves(tmp_path: Path, venue: RunningExchange) -> None:
    settings, clock, said = load(environment(tmp_path, venue.url)), VenueClock(venue), list[str]()

    async def held(desk: Desk) -> int:
        return len(await desk.venue.positions(["SOL/USDT:USDT"]))

    async with open_desk(settings, clock, "binanceusdm") as desk:
        assert not desk.reads_only
        stop = asyncio.Event()
        plan = Plan(symbols=("SOL/USDT:USDT",), every=3_600_000, length=None, policy="rules")
        running = asyncio.create_task(run(desk, plan, model_source(settings, clock, "rules"), said.append, stop))
        for _ in range(1200):
            if await held(desk) == 2 and desk.store.pairs.open_pairs("binanceusdm"):
                break
            await asyncio.sleep(0.1)
        (pair,) = desk.store.pairs.open_pairs("binanceusdm")
        await moved(venue, float(pair.entry_price * Decimal("0.85")))
        for _ in range(1200):
            if not desk.store.pairs.open_pairs("binanceusdm"):
                break
            await asyncio.sleep(0.1)
        assert not desk.store.pairs.open_pairs("binanceusdm"), said
        assert await held(desk) == 0
        stop.set()
        tally = await running
    assert tally.entered == 1
    assert tally.failed == 0


def test_a_venue_that_cannot_be_reached_is_said_with_a_remedy(tmp_path: Path) -> None:
    begun = time.monotonic()
    ended = volgamma(
        environment(tmp_path, "http://127.0.0.1:9"), "decide", "--exchange", "binanceusdm", "--policy", "rules"
    )
    assert ended.returncode == 1
    assert time.monotonic() - begun < 60
    assert "does not answer" in ended.stderr
    assert "VOLGAMMA_BINANCEUSDM_URL" in ended.stderr
