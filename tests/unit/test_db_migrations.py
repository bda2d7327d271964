"""From nothing to the newest schema, and every way in which a database cannot be used."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from db.constraints_repository import ConstraintsRepository
from db.database import open_database
from db.errors import BadUrl, Corrupt, NotMigrated, SchemaTooNew, Unreachable
from db.models import Base
from db.schema import HEAD, REVISIONS, alembic_config
from tests.store import fresh


def test_from_empty_to_head_and_again_does_nothing(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/deep/folder/v.sqlite")
    assert database.migrate() == (None, HEAD)
    assert database.migrate() == (HEAD, HEAD)
    assert database.check() == ()
    database.close()


def test_the_listed_revisions_are_the_migrations_in_order() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS
    assert scripts.get_current_head() == HEAD


def test_models_and_migrated_schema_do_not_differ(tmp_path: Path) -> None:
    database = fresh(tmp_path)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_the_comparison_would_notice_a_difference(tmp_path: Path) -> None:
    database = fresh(tmp_path)
    with database.write() as connection:
        connection.execute(text("ALTER TABLE pairs ADD COLUMN surprise TEXT"))
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata)
    database.close()


def test_two_that_migrate_at_once_both_find_it_done(tmp_path: Path) -> None:
    def migrate(_: int) -> int:
        database = open_database(f"sqlite:///{tmp_path}/v.sqlite")
        database.migrate()
        version = ConstraintsRepository(database).current(11).version
        database.close()
        return version

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate, range(4))) == [1, 1, 1, 1]


def test_a_first_write_of_somebody_else_is_waited_for(tmp_path: Path) -> None:
    """SQLite refuses a change of journal mode at once while another connection holds the write lock."""
    with closing(sqlite3.connect(tmp_path / "v.sqlite", isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.execute("BEGIN IMMEDIATE")
        committed = Timer(0.5, other.execute, ("COMMIT",))
        committed.start()
        database = open_database(f"sqlite:///{tmp_path}/v.sqlite")
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        committed.join()
    database.close()


def test_sqlite_is_opened_with_wal_foreign_keys_full_sync_and_a_busy_timeout(tmp_path: Path) -> None:
    database = fresh(tmp_path)
    with database.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 15000}
    database.close()


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "v.sqlite") as raw:
        raw.execute("CREATE TABLE ledger (x)")  # in the way of a table of ours
    raw.close()
    database = open_database(f"sqlite:///{tmp_path}/v.sqlite")
    with pytest.raises(Unreachable):
        database.migrate()
    with database.read() as connection:
        tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    assert tables == ["ledger"]
    database.close()


def test_memory_works_for_experiments() -> None:
    database = open_database("sqlite://")
    database.migrate()
    assert ConstraintsRepository(database).current(11).version == 1
    database.close()


def test_not_migrated_says_what_to_run(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/v.sqlite")
    with pytest.raises(NotMigrated, match="volgamma db upgrade"):
        database.check()
    with pytest.raises(NotMigrated, match="volgamma db upgrade"):
        ConstraintsRepository(database).current(11)
    database.close()


def test_a_newer_schema_is_not_touched(tmp_path: Path) -> None:
    database = fresh(tmp_path)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (database.migrate, database.check):
        with pytest.raises(SchemaTooNew, match=r"9999.*upgrade volgamma"):
            use()
    database.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/x", "sqlite+nodriver:///x"])
def test_a_bad_url_is_named_with_an_example(url: str) -> None:
    with pytest.raises(BadUrl, match="VOLGAMMA_DATABASE_URL"):
        open_database(url)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}")
    with pytest.raises(Unreachable, match="unable to open"):
        database.migrate()
    database.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unreachable, match="VOLGAMMA_DATA_DIR"):
        open_database(f"sqlite:///{tmp_path}/file/v.sqlite").migrate()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "v.sqlite").write_text("this is a letter to my bank, and no database " * 50)
    database = open_database(f"sqlite:///{tmp_path}/v.sqlite")
    with pytest.raises(Corrupt, match="not a database"):
        database.migrate()
    database.close()


def test_a_password_in_the_url_is_never_shown() -> None:
    with pytest.raises((BadUrl, Unreachable)) as caught:  # the driver is an extra
        open_database("postgresql+psycopg://user:hunter2@127.0.0.1:1/x").revision()
    assert "hunter2" not in str(caught.value)


def test_foreign_keys_damage_is_found(tmp_path: Path) -> None:
    database = fresh(tmp_path)
    with sqlite3.connect(tmp_path / "test.sqlite") as raw:
        raw.execute("INSERT INTO records VALUES ('nobody', 0, 'context', 'nothing')")
    raw.close()
    assert any("foreign key" in problem for problem in database.check())
    database.close()


def test_a_backup_is_a_whole_copy_and_never_overwrites(tmp_path: Path) -> None:
    database = fresh(tmp_path)
    ConstraintsRepository(database).set(11, {"leverage_max": 7}, "me", "test", 5)
    database.backup(tmp_path / "copy.sqlite")
    copy = open_database(f"sqlite:///{tmp_path}/copy.sqlite")
    assert ConstraintsRepository(copy).current(11).limits.leverage_max == 7
    with pytest.raises(Unreachable, match="exists already"):
        database.backup(tmp_path / "copy.sqlite")
    with pytest.raises(Unreachable, match="cannot be written"):
        database.backup(tmp_path / "no" / "such" / "folder.sqlite")
    copy.close()
    database.close()
