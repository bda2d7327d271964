"""A fresh, migrated database in a test's own folder."""

from pathlib import Path

from db.database import Database, open_database


def fresh(folder: Path, name: str = "test.sqlite") -> Database:
    """The caller closes it."""
    database = open_database(f"sqlite:///{folder / name}")
    database.migrate()
    return database
