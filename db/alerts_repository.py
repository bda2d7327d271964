"""What people were told, and what every process that tells them has to know before it speaks.

Rows of the `state` table, so that all workers on one database share them: one row holds what was sent (`sent`), under a
lock while somebody decides; the newest alerts are kept one a row. Unlike switches they leave no trace of each change.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from db.blobs import insert_once
from db.database import Database
from db.models import StateRow
from traders.contract.base import canonical_json

#: Alerts that are kept; the oldest go first.
MOST_KEPT = 500
_SENT = ("alerts", "sent")
_KEPT = "alert"

Document = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """One alert. `at`: UTC ms of the clock of whoever told it; `number` grows with each."""

    number: int
    at: int
    by: str
    document: Document


class AlertsRepository:
    """What was told, shared by all processes on one database. `at` is UTC milliseconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sent(self) -> Document | None:
        """What was sent so far, None before the first."""
        with self._database.read() as connection:
            return _sent(connection, lock=False)

    def decide(
        self, choose: Callable[[Document | None], tuple[Document, Sequence[Document]]], by: str, at: int
    ) -> tuple[int, ...]:
        """Let `choose` turn what was sent into what is sent then, and the alerts to keep; their numbers.

        Nobody else decides meanwhile, on any machine: of two that would tell the same only the first does.
        """
        scope, key = _SENT
        row = {"scope": scope, "key": key, "value": "null", "who": by, "why": "", "at": at}
        with self._database.write() as connection:
            insert_once(connection, StateRow, row)
            document, alerts = choose(_sent(connection, lock=True))
            connection.execute(
                update(StateRow)
                .where(StateRow.scope == scope, StateRow.key == key)
                .values(value=canonical_json(document), who=by, at=at)
            )
            return _keep(connection, [(at, by, one) for one in alerts])

    def keep(self, alerts: Sequence[tuple[int, str, Document]]) -> tuple[int, ...]:
        """Alerts that were told without asking here: (time, by whom, document). Their numbers."""
        scope, key = _SENT
        row = {"scope": scope, "key": key, "value": "null", "who": "", "why": "", "at": 0}
        with self._database.write() as connection:
            insert_once(connection, StateRow, row)
            _sent(connection, lock=True)  # numbers are given out one after the other
            return _keep(connection, alerts)

    def change(self, number: int, document: Document) -> None:
        """What became of an alert; nothing when it is no longer kept."""
        with self._database.write() as connection:
            connection.execute(
                update(StateRow)
                .where(StateRow.scope == _KEPT, StateRow.key == _key(number))
                .values(value=canonical_json(document))
            )

    def newest(self, limit: int, offset: int = 0) -> tuple[tuple[Kept, ...], int]:
        """Newest first, and how many there are in all."""
        query = select(StateRow.__table__).where(_is_kept()).order_by(StateRow.key.desc()).limit(limit).offset(offset)
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(StateRow).where(_is_kept())).scalar_one()
            rows = connection.execute(query).all()
        return tuple(Kept(int(row.key), row.at, row.who, _document(row.value) or {}) for row in rows), int(total)


def _sent(connection: Connection, *, lock: bool) -> Document | None:
    query = select(StateRow.value).where(StateRow.scope == _SENT[0], StateRow.key == _SENT[1])
    value = connection.execute(query.with_for_update() if lock else query).scalar()
    return None if value is None else _document(value)


def _document(text: str) -> Document | None:
    """None for what nobody here wrote: an alert is not worth a page or a warning that fails."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _keep(connection: Connection, alerts: Sequence[tuple[int, str, Document]]) -> tuple[int, ...]:
    last = connection.execute(select(func.max(StateRow.key)).where(_is_kept())).scalar()
    first = 1 + (0 if last is None else int(last))
    for number, (at, by, document) in enumerate(alerts, first):
        row = {"scope": _KEPT, "key": _key(number), "value": canonical_json(document), "who": by[:120], "at": at}
        insert_once(connection, StateRow, {**row, "why": str(document.get("kind", ""))})
    end = first + len(alerts)
    if alerts:
        connection.execute(delete(StateRow).where(_is_kept(), StateRow.key < _key(max(0, end - MOST_KEPT))))
    return tuple(range(first, end))


def _is_kept() -> ColumnElement[bool]:
    return StateRow.scope == _KEPT


def _key(number: int) -> str:
    """Of fixed width: text sorts as the numbers do."""
    return f"{number:012d}"
