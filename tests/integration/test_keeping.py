"""`volgamma kill`, `resume` and `doctor` say which database they are over, what is open there, and who keeps it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.database import Database, open_database
from db.leases_repository import LeasesRepository
from db.pairs_repository import PairsRepository
from db.state_repository import StateRepository
from orchestrator import settings
from orchestrator.doctor import diagnose
from orchestrator.file_lock import holder
from orchestrator.finding import Finding
from orchestrator.keeping import keeping
from orchestrator.live import MARK
from orchestrator.paper_session import data_folder_lock
from tests.guard_scenario import SOL, open_pair
from tests.store_cli import Volgamma

NAME = f"symbol:binanceusdm:{SOL}"
LONG = 600_000


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A live account's, with one open pair."""
    database = open_database(f"sqlite:///{tmp_path}/volgamma.sqlite")
    database.migrate()
    PairsRepository(database).open_pair(open_pair(), "binanceusdm")
    StateRepository(database).set(MARK, True, "volgamma", "first live use", 1, "binanceusdm")
    yield database
    database.close()


def configured(folder: Path) -> settings.Settings:
    return settings.load({}, {"data_dir": str(folder)})


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A run of this folder, as far as anybody can see."""
    with (folder / "run.lock").open("a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.write("4711")
        handle.flush()
        yield


def test_flatten_with_a_pair_that_nobody_keeps_says_so(volgamma: Volgamma, database: Database) -> None:
    (volgamma.folder / "run.lock").write_text("1")  # of a run that is over; its number lives on as another process
    done = volgamma("kill", "--flatten", "--why", "news")
    assert done.code == 0, done.out
    said = done.out.splitlines()
    assert said[0] == "kill switch on, flattening requested"
    assert "no run or worker is alive: nothing will be closed until one is started" in said
    assert f"database: sqlite:///{volgamma.folder}/volgamma.sqlite" in said
    assert f"open: {SOL} on binanceusdm: nobody keeps it" in said
    assert f"`volgamma run --exchange binanceusdm --symbols {SOL} --live`" in done.out
    assert StateRepository(database).kill_switch().flatten, "it is on all the same"
    document = volgamma("kill", "--flatten", "--json").json
    assert (document["schema"], document["killed"]) == ("volgamma.kill/1", True)
    assert document["open_pairs"] == [{"symbol": SOL, "exchange": "binanceusdm", "kept_by": None}]
    assert document["kept_by"] == []


def test_a_run_of_this_folder_keeps_it(volgamma: Volgamma, database: Database) -> None:
    with locked(volgamma.folder):
        done = volgamma("kill", "--flatten")
        document = volgamma("kill", "--flatten", "--json").json
    assert done.code == 0, done.out
    assert f"open: {SOL} on binanceusdm: kept by run, process 4711" in done.out.splitlines()
    assert document["kept_by"] == ["run, process 4711"]
    assert document["database"].endswith("/volgamma.sqlite")


def test_a_run_on_another_exchange_does_not(volgamma: Volgamma, database: Database) -> None:
    from orchestrator.desk import owner_of_folder

    chosen = configured(volgamma.folder)
    LeasesRepository(database).acquire(f"symbol:paper:{SOL}", owner_of_folder(chosen), LONG)
    with locked(volgamma.folder):
        (pair,) = keeping(chosen).pairs
        done = volgamma("kill", "--flatten")
    assert pair.kept_by is None
    assert done.code == 0
    assert f"{SOL} on binanceusdm: nobody keeps it: it will not be closed" in done.out


def test_leases_tell_of_workers_and_of_machines_elsewhere(volgamma: Volgamma, database: Database) -> None:
    leases = LeasesRepository(database)
    chosen = configured(volgamma.folder)
    lease = leases.acquire(NAME, "left", LONG)
    assert lease is not None
    assert [pair.kept_by for pair in keeping(chosen).pairs] == ["another process (left)"]
    leases.acquire("worker:left", "left", LONG)
    found = keeping(chosen)
    assert ([pair.kept_by for pair in found.pairs], found.alive) == (["worker left"], ("worker left",))
    assert volgamma("kill", "--flatten").code == 0
    leases.renew(lease, -1)
    assert keeping(chosen).left_alone, "a lease that ran out is nobody's"


def test_nothing_open_is_said_too(volgamma: Volgamma) -> None:
    done = volgamma("kill", "--flatten")
    assert (done.code, "no pair is open in it" in done.out) == (0, True)


def test_a_password_is_not_shown_and_an_unreadable_database_does_not_look_like_a_failure(
    volgamma: Volgamma, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLGAMMA_DATABASE_URL", "postgresql+psycopg://anna:hush-77@127.0.0.1:1/trading")
    done = volgamma("kill", "--flatten", "--json")
    assert (done.code, done.json["killed"], done.json["database"]) == (0, True, None)
    assert "hush-77" not in done.out + done.err
    assert "cannot be read" in done.json["done"][-1]


def test_resume_says_what_it_lifted(volgamma: Volgamma, database: Database) -> None:
    assert volgamma("resume").out.splitlines()[0] == "the kill switch was not on"
    volgamma("kill", "--why", "news", "--who", "anna")
    StateRepository(database).latch_drawdown("binanceusdm", 11, "lost too much", 1)
    done = volgamma("resume", "--drawdown")
    assert "kill switch off: it was thrown by anna (news)" in done.out
    assert "binanceusdm: drawdown latch released" in done.out
    assert f"open: {SOL} on binanceusdm" in done.out
    assert volgamma("resume", "--json").json["open_pairs"][0]["symbol"] == SOL


def test_a_lock_is_asked_not_its_number(tmp_path: Path) -> None:
    assert holder(tmp_path / "run.lock") is None
    with data_folder_lock(tmp_path, "run"):
        assert holder(tmp_path / "run.lock") == (tmp_path / "run.lock").read_text()
    assert holder(tmp_path / "run.lock") is None


def test_the_doctor_names_open_pairs_and_their_keeper(volgamma: Volgamma, database: Database) -> None:
    def told() -> list[Finding]:
        return [one for one in diagnose(configured(volgamma.folder)) if one.check == "open pair"]

    (alone,) = told()
    assert (alone.status, alone.remedy) == (
        "warn", f"start `volgamma run --exchange binanceusdm --symbols {SOL} --live`",
    )  # fmt: skip
    assert alone.detail == (f"{SOL} on binanceusdm: nobody keeps it: only its stops at the exchange protect it")
    with locked(volgamma.folder):
        (kept,) = told()
    assert (kept.status, kept.detail) == ("ok", f"{SOL} on binanceusdm: kept by run, process 4711")
    PairsRepository(database).close("p1", 2, "test")
    assert [(one.status, one.detail) for one in told()] == [("ok", "none")]


def test_the_doctor_names_a_variable_that_nothing_reads(tmp_path: Path) -> None:
    chosen = settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_LIV": "hush-31"})
    (one,) = (one for one in diagnose(chosen) if one.check == "variables")
    assert (one.status, one.detail) == ("warn", "the environment has VOLGAMMA_LIV, which nothing reads")
    assert one.remedy == "did you mean VOLGAMMA_LIVE? else unset it"
