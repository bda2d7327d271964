"""The schema's history, run from inside the package: no alembic.ini, no working directory.

Alembic is loaded only when there is something to migrate.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from alembic.config import Config

#: Every revision, oldest first. Append-only: a released migration is never edited.
REVISIONS: tuple[str, ...] = ("0001", "0002", "0003")
HEAD = REVISIONS[-1]

_FOLDER = Path(__file__).parent / "migrations"
#: Any number will do, as long as it is ours.
_ADVISORY_LOCK = 1_100_110_011


def alembic_config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration for this package, bound to an open connection when one is given."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Migrate to HEAD inside the caller's transaction: all of it or nothing."""
    from alembic import command

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    command.upgrade(alembic_config(connection), "head")
