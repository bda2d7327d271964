"""Backup and restore, and every way up from an earlier schema, on SQLite and on PostgreSQL."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from db.constraints_repository import ConstraintsRepository
from db.database import Database, open_database
from db.errors import BadImport, Conflict, SchemaTooNew, Unreachable
from db.health import examine
from db.journal_repository import JournalRepository
from db.models import Base
from db.safekeeping import back_up, restore
from db.schema import HEAD, REVISIONS, alembic_config
from tests.store_cli import Volgamma

Make = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes empty databases of one kind."""
    made: list[Database] = []

    def another() -> Database:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/{len(made)}.sqlite"
        else:
            url = request.getfixturevalue("postgres_database")()
        made.append(open_database(url))
        return made[-1]

    yield another
    for database in made:
        database.close()


def filled(database: Database) -> Database:
    database.migrate()
    ConstraintsRepository(database).set(11, {"leverage_max": 7}, "ann", "calmer", 5)
    journal = JournalRepository(database)
    journal.claim("d1", 11, "SOL/USDT:USDT", "paper", "rules", 1)
    journal.record("d1", "note", {"n": 1})
    return database


def test_a_copy_put_back_is_what_was_copied(make: Make, tmp_path: Path) -> None:
    old, new = filled(make()), make()
    size = back_up(old, tmp_path / "copy")
    assert size == (tmp_path / "copy").stat().st_size > 0
    # what comes after the copy is not in it
    ConstraintsRepository(old).set(11, {"leverage_max": 6}, "ann", "calmer still", 6)
    health = restore(new, tmp_path / "copy")
    assert (health.revision, health.problems, health.counts["decisions"]) == (HEAD, (), 1)
    assert ConstraintsRepository(new).current(11).limits.leverage_max == 7
    assert JournalRepository(new).load("d1").document("note") == {"n": 1}
    # and it goes on working: numbers are counted on where they were
    assert JournalRepository(new).claim("d2", 11, "SOL/USDT:USDT", "paper", "rules", 2)
    assert ConstraintsRepository(new).set(11, {"leverage_max": 8}, "bob", "back", 7).version == 3


def test_nothing_is_overwritten_unless_told_to(make: Make, tmp_path: Path) -> None:
    old = filled(make())
    back_up(old, tmp_path / "copy")
    with pytest.raises(Unreachable, match="exists already"):
        back_up(old, tmp_path / "copy")
    ConstraintsRepository(old).set(11, {"leverage_max": 6}, "ann", "calmer still", 6)
    with pytest.raises(Conflict, match="holds data") as refused:
        restore(old, tmp_path / "copy")
    assert "--force" in refused.value.remedy
    assert ConstraintsRepository(old).current(11).limits.leverage_max == 6
    restore(old, tmp_path / "copy", force=True)
    assert ConstraintsRepository(old).current(11).limits.leverage_max == 7
    assert examine(old, deep=True).problems == ()


def test_what_is_no_copy_changes_nothing(make: Make, tmp_path: Path) -> None:
    database = filled(make())
    (tmp_path / "letter").write_text("dear bank " * 1000)
    for source in (tmp_path / "letter", tmp_path / "nowhere"):
        with pytest.raises(BadImport):
            restore(database, source, force=True)
    assert ConstraintsRepository(database).current(11).limits.leverage_max == 7


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_up_from_every_earlier_schema(make: Make, revision: str) -> None:
    """A database left behind at a revision, with rows in it, comes up whole and keeps them."""
    database = make()
    with database.write() as connection:
        command.upgrade(alembic_config(connection), revision)
        connection.execute(
            text("INSERT INTO state_changes (scope, key, value, who, why, at) VALUES ('', 'kill', 'true', 'a', 'b', 1)")
        )
    assert database.migrate() == (revision, HEAD)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        kept = connection.execute(text("SELECT who FROM state_changes")).scalars().all()
    assert kept == ["a"]
    assert ConstraintsRepository(database).current(11).version == 1
    assert examine(database, deep=True).problems == ()


@pytest.mark.parametrize("revision", REVISIONS[1:-1])
def test_an_older_copy_is_brought_up_to_date(tmp_path: Path, revision: str) -> None:
    old = open_database(f"sqlite:///{tmp_path}/old.sqlite")
    with old.write() as connection:
        command.upgrade(alembic_config(connection), revision)
    old.close()
    new = open_database(f"sqlite:///{tmp_path}/new.sqlite")
    assert restore(new, tmp_path / "old.sqlite").revision == HEAD
    new.close()


def test_a_copy_of_a_newer_program_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    database = filled(open_database(f"sqlite:///{tmp_path}/v.sqlite"))
    back_up(database, tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(SchemaTooNew, match="9999"):
        restore(database, tmp_path / "copy", force=True)
    assert ConstraintsRepository(database).current(11).limits.leverage_max == 7
    with pytest.raises(BadImport, match="the database itself"):
        restore(database, tmp_path / "v.sqlite", force=True)
    database.close()


def test_a_damaged_copy_is_refused(tmp_path: Path) -> None:
    database = filled(open_database(f"sqlite:///{tmp_path}/v.sqlite"))
    size = back_up(database, tmp_path / "copy")
    with (tmp_path / "copy").open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\x00" * 5000)
    with pytest.raises(BadImport):
        restore(database, tmp_path / "copy", force=True)
    database.close()


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volgamma = Volgamma(tmp_path, monkeypatch)
    volgamma("db", "upgrade")
    volgamma("constraints", "set", "leverage_max", "7", "--why", "calmer")
    assert volgamma("db", "backup", "copy.sqlite", "--json").json["bytes"] > 10_000
    volgamma("constraints", "set", "leverage_max", "6", "--why", "calmer still")
    refused = volgamma("db", "restore", "copy.sqlite", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "conflict")
    done = volgamma("db", "restore", "copy.sqlite", "--force", "--json")
    assert (done.code, done.json["problems"], done.json["counts"]["constraint_versions"]) == (0, [], 2)
    assert volgamma("constraints", "show", "leverage_max", "--json").json["value"] == 7
    assert volgamma("db", "check", "--deep").code == 0


def test_nothing_is_put_back_under_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.paper_session import data_folder_lock

    volgamma = Volgamma(tmp_path, monkeypatch)
    volgamma("db", "upgrade")
    volgamma("db", "backup", "copy.sqlite")
    with data_folder_lock(tmp_path, "run"):
        refused = volgamma("db", "restore", "copy.sqlite", "--force", "--json")
    assert refused.code == 1
