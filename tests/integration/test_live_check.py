"""`volgamma live check`: what a person would only learn after the phrase, or never, is said before it."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from db.constraints_repository import ConstraintsRepository
from db.database import Database, open_database
from db.pairs_repository import PairsRepository
from db.state_repository import StateRepository
from orchestrator import live_ground, settings
from orchestrator.cli.live_text import render
from orchestrator.clock import SystemClock
from orchestrator.errors import HostError
from orchestrator.finding import Finding
from orchestrator.live import MARK, phrase
from orchestrator.live_check import PreFlight, pre_flight
from orchestrator.paper_exchange.server import RunningExchange
from orchestrator.worker.floor import open_floor
from tests.guard_scenario import SOL, limits_of, open_pair
from tests.live_venue import ALL, VenueClock, live_venue, resolved


@pytest.fixture
async def venue() -> AsyncIterator[RunningExchange]:
    async with live_venue() as running:
        yield running


def prepared(folder: Path, change: Callable[[Database], object]) -> None:
    database = open_database(f"sqlite:///{folder}/volgamma.sqlite")
    database.migrate()
    change(database)
    database.close()


def only(found: PreFlight, check: str) -> Finding:
    (one,) = (one for one in found.findings if one.check == check)
    return one


def offline(folder: Path, **more: str) -> settings.Settings:
    """Binance is a port that nobody answers on."""
    return settings.load(
        {"VOLGAMMA_DATA_DIR": str(folder), "VOLGAMMA_BINANCEUSDM_URL": "http://127.0.0.1:1", **ALL, **more}
    )


async def test_delivered_limits_are_said_until_they_are_changed(tmp_path: Path) -> None:
    found = only(await pre_flight(offline(tmp_path), SystemClock(), "binanceusdm"), "limits")
    assert (found.status, found.detail) == (
        "warn",
        "delivered limits, never changed here: a pair's margin may be 15-20 % of equity",
    )
    prepared(tmp_path, lambda database: ConstraintsRepository(database).set(11, {"leverage_max": 7}, "anna", "calm", 1))
    later = await pre_flight(offline(tmp_path), SystemClock(), "binanceusdm")
    assert [one for one in later.findings if one.check == "limits"] == []


@pytest.mark.parametrize(
    ("least", "said"),
    [
        # scaled by 0.5 x 0.5, against 0.15 / 5 = 3 %: 12 % is just enough
        ("0.12", None),
        ("0.119", "11.9 % of equity is 2.97 % after scaling, below the floor of 3 %"),
        ("0.02", "2 % of equity is 0.5 % after scaling, below the floor of 3 %"),
    ],
)
def test_a_size_that_falls_below_the_floor_is_said(least: str, said: str | None) -> None:
    found = [one for one in live_ground.limits(limits_of(pair_margin_min=Decimal(least))) if one.check == "size"]
    if said is None:
        assert found == []
    else:
        assert found[0].detail.startswith(said)
        assert found[0].status == "warn"


# apprise imports it with its plugins, at the first address
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
async def test_alerts_that_nobody_gets_are_a_failure(tmp_path: Path) -> None:
    bad = offline(tmp_path, VOLGAMMA_ALERTS="json://127.0.0.1:1/x, tgrm://hush-55/1")
    found = only(await pre_flight(bad, SystemClock(), "binanceusdm"), "alerts")
    assert (found.status, found.detail) == ("fail", "address 2 of VOLGAMMA_ALERTS is none that apprise knows")
    assert found.remedy is not None
    good = offline(tmp_path, VOLGAMMA_ALERTS="json://127.0.0.1:1/x")
    assert only(await pre_flight(good, SystemClock(), "binanceusdm"), "alerts").status == "ok"


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ("https://proxy.example/x", "warn", "NOT the venue: https://proxy.example/x"),
        ("http://127.0.0.1:8900", "warn", "NOT the venue: http://127.0.0.1:8900"),
        ("http://localhost:8900", "warn", "NOT the venue: http://localhost:8900"),
        ("http://[::1]:8900", "warn", "NOT the venue: http://[::1]:8900"),
        ("http://10.0.0.5:8900", "fail", "NOT the venue: http://10.0.0.5:8900, without encryption"),
        ("http://127.0.0.1.example:80", "fail", "NOT the venue: http://127.0.0.1.example:80, without"),
        ("10.0.0.5:8900", "fail", "NOT the venue: http://10.0.0.5:8900, without encryption"),
        ("http://anna:hush-9@10.0.0.5", "fail", "NOT the venue: http://10.0.0.5, without encryption"),
        ("ftp://127.0.0.1", "fail", "NOT the venue: ftp://127.0.0.1 is no address"),
        ("http://[::1", "fail", "what VOLGAMMA_BINANCEUSDM_URL says is no address"),
    ],
)
def test_another_address_is_shown(given: str, status: str, said: str) -> None:
    found = live_ground.address(settings.load({"VOLGAMMA_BINANCEUSDM_URL": given}), "binanceusdm")
    assert found is not None
    assert found.status == status
    assert found.detail.startswith(said)
    assert "hush-9" not in found.detail


async def test_no_key_goes_to_an_address_that_fails(tmp_path: Path, venue: RunningExchange) -> None:
    assert live_ground.address(settings.load({}), "binanceusdm") is None
    found = await pre_flight(resolved(tmp_path, venue, ALL), VenueClock(venue), "binanceusdm")
    assert only(found, "address").status == "warn"
    assert dict(found.figures)["address"].startswith(f"NOT the venue: {venue.url}")
    elsewhere = offline(tmp_path, VOLGAMMA_BINANCEUSDM_URL="http://192.0.2.7:9")
    later = await pre_flight(elsewhere, SystemClock(), "binanceusdm")
    assert [one.check for one in later.findings if one.status == "fail"] == ["address"], "and it was not asked"


async def test_a_remembered_pair_that_the_account_does_not_hold_is_said(tmp_path: Path, venue: RunningExchange) -> None:
    def remember(database: Database) -> None:
        PairsRepository(database).open_pair(open_pair(), "binanceusdm")
        StateRepository(database).set(MARK, True, "volgamma", "first live use", 1, "binanceusdm")

    prepared(tmp_path, remember)
    found = await pre_flight(resolved(tmp_path, venue, ALL), VenueClock(venue), "binanceusdm")
    one = only(found, "open pair")
    assert one.status == "warn"
    assert one.detail == (
        f"{SOL}: remembered as open, and the account holds nothing of it: closed meanwhile, or this is another account"
    )
    assert one.remedy == "compare before you go on"
    assert only(found, "folder").status == "ok"
    assert found.ready


async def test_a_wrong_key_is_one_finding(tmp_path: Path, venue: RunningExchange) -> None:
    wrong = resolved(tmp_path, venue, {**ALL, "VOLGAMMA_BINANCEUSDM_KEY": "mistyped"})
    found = await pre_flight(wrong, VenueClock(venue), "binanceusdm")
    (one,) = (one for one in found.findings if one.status == "fail")
    assert one.check == "key"
    assert one.detail.startswith("binanceusdm does not take the key from the environment: AuthenticationError")
    assert not [one for one in found.findings if one.check in ("key rights", "account")]


async def test_a_missing_key_names_its_variables_first(tmp_path: Path) -> None:
    bare = settings.load(
        {
            "VOLGAMMA_DATA_DIR": str(tmp_path),
            "VOLGAMMA_LIVE": "true",
            "VOLGAMMA_BINANCEUSDM_URL": "http://127.0.0.1:1",
        }
    )
    remedy = only(await pre_flight(bare, SystemClock(), "binanceusdm"), "key").remedy
    assert remedy is not None
    assert remedy.startswith(
        "set VOLGAMMA_BINANCEUSDM_KEY and VOLGAMMA_BINANCEUSDM_SECRET in the environment, or "
        "`volgamma keys set binanceusdm`"
    )


async def test_a_venue_where_live_is_refused_asks_for_no_step(tmp_path: Path) -> None:
    chosen = settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_BYBIT_URL": "http://127.0.0.1:1"})
    text = render(await pre_flight(chosen, SystemClock(), "bybit"))
    assert "live = true" not in text
    assert "live orders are refused" in text


async def test_the_phrase_stays_in_one_piece(tmp_path: Path, venue: RunningExchange) -> None:
    text = render(await pre_flight(resolved(tmp_path, venue, ALL), VenueClock(venue), "binanceusdm"))
    (line,) = (line for line in text.splitlines() if "I-ACCEPT" in line)
    assert phrase("binanceusdm") in line
    assert max(len(line) for line in text.splitlines() if "I-ACCEPT" in line) <= 80


@pytest.mark.parametrize("exchange", ["paper", "binanceusdm"])
async def test_a_worker_refuses_the_database_of_a_live_account(tmp_path: Path, exchange: str) -> None:
    prepared(tmp_path, lambda one: StateRepository(one).set(MARK, True, "volgamma", "first live use", 1, "binanceusdm"))
    chosen = settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_PAPER_URL": "http://127.0.0.1:1"})
    with pytest.raises(HostError) as raised:
        async with open_floor(chosen, SystemClock(), exchange, "left", ()):
            pytest.fail("it took up pairs of a live account on paper")
    assert raised.value.code == "folder_is_live"
