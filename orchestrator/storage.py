"""The database as commands use it: opened by the settings, migrated, its errors turned into HostError."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestrator.errors import HostError
from orchestrator.observability import witness
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from db.database import Database


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the store and of the constraints, as HostError with code, message and remedy."""
    from db.errors import DatabaseError
    from traders.contract.constraints import ConstraintError

    try:
        yield
    except DatabaseError as error:
        raise HostError(error.code, error.message, error.remedy) from error
    except ConstraintError as error:
        raise HostError(
            "constraints", str(error), "see `volgamma constraints show` and `volgamma constraints history`"
        ) from error


def open_store(settings: Settings) -> "Database":
    """The settings' database, ready for use. The caller closes it. Raises HostError.

    SQLite is brought up to date without asking; a shared PostgreSQL only by `volgamma db upgrade`, because other
    machines may still run the older program.
    """
    with translated():
        from db.database import open_database

        database = open_database(settings.database_url)
        witness.attach(database)
        if database.url.get_backend_name() == "sqlite":
            database.migrate()
        else:
            database.require_current()
        return database


@contextmanager
def opened(settings: Settings) -> Iterator["Database"]:
    """`open_store` for the length of a block, with errors inside the block translated too. Raises HostError."""
    database = open_store(settings)
    try:
        with translated():
            yield database
    except HostError as error:
        if error.code != "not_found":
            raise
        raise HostError(error.code, f"{error.message} ({place(database)})", error.remedy) from error
    finally:
        database.close()


def place(database: "Database") -> str:
    """The file, or the URL without its password: which database was looked into."""
    url = database.url
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)
