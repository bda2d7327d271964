"""A copy of the whole database while it is in use, and putting one back.

SQLite is copied by its online backup, PostgreSQL by `pg_dump` where that is installed (custom format, our schema only:
what the durable queue keeps beside it is not part of the record). Putting back never overwrites unless told to, looks
at the copy first, and happens in one transaction: all of it or nothing.
"""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from db.database import Database
from db.errors import BadImport, BadUrl, Conflict, SchemaTooNew, Unreachable
from db.health import Health, examine
from db.schema import HEAD, REVISIONS

_SCHEMA = "public"
_SAID = 500


def back_up(database: Database, target: Path) -> int:
    """Write a copy to a new file; its bytes. Raises Unreachable (exists, cannot be written), NotMigrated, BadUrl."""
    if database.path is not None:
        database.backup(target)
        return target.stat().st_size
    database.require_current()
    if target.exists():
        raise Unreachable(f"{target} exists already", "name a new file")
    _run(database, "pg_dump", "--format=custom", "--no-owner", f"--schema={_SCHEMA}", f"--file={target}")
    return target.stat().st_size


def restore(database: Database, source: Path, *, force: bool = False) -> Health:
    """Make the database what the copy is, brought up to this program's schema; what `db check` says of it.

    Raises BadImport (no copy of ours, or damaged), SchemaTooNew, Conflict (there is something, and no `force`).
    """
    if not source.is_file():
        raise BadImport(f"there is no file {source}", "name a file written by `volgamma db backup`")
    if database.path is not None and database.path.resolve() == source.resolve():
        raise BadImport(f"{source} is the database itself", "name a copy of it")
    if database.path is not None:
        _check_sqlite(source)
    else:
        _check_dump(database, source)
    if not force and _holds_something(database):
        raise Conflict(
            f"{database.name} holds data, and restoring replaces all of it",
            "back it up first, stop whatever uses it, then give --force",
        )
    if database.path is not None:
        _into_sqlite(database, source)
    else:
        flags = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
        _run(database, "pg_restore", *flags, f"--schema={_SCHEMA}", f"--dbname={database.url.database}", str(source))
    database.migrate()
    return examine(database, deep=True)


def _holds_something(database: Database) -> bool:
    if database.path is not None and not database.path.exists():
        return False
    return database.revision() is not None


def _check_sqlite(source: Path) -> None:
    """Raises BadImport for what is no sound copy of ours, SchemaTooNew."""
    try:
        raw = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)
        try:
            damage = [row[0] for row in raw.execute("PRAGMA integrity_check") if row[0] != "ok"]
            found = raw.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            raw.close()
    except sqlite3.DatabaseError as error:
        raise BadImport(f"{source} is no copy of a volgamma database: {error}", "name another file") from None
    if damage:
        raise BadImport(f"{source} is damaged: {'; '.join(damage)[:_SAID]}", "restore an earlier copy")
    if found is None or found[0] not in REVISIONS:
        raise SchemaTooNew(
            f"{source} has schema {found and found[0]!r}; this version of volgamma knows up to {HEAD!r}",
            "upgrade volgamma",
        )


def _into_sqlite(database: Database, source: Path) -> None:
    """Page by page into the file that is there, as one transaction; processes that have it open see it change."""
    assert database.path is not None
    try:
        database.path.parent.mkdir(parents=True, exist_ok=True)
        copy = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)
        target = sqlite3.connect(database.path, timeout=15)
        try:
            copy.backup(target)
        finally:
            target.close()
            copy.close()
    except (OSError, sqlite3.Error) as error:
        raise Unreachable(
            f"{database.path} could not be written: {error}", "stop whatever uses it, check rights and space"
        ) from None


def _check_dump(database: Database, source: Path) -> None:
    said = _run(database, "pg_restore", "--list", str(source), connects=False)
    if "alembic_version" not in said:
        raise BadImport(f"{source} is no copy of a volgamma database", "name a file written by `volgamma db backup`")


def _run(database: Database, program: str, *arguments: str, connects: bool = True) -> str:
    """A program of PostgreSQL's; its output. The password goes by the environment. Raises BadUrl, BadImport."""
    if shutil.which(program) is None:
        raise BadUrl(f"{program} is not installed here", "install PostgreSQL's client programs, or use another machine")
    url = database.url
    place: dict[str, object] = {
        "PGHOST": url.host,
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    place |= {f"PG{key.upper()}": value for key, value in url.query.items() if isinstance(value, str)}
    named = {key: str(value) for key, value in place.items() if value is not None} if connects else {}
    done = subprocess.run(
        [program, *arguments], env={**os.environ, **named}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[:_SAID]
        if connects and program == "pg_dump":
            raise Unreachable(f"{program} of {database.name}: {said}", "check the server, rights and free space")
        raise BadImport(f"{program}: {said}", "name a file written by `volgamma db backup`; the database is as it was")
    return done.stdout
