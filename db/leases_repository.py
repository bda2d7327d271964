"""Leases with fencing tokens: one owner at a time, by the database's own clock, taken over when they run out.

The token of a lease grows each time it is taken. Whoever acts under a lease asks `remaining` with the token it was
given: after somebody else took the lease, the answer is None for ever, however long the old owner slept. No machine's
clock is compared with another's: only the database's counts.
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, cast, delete, func, literal_column, select, update

from db.blobs import insert_once
from db.database import Database
from db.models import LeaseRow

FREE = ""


@dataclass(frozen=True)
class Lease:
    """A lease as it was taken or renewed. `expires_at`: UTC milliseconds on the database's clock."""

    name: str
    owner: str
    token: int
    expires_at: int
    #: Somebody who would like to have it next; a polite owner lets go.
    wanted_by: str | None = None


class LeasesRepository:
    """Leases by name. Lengths in milliseconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, name: str, owner: str, length: int, *, ask: bool = False) -> Lease | None:
        """Take a lease that is free, has run out, or is the owner's own; None while another holds it.

        Taking one's own anew (after a restart under the same name) grows the token too: the process before is fenced
        off. With `ask` a holder is told that it is wanted.
        """
        free = {"name": name, "owner": FREE, "token": 0, "expires_at": 0}
        with self._database.write() as connection:
            now = _now(connection)
            insert_once(connection, LeaseRow, free)
            row = connection.execute(
                update(LeaseRow)
                .where(LeaseRow.name == name, (LeaseRow.expires_at <= now) | (LeaseRow.owner == owner))
                .values(owner=owner, token=LeaseRow.token + 1, expires_at=now + length, wanted_by=None)
                .returning(*_COLUMNS)
            ).one_or_none()
            if row is None and ask:
                connection.execute(update(LeaseRow).where(LeaseRow.name == name).values(wanted_by=owner))
        return None if row is None else _lease(row)

    def renew(self, lease: Lease, length: int) -> Lease | None:
        """The lease with a new end, None when it was lost. One that ran out and that nobody took is still ours."""
        with self._database.write() as connection:
            row = connection.execute(
                update(LeaseRow).where(*_is(lease)).values(expires_at=_now(connection) + length).returning(*_COLUMNS)
            ).one_or_none()
        return None if row is None else _lease(row)

    def release(self, lease: Lease) -> bool:
        """Let go at once; False when it was lost before."""
        with self._database.write() as connection:
            changed = connection.execute(
                update(LeaseRow).where(*_is(lease)).values(owner=FREE, expires_at=0, wanted_by=None)
            ).rowcount
        return bool(changed)

    def forget(self, lease: Lease) -> bool:
        """Remove a lease whose name will never be used again; False when it was lost before."""
        with self._database.write() as connection:
            return bool(connection.execute(delete(LeaseRow).where(*_is(lease))).rowcount)

    def remaining(self, lease: Lease) -> int | None:
        """Milliseconds left (negative: run out, and nobody took it yet); None when it was lost."""
        with self._database.read() as connection:
            end = connection.execute(select(LeaseRow.expires_at - _now(connection)).where(*_is(lease))).scalar()
        return None if end is None else int(end)

    def live(self, prefix: str = "") -> tuple[Lease, ...]:
        """Leases that are held and have not run out, by name."""
        return self._find(prefix, live=True)

    def expired(self, prefix: str = "") -> tuple[Lease, ...]:
        """Leases whose owner stopped renewing them, by name."""
        return self._find(prefix, live=False)

    def _find(self, prefix: str, *, live: bool) -> tuple[Lease, ...]:
        with self._database.read() as connection:
            now = _now(connection)
            ends = LeaseRow.expires_at > now if live else LeaseRow.expires_at <= now
            query = select(*_COLUMNS).where(
                LeaseRow.owner != FREE, LeaseRow.name.startswith(prefix, autoescape=True), ends
            )
            return tuple(_lease(row) for row in connection.execute(query.order_by(LeaseRow.name)))


_COLUMNS = (LeaseRow.name, LeaseRow.owner, LeaseRow.token, LeaseRow.expires_at, LeaseRow.wanted_by)


def _is(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return LeaseRow.name == lease.name, LeaseRow.owner == lease.owner, LeaseRow.token == lease.token


def _now(connection: Connection) -> ColumnElement[int]:
    """The database's clock, UTC milliseconds, at the moment a row is looked at (not when the transaction began)."""
    if connection.dialect.name == "postgresql":
        return cast(func.extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
    return literal_column("CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)", BigInteger)


def _lease(row: Row[str, str, int, int, str | None]) -> Lease:
    return Lease(row.name, row.owner, row.token, row.expires_at, row.wanted_by)
