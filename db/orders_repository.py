"""Order intents: written before an order is sent, resolved when its fate is known.

An intent without a resolution after a restart is an order of unknown outcome: it is looked up at the venue by its
client order id and never sent again blindly.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update

from db.blobs import as_json, insert_once
from db.database import Database
from db.errors import Conflict, NotFound
from db.models import OrderRow
from traders.contract.base import canonical_json

INTENDED = "intended"
#: `resolve` with this status keeps the order among the unresolved: asked for, and the venue did not say.
UNKNOWN = "unknown"
_OPEN = (INTENDED, UNKNOWN)


@dataclass(frozen=True)
class StoredOrder:
    """An intent (`request` as it was about to be sent) and the last report on it, both JSON values."""

    client_order_id: str
    decision_id: str
    leg_id: str
    attempt: int
    kind: str
    request: Any
    status: str
    report: Any
    intended_at: int
    resolved_at: int | None


#: What listeners hear of an order: nothing that was sent.
_TOLD = ("client_order_id", "decision_id", "leg_id", "attempt", "kind")


class OrdersRepository:
    """Intents by client order id. `request` and `report` are pydantic models or JSON values."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intend(
        self, client_order_id: str, decision_id: str, leg_id: str, attempt: int, kind: str, request: Any, at: int
    ) -> bool:
        """Durable when it returns: True for a new intent, False when the very same one is there already.

        Raises Conflict when the id stands for another order.
        """
        text = canonical_json(as_json(request))
        values = {
            "client_order_id": client_order_id,
            "decision_id": decision_id,
            "leg_id": leg_id,
            "attempt": attempt,
            "kind": kind,
            "request": text,
        }
        with self._database.write() as connection:
            new = insert_once(connection, OrderRow, {**values, "status": INTENDED, "intended_at": at})
            row = connection.execute(
                select(OrderRow.__table__).where(OrderRow.client_order_id == client_order_id)
            ).one()
        if new:
            self._database.tell("intended", **{key: values[key] for key in _TOLD}, at=at)
            return True
        for key, value in values.items():
            if row._mapping[key] != value:
                raise Conflict(
                    f"client order id {client_order_id} was used before with another {key}",
                    "an order id stands for one order; this is a defect, stop and reconcile",
                )
        return False

    def resolve(self, client_order_id: str, status: str, report: Any, at: int) -> None:
        """What became of it. Status `unknown` keeps it unresolved. Raises NotFound."""
        text = None if report is None else canonical_json(as_json(report))
        with self._database.write() as connection:
            changed = connection.execute(
                update(OrderRow)
                .where(OrderRow.client_order_id == client_order_id)
                .values(status=status, report=text, resolved_at=None if status in _OPEN else at)
            ).rowcount
            told = connection.execute(
                select(OrderRow.__table__).where(OrderRow.client_order_id == client_order_id)
            ).one_or_none()
        if changed == 0 or told is None:
            raise NotFound(f"there is no order intent {client_order_id}", "an order must be intended before it is sent")
        self._database.tell("resolved", **{key: told._mapping[key] for key in _TOLD}, status=status, at=at)

    def get(self, client_order_id: str) -> StoredOrder | None:
        """One intent, or None."""
        with self._database.read() as connection:
            row = connection.execute(
                select(OrderRow.__table__).where(OrderRow.client_order_id == client_order_id)
            ).one_or_none()
        return None if row is None else _order(row)

    def unresolved(self) -> tuple[StoredOrder, ...]:
        """Intents whose fate is not known, oldest first."""
        return self._orders(OrderRow.status.in_(_OPEN))

    def everyones_unresolved(self) -> tuple[StoredOrder, ...]:
        """As `unresolved`, where that is narrowed to one process's own."""
        return OrdersRepository.unresolved(self)

    def blocking(self) -> tuple[StoredOrder, ...]:
        """Intents that forbid new risk: their fate is not known."""
        return self.unresolved()

    def of_decision(self, decision_id: str) -> tuple[StoredOrder, ...]:
        """Every intent of a decision, oldest first."""
        return self._orders(OrderRow.decision_id == decision_id)

    def _orders(self, condition: Any) -> tuple[StoredOrder, ...]:
        query = select(OrderRow.__table__).where(condition).order_by(OrderRow.intended_at, OrderRow.client_order_id)
        with self._database.read() as connection:
            return tuple(_order(row) for row in connection.execute(query))


def _order(row: Row[Any]) -> StoredOrder:
    report = None if row.report is None else json.loads(row.report)
    return StoredOrder(**{**row._mapping, "request": json.loads(row.request), "report": report})
