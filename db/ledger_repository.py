"""Fills, fees and funding under the venue's own ids: reported twice, kept once, never overwritten."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select, update

from db.blobs import insert_once
from db.database import Database
from db.models import LedgerEntryRow

_MONEY = ("price", "quantity", "amount")


@dataclass(frozen=True)
class LedgerRow:
    """One entry. `kind` fill: `amount` is the fee paid; `kind` funding: `amount` is the signed receipt (USDT)."""

    exchange: str
    kind: str
    venue_id: str
    time: int
    symbol: str
    amount: Decimal
    position_side: str | None = None
    side: str | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None
    order_id: str | None = None
    pair_id: str | None = None


@dataclass(frozen=True)
class Added:
    """What `add` did. `differing`: the venue now reports other figures under a known id; the first are kept."""

    new: int
    known: int
    differing: tuple[LedgerRow, ...]


class LedgerRepository:
    """Entries keyed by (exchange, kind, venue_id)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Iterable[LedgerRow]) -> Added:
        """Insert what is new, in one transaction. Inserting again changes nothing."""
        new = known = 0
        differing = []
        with self._database.write() as connection:
            for row in rows:
                values = {key: str(v) if key in _MONEY and v is not None else v for key, v in asdict(row).items()}
                if insert_once(connection, LedgerEntryRow, values):
                    new += 1
                    continue
                known += 1
                stored = _row(connection.execute(_select().where(*_key(row))).one())
                if any(getattr(stored, name) != getattr(row, name) for name in _FACTS):
                    differing.append(row)
        return Added(new, known, tuple(differing))

    def rows(
        self,
        exchange: str | None = None,
        kind: str | None = None,
        symbol: str | None = None,
        since: int = 0,
        pair_id: str | None = None,
    ) -> tuple[LedgerRow, ...]:
        """Entries at or after `since`, in order of time."""
        query = _select().where(LedgerEntryRow.time >= since)
        for column, value in (
            (LedgerEntryRow.exchange, exchange),
            (LedgerEntryRow.kind, kind),
            (LedgerEntryRow.symbol, symbol),
            (LedgerEntryRow.pair_id, pair_id),
        ):
            if value is not None:
                query = query.where(column == value)
        with self._database.read() as connection:
            ordered = query.order_by(LedgerEntryRow.time, LedgerEntryRow.kind, LedgerEntryRow.venue_id)
            return tuple(_row(row) for row in connection.execute(ordered))

    def assign(self, row: LedgerRow, pair_id: str) -> None:
        """Say which pair an entry belongs to (the venue does not know pairs)."""
        with self._database.write() as connection:
            connection.execute(update(LedgerEntryRow).where(*_key(row)).values(pair_id=pair_id))


#: What the venue said; the pair is our own note.
_FACTS = ("time", "symbol", "amount", "position_side", "side", "price", "quantity")


def _select() -> Any:
    return select(LedgerEntryRow.__table__)


def _key(row: LedgerRow) -> tuple[Any, ...]:
    return (
        LedgerEntryRow.exchange == row.exchange,
        LedgerEntryRow.kind == row.kind,
        LedgerEntryRow.venue_id == row.venue_id,
    )


def _row(row: Row[Any]) -> LedgerRow:
    values: dict[str, Any] = {key: _exact(key, value) for key, value in row._mapping.items()}
    return LedgerRow(**values)


def _exact(key: str, value: Any) -> Any:
    return Decimal(value) if key in _MONEY and value is not None else value
