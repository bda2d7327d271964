"""Switches fail closed; latches and highs do not slip."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from db.database import Database, open_database
from db.state_repository import StateRepository
from orchestrator import kill_switch, settings
from orchestrator.errors import HostError
from tests.store import fresh

DAY = 86_400_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = fresh(tmp_path)
    yield database
    database.close()


@pytest.fixture
def state(database: Database) -> StateRepository:
    return StateRepository(database)


def configured(folder: Path) -> settings.Settings:
    return settings.load({}, {"data_dir": str(folder)})


# kill switch


def test_it_says_who_why_and_when_and_keeps_every_change(state: StateRepository) -> None:
    assert not state.kill_switch().killed
    state.kill("anna", "news", 1_000, flatten=True)
    switch = state.kill_switch()
    assert (switch.killed, switch.flatten, switch.who, switch.why, switch.when) == (True, True, "anna", "news", 1_000)
    state.kill("ben", "me too", 2_000)
    assert state.kill_switch().flatten  # nobody took it back
    state.resume("anna", "checked", 3_000)
    assert (state.kill_switch().killed, state.kill_switch().flatten) == (False, False)
    state.kill("ben", "again", 4_000)
    assert not state.kill_switch().flatten
    assert [(one.who, one.value["killed"]) for one in state.history("kill")] == [
        ("anna", True),
        ("ben", True),
        ("anna", False),
        ("ben", True),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE state",
        "UPDATE state SET value = 'rubbish'",
        "UPDATE state SET value = '{}'",
        "UPDATE state SET value = 'false'",
        'UPDATE state SET value = \'{"killed": 0, "flatten": false}\'',
        'UPDATE state SET value = \'{"killed": "no", "flatten": false}\'',
    ],
)
def test_a_switch_that_cannot_be_read_is_on(database: Database, state: StateRepository, sql: str) -> None:
    state.kill("anna", "news", 1_000)
    state.resume("anna", "checked", 2_000)
    assert not state.kill_switch().killed
    with database.write() as connection:
        connection.execute(text(sql))
    switch = state.kill_switch()
    assert (switch.killed, switch.when) == (True, None)
    assert "cannot be read" in switch.why


def test_a_damaged_switch_can_still_be_thrown(database: Database, state: StateRepository) -> None:
    state.resume("anna", "x", 1)
    with database.write() as connection:
        connection.execute(text("UPDATE state SET value = 'rubbish'"))
    state.kill("ben", "news", 2_000)
    assert state.kill_switch().who == "ben"


def test_without_a_database_it_is_on(tmp_path: Path) -> None:
    missing = open_database(f"sqlite:///{tmp_path}/no/such/folder.sqlite")
    assert kill_switch.read(missing, tmp_path).killed
    missing.close()


def test_a_file_is_enough(database: Database, tmp_path: Path) -> None:
    assert not kill_switch.read(database, tmp_path).killed
    kill_switch.kill_file(tmp_path).write_text("")
    switch = kill_switch.read(database, tmp_path)
    assert switch.killed
    assert "KILL exists" in switch.why
    StateRepository(database).kill("anna", "news", 1_000)
    assert kill_switch.read(database, tmp_path).why.startswith("news; ")


def test_a_folder_that_is_not_there_is_no_file(database: Database, tmp_path: Path) -> None:
    assert not kill_switch.read(database, tmp_path / "nowhere").killed


def test_a_file_that_cannot_be_looked_at_counts_as_there(database: Database, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "cannot be looked at" in kill_switch.read(database, loop).why
    assert kill_switch.read(database, loop).killed


def test_kill_and_resume_through_the_settings(tmp_path: Path) -> None:
    here = configured(tmp_path)
    assert kill_switch.kill(here, "anna", "news", 1_000, flatten=True) == ["kill switch on, flattening requested"]
    database = open_database(here.database_url)
    assert kill_switch.read(database, tmp_path).flatten
    kill_switch.kill_file(tmp_path).write_text("")
    done = kill_switch.resume(here, "anna", "checked", 2_000)
    assert done == [f"removed {tmp_path / 'KILL'}", "kill switch off: it was thrown by anna (news)"]
    assert kill_switch.resume(here, "anna", "again", 3_000) == ["the kill switch was not on"]
    assert not kill_switch.read(database, tmp_path).killed
    database.close()


def test_kill_works_without_the_database(tmp_path: Path) -> None:
    here = settings.load({}, {"data_dir": str(tmp_path), "database_url": f"sqlite:///{tmp_path}"})
    done = kill_switch.kill(here, "anna", "news", 1_000, flatten=True)
    assert (tmp_path / "KILL").read_text() == "anna: news\n"
    assert "by hand" in done[-1]
    with pytest.raises(HostError, match="unable to open"):
        kill_switch.resume(here, "anna", "x", 2_000)


def test_when_nothing_can_be_written_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    here = configured(tmp_path / "file" / "sub")
    with pytest.raises(HostError, match="neither") as caught:
        kill_switch.kill(here, "anna", "news", 1_000, flatten=False)
    assert "by hand" in caught.value.remedy


def test_a_kill_file_that_cannot_be_removed_keeps_it_on(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "KILL")
    with pytest.raises(HostError, match="cannot be removed"):
        kill_switch.resume(configured(tmp_path), "anna", "x", 1)


# latch and equity


def test_the_drawdown_latch_is_thrown_once_and_released_by_a_person(state: StateRepository) -> None:
    assert not state.drawdown_latched("paper")
    assert not state.release_drawdown("paper", "anna", "nothing to release", 500)
    state.note_equity("paper", Decimal(100), 500)
    assert state.latch_drawdown("paper", 11, "26 %", 1_000)
    assert not state.latch_drawdown("paper", 11, "27 %", 2_000)
    assert (state.drawdown_latched("paper"), state.drawdown_latched("bybit")) == (True, False)
    assert (state.drawdown_latched("paper", 11), state.drawdown_latched("paper", 90)) == (True, False), "its own limit"
    assert state.latch_drawdown("paper", 90, "31 %", 2_500)
    assert list(state.latched_accounts()) == ["paper"]
    assert state.release_drawdown("paper", "anna", "reviewed", 3_000)
    assert (state.drawdown_latched("paper"), state.drawdown_latched("paper", 90)) == (False, False)
    assert state.latched_accounts() == {}
    assert [one.who for one in state.history("drawdown_latch", "paper")] == ["volgamma", "volgamma", "anna"]
    assert state.equity_high("paper") is None
    assert state.note_equity("paper", Decimal(70), 4_000)[0] == 70, "measured anew"
    for odd in ("perhaps", True, [], [True], ["11"], None, 1):
        state.set("drawdown_latch", odd, "x", "y", 1, "paper")
        assert state.drawdown_latched("paper"), odd
        assert state.drawdown_latched("paper", 11), odd


def test_the_equity_high_never_falls_and_the_day_starts_with_its_first_figure(state: StateRepository) -> None:
    def note(equity: str, at: int) -> tuple[str, str]:
        high, start = state.note_equity("paper", Decimal(equity), at)
        return str(high), str(start)

    assert state.equity_high("paper") is None
    assert note("100000.10", DAY) == ("100000.10", "100000.10")
    assert note("99000", DAY + 5) == ("100000.10", "100000.10")
    assert note("100000.11", DAY + 6) == ("100000.11", "100000.10")
    assert note("98000", 2 * DAY) == ("100000.11", "98000")
    assert note("97000", 2 * DAY - 1) == ("100000.11", "98000")  # a clock that went back opens no new day
    assert state.equity_high("paper") == Decimal("100000.11")
    assert state.equity_high("bybit") is None
    assert state.day_start_equity("paper", 2 * DAY + 1) == Decimal(98000)
    assert state.day_start_equity("paper", 3 * DAY) is None


def test_key_and_value_by_scope(state: StateRepository) -> None:
    assert state.get("seen") is None
    state.set("seen", {"n": 1}, "volgamma", "test", 1)
    state.set("seen", {"n": 2}, "volgamma", "test", 2, scope="paper")
    first, second = state.get("seen"), state.get("seen", "paper")
    assert first is not None
    assert second is not None
    assert (first.value, second.value, second.at) == ({"n": 1}, {"n": 2}, 2)
