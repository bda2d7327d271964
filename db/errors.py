"""What the store says when it cannot do something. Each error has a stable `code` and a `remedy` for a person.

DatabaseError           base
├── BadUrl              the database URL is no URL, or names a database that is not supported
├── Unreachable         the database cannot be opened, read or written (path, rights, lock, server)
├── NotMigrated         the database has no schema yet, or an older one
├── SchemaTooNew        the database was written by a newer version of the program
├── NotFound            no such decision, constraints version, pair or order
├── Conflict            somebody else changed the same thing at the same time
├── Corrupt             stored content does not match its hash, or cannot be read
└── BadImport           a document to be imported is malformed or does not match its hashes

Constraints that cannot be used raise `traders.contract.constraints.ConstraintError` instead.
"""

_UPGRADE = "run `volgamma db upgrade`"


class DatabaseError(Exception):
    """Base: what happened, on what, and what to do."""

    code = "database"

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} (remedy: {self.remedy})"


class BadUrl(DatabaseError):
    """The URL cannot be used."""

    code = "database_url"


class Unreachable(DatabaseError):
    """The database cannot be opened, read or written."""

    code = "database_unreachable"


class NotMigrated(DatabaseError):
    """The schema is missing or old."""

    code = "database_not_migrated"

    def __init__(self, message: str, remedy: str = _UPGRADE) -> None:
        super().__init__(message, remedy)


class SchemaTooNew(DatabaseError):
    """The schema is newer than this program."""

    code = "database_too_new"


class NotFound(DatabaseError):
    """There is nothing under that name."""

    code = "not_found"


class Conflict(DatabaseError):
    """A concurrent change won."""

    code = "conflict"


class Corrupt(DatabaseError):
    """Stored content is damaged."""

    code = "corrupt"


class BadImport(DatabaseError):
    """A document cannot be imported."""

    code = "bad_import"
