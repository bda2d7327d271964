"""Live orders: every step that is missing refuses before anything is sent; with all of them the orders do leave.

The venue is a second paper exchange that speaks Binance's dialect on loopback; the program takes it for the real one.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from db.database import open_database
from db.pairs_repository import PairsRepository
from orchestrator import settings
from orchestrator.cli.decide_text import render as page_of
from orchestrator.cli.kept_text import kept
from orchestrator.cli.live_text import render
from orchestrator.clock import SystemClock
from orchestrator.errors import HostError
from orchestrator.host import Ask, decide_once
from orchestrator.live import phrase, require_phrase
from orchestrator.live_check import PreFlight, pre_flight
from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start
from tests.guard_scenario import open_pair
from tests.live_venue import (
    ALL,
    KEYS,
    MISSING_STEPS,
    YES,
    VenueClock,
    bought_by_hand,
    changes,
    live_venue,
    owner,
    resolved,
)
from tests.store_cli import Volgamma

SECRET = "hush-hush-9431"


@pytest.fixture
async def venue() -> AsyncIterator[RunningExchange]:
    async with live_venue() as running:
        yield running


async def decide(folder: Path, running: RunningExchange, more: Mapping[str, str], said: str | None, **ask: Any) -> Any:
    wanted: dict[str, Any] = {"symbol": "SOL", "exchange": "binanceusdm", "policy": "rules", "live": True} | ask
    return await decide_once(
        resolved(folder, running, more), Ask(confirm=lambda found: said, **wanted), VenueClock(running)
    )


@pytest.mark.parametrize(("more", "said", "code"), MISSING_STEPS)
async def test_a_missing_step_refuses_and_nothing_is_sent(
    tmp_path: Path, venue: RunningExchange, more: Mapping[str, str], said: str | None, code: str
) -> None:
    with pytest.raises(HostError) as raised:
        await decide(tmp_path, venue, more, said)
    assert raised.value.code == code, raised.value.message
    assert await changes(venue) == []


@pytest.mark.parametrize("exchange", ["bybit", "okx", "bitget"])
async def test_venues_that_were_not_checked_are_refused_whatever_is_confirmed(
    tmp_path: Path, venue: RunningExchange, exchange: str
) -> None:
    for configured in (KEYS, ALL):  # no step is asked for where none would help
        with pytest.raises(HostError, match="nobody has seen") as raised:
            await decide(tmp_path, venue, configured, phrase(exchange), exchange=exchange)
        assert raised.value.code == "live_unverified"


def test_a_terminal_of_80_columns_does_not_break_the_phrase() -> None:
    for exchange in ("binanceusdm", "bybit", "okx", "bitget"):
        with pytest.raises(HostError) as raised:
            require_phrase(exchange, None)
        said = f"  remedy: {raised.value.remedy}"
        assert said.index(phrase(exchange)) + len(phrase(exchange)) <= 80


async def test_with_every_step_taken_both_legs_and_their_brackets_leave(tmp_path: Path, venue: RunningExchange) -> None:
    report = await decide(tmp_path, venue, ALL, YES)
    refused = [one.message for one in report.chosen.verdict.findings if one.effect == "refuse"]
    assert report.chosen.execution["status"] == "open", (report.chosen.execution.get("reason"), refused)
    assert report.exchange == "binanceusdm"
    assert sorted(p.symbol for p in venue.engine.account.open_positions()) == ["SOLUSDT", "SOLUSDT"]
    assert len(venue.engine.open_algos()) == 4
    assert report.context.portfolio.equity == 50_000, "the venue's equity, not a paper account's"
    page = page_of(report).splitlines()
    place = page.index("  only the stops at the exchange work now; a run with the same options keeps it:")
    assert page[place + 1].endswith(" run --exchange binanceusdm --symbols SOL/USDT:USDT --live --policy rules")
    # the same folder is now of a live account: looking at it with a paper account is refused
    with pytest.raises(HostError) as raised:
        await decide(tmp_path, venue, ALL, None, live=False)
    assert raised.value.code == "folder_is_live"
    # and so is a synthetic market beside it
    with pytest.raises(HostError, match="live account on binanceusdm") as raised:
        await decide(tmp_path, venue, ALL, None, live=False, exchange="paper")
    assert (raised.value.code, raised.value.exit_code) == ("folder_is_live", 1)
    assert raised.value.remedy == "set VOLGAMMA_DATA_DIR to another folder for the paper exchange"
    # and what is held is known: the pre-flight finds nothing strange
    found = await pre_flight(resolved(tmp_path, venue, ALL), VenueClock(venue), "binanceusdm")
    assert found.ready, render(found)


async def test_a_folder_with_decisions_of_a_paper_account_does_not_become_a_live_one(
    tmp_path: Path, venue: RunningExchange
) -> None:
    report = await decide(tmp_path, venue, {}, None, live=False)
    assert list(kept(report)) == [], "nothing is open, nothing is to be kept"
    opened = {**report.chosen.execution, "status": "open", "paper_fills": True}
    report = report.model_copy(update={"chosen": report.chosen.model_copy(update={"execution": opened})})
    said, pasted = kept(report)
    assert pasted.endswith(" run --exchange binanceusdm --symbols SOL/USDT:USDT --policy rules")
    assert len(said) <= 80
    assert "only the stops" not in str(report.document())
    with pytest.raises(HostError, match="folder: this database holds decisions on binanceusdm") as raised:
        await decide(tmp_path, venue, ALL, YES)
    assert raised.value.code == "live_not_ready"
    assert await changes(venue) == []


async def test_a_folder_with_open_paper_pairs_does_not_become_a_live_one(
    tmp_path: Path, venue: RunningExchange
) -> None:
    database = open_database(f"sqlite:///{tmp_path}/volgamma.sqlite")
    database.migrate()
    PairsRepository(database).open_pair(open_pair(), "paper")
    database.close()
    with pytest.raises(HostError, match="open pairs of the paper exchange: SOL") as raised:
        await decide(tmp_path, venue, ALL, YES)
    assert "set VOLGAMMA_DATA_DIR to a new folder for the live account" in raised.value.remedy
    assert await changes(venue) == []


def failed(found: PreFlight) -> set[str]:
    assert all(one.remedy for one in found.findings if one.status != "ok")
    return {one.check for one in found.findings if one.status == "fail"}


async def test_the_pre_flight_says_what_a_person_has_to_know(tmp_path: Path, venue: RunningExchange) -> None:
    found = await pre_flight(resolved(tmp_path, venue, ALL), VenueClock(venue), "binanceusdm")
    figures = dict(found.figures)
    assert figures["account"] == "binanceusdm, equity 50,000.00 USDT"
    assert figures["position mode"] == "hedge"
    assert figures["drawdown stops entries at"].endswith(" USDT")
    assert {one.check for one in found.findings} >= {
        "two steps", "venue", "key", "kill switch", "clock", "key rights", "position mode", "brackets", "alerts",
    }  # fmt: skip
    assert found.ready
    text = render(found)
    assert len(text.splitlines()) < 50, "one screen"
    assert "no real order was ever sent by us" in " ".join(text.split())
    assert await changes(venue) == [], "it only reads"


async def test_positions_of_somebody_else_a_kill_and_a_clock_stand_in_the_way(
    tmp_path: Path, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    volgamma = Volgamma(tmp_path, monkeypatch)
    assert volgamma("kill", "--why", "news").code == 0
    async with owner(venue) as by_hand:
        await by_hand.place(bought_by_hand("SOL/USDT:USDT"))
    found = await pre_flight(resolved(tmp_path, venue, ALL), SystemClock(), "binanceusdm")
    assert failed(found) == {"kill switch", "clock", "account"}
    assert "did not open: SOL/USDT:USDT" in " ".join(one.detail for one in found.findings)
    assert "NOT READY" in render(found)


async def test_an_account_that_is_not_set_up_is_not_ready(tmp_path: Path) -> None:
    running = await start(ExchangeConfig(frozen=True))
    try:
        found = await pre_flight(resolved(tmp_path, running, ALL), VenueClock(running), "binanceusdm")
        assert failed(found) == {"position mode", "margin mode"}
    finally:
        await running.stop()


async def test_an_unverified_venue_and_a_silent_one_are_not_ready(tmp_path: Path) -> None:
    chosen = settings.load(
        {
            "VOLGAMMA_DATA_DIR": str(tmp_path),
            "VOLGAMMA_LIVE": "true",
            "VOLGAMMA_BYBIT_URL": "http://127.0.0.1:1",
            "VOLGAMMA_BYBIT_KEY": f"k-{SECRET}",
            "VOLGAMMA_BYBIT_SECRET": f"s-{SECRET}",
        }
    )
    found = await pre_flight(chosen, SystemClock(), "bybit")
    assert {"venue", "reachable"} <= failed(found)
    assert SECRET not in render(found) + str(found.document())


def test_the_two_steps_are_what_the_guide_says() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "going_live.md").read_text()
    for said in ("live = true", "--live", "VOLGAMMA_LIVE_CONFIRM", YES, "volgamma live check", "--shadow"):
        assert said in guide, said
