"""One database: opened, migrated, checked, copied. Errors are those of `db.errors`.

SQLite (the default) runs in WAL mode with foreign keys on, a busy time-out, and a full sync at each commit: an order
intent that was committed survives a power cut. Reads and writes are separate transactions, and a write takes its lock
at the start (BEGIN IMMEDIATE), so that two writers wait for each other instead of failing half way.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.pool import StaticPool
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from db.errors import BadUrl, Corrupt, DatabaseError, NotMigrated, SchemaTooNew, Unreachable
from db.schema import HEAD, REVISIONS, upgrade

_BUSY_S = 15.0
_EXAMPLE = "use sqlite:////path/to/volgamma.sqlite or postgresql+psycopg://user@host/name in VOLGAMMA_DATABASE_URL"


def open_database(url: str) -> "Database":
    """A handle on a database. Nothing is created or migrated yet. Raises BadUrl."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadUrl("the database URL cannot be parsed", _EXAMPLE) from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise BadUrl(f"databases of kind {backend!r} are not supported", _EXAMPLE)
    try:
        engine = _sqlite_engine(parsed) if backend == "sqlite" else create_engine(parsed, pool_pre_ping=True)
    except NoSuchModuleError:
        raise BadUrl(f"there is no driver {parsed.drivername!r}", _EXAMPLE) from None
    except ModuleNotFoundError as error:
        remedy = "write postgresql+psycopg://... (installed with the program), or install that driver yourself"
        raise BadUrl(f"the driver of {parsed.drivername!r} is not installed ({error.name})", remedy) from None
    return Database(engine)


class Database:
    """Transactions on one database. Use `read()` and `write()`; both turn driver errors into `db.errors`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.url: URL = engine.url
        #: Told of what was stored, after its commit: (what, fields). For people who watch; they raise nothing.
        self.listeners: list[Callable[[str, dict[str, Any]], None]] = []

    @property
    def name(self) -> str:
        """The URL as it may be shown: without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None."""
        return _sqlite_path(self.url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction. Raises NotMigrated, Unreachable, Corrupt."""
        with self._translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, committed at the end of the block or not at all. IntegrityError passes through."""
        with self._translated(), self.engine.connect() as connection:
            connection = connection.execution_options(volgamma_write=True)
            with connection.begin():
                yield connection

    def tell(self, what: str, **fields: Any) -> None:
        """Tell the listeners what was stored."""
        for listener in self.listeners:
            listener(what, fields)

    def revision(self) -> str | None:
        """The schema's revision, None when there is no schema. Raises SchemaTooNew for a revision unknown here."""
        with self._translated(), self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None and found not in REVISIONS:
            raise SchemaTooNew(
                f"{self.name} has schema {found!r}; this version of volgamma knows up to {HEAD!r}",
                "upgrade volgamma, or point VOLGAMMA_DATABASE_URL at another database",
            )
        return None if found is None else str(found)

    def migrate(self) -> tuple[str | None, str]:
        """Bring the schema up to date (creating the SQLite file's folder); revision before and after.

        Two processes may do it at once: the second waits, then finds nothing to do.
        """
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise Unreachable(
                    f"the folder {self.path.parent} cannot be made: {error.strerror}",
                    "choose another VOLGAMMA_DATA_DIR",
                ) from None
        before = self.revision()
        if before != HEAD:
            with self.write() as connection:
                upgrade(connection)
        return before, HEAD

    def require_current(self) -> None:
        """Raises NotMigrated unless the schema is this program's own."""
        if self.path is not None and not self.path.exists():
            raise NotMigrated(f"there is no database at {self.path}")
        found = self.revision()
        if found != HEAD:
            raise NotMigrated(f"{self.name} has schema {found or 'none'}, needed is {HEAD}")

    def check(self) -> tuple[str, ...]:
        """Damage found by the database itself (empty: none). Raises NotMigrated, SchemaTooNew, Unreachable."""
        self.require_current()
        problems: list[str] = []
        if self.path is not None:
            with self.read() as connection:
                for row in connection.exec_driver_sql("PRAGMA integrity_check"):
                    if row[0] != "ok":
                        problems.append(f"integrity: {row[0]}")
                for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                    problems.append(f"foreign key: {row[0]} row {row[1]} refers to a missing row of {row[2]}")
        return tuple(problems)

    def backup(self, target: Path) -> None:
        """A consistent copy while in use (SQLite). Never overwrites. Raises Unreachable, BadUrl for PostgreSQL."""
        if self.path is None:
            raise BadUrl("only SQLite databases are copied by this command", "use pg_dump")
        self.require_current()
        try:
            with target.open("xb"):
                pass
        except FileExistsError:
            raise Unreachable(f"{target} exists already", "name a new file") from None
        except OSError as error:
            raise Unreachable(f"{target} cannot be written: {error.strerror}", "name a file you may write") from None
        with self._translated(), self.engine.connect() as connection:
            copy = sqlite3.connect(target)
            try:
                source = connection.connection.driver_connection
                assert isinstance(source, sqlite3.Connection)
                source.backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise self._named(error) from error
        except SQLAlchemyError as error:
            raise Unreachable(f"{self.name}: {error}", "see `volgamma db check`") from error

    def _named(self, error: DBAPIError) -> DatabaseError:
        said = " ".join(str(error.orig).split())  # drivers break their lines
        low = said.lower()
        if "no such table" in low or "no such column" in low or "does not exist" in low:
            return NotMigrated(f"{self.name}: {said}")
        if "not a database" in low or "malformed" in low:
            return Corrupt(
                f"{self.name}: {said}", "restore a backup, or move the file away and run `volgamma db upgrade`"
            )
        if "locked" in low:
            return Unreachable(f"{self.name}: {said}", "another process is writing; try again when it has finished")
        return Unreachable(f"{self.name}: {said}", "check the path, its rights and the free space, or the server")


def _sqlite_path(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


# SQLite answers "locked" at once, without its busy time-out, to a change of journal mode beside somebody's first write.
_WAITS_FOR_THE_LOCK = Retrying(
    retry=retry_if_exception(lambda error: isinstance(error, sqlite3.OperationalError) and "locked" in str(error)),
    stop=stop_after_delay(_BUSY_S),
    wait=wait_random(0.005, 0.05),
    reraise=True,
)


def into_wal(connection: sqlite3.Connection) -> None:
    """Put a database file into WAL mode, waiting for whoever writes to it. Raises sqlite3.OperationalError."""
    _WAITS_FOR_THE_LOCK(connection.execute, "PRAGMA journal_mode=WAL")


def _sqlite_engine(url: URL) -> Engine:
    pool: dict[str, Any] = {} if _sqlite_path(url) is not None else {"poolclass": StaticPool}
    engine = create_engine(url, connect_args={"timeout": _BUSY_S, "check_same_thread": False}, **pool)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are ours; the driver's own BEGIN comes too late
        for pragma in ("foreign_keys=ON", f"busy_timeout={int(_BUSY_S * 1000)}", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        try:
            into_wal(connection)
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error):
                raise

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("volgamma_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
