"""What execution needs to remember across a crash. `db.OrdersRepository` and `db.PairsRepository` fit as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: `resolve` with this status keeps an intent among the unresolved ones: new risk stays blocked.
UNKNOWN = "unknown"


class StoredIntent(Protocol):
    """An intent as stored; `request` and `report` are JSON values."""

    @property
    def client_order_id(self) -> str: ...
    @property
    def decision_id(self) -> str: ...
    @property
    def leg_id(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def request(self) -> Any: ...
    @property
    def status(self) -> str: ...
    @property
    def report(self) -> Any: ...
    @property
    def intended_at(self) -> int: ...


class OrderStore(Protocol):
    """Order intents: durable before anything is sent, resolved when the fate is known."""

    def intend(
        self, client_order_id: str, decision_id: str, leg_id: str, attempt: int, kind: str, request: Any, at: int
    ) -> bool:
        """Durable when it returns. False: this very intent is there already."""
        ...

    def resolve(self, client_order_id: str, status: str, report: Any, at: int) -> None:
        """What became of it."""
        ...

    def unresolved(self) -> Sequence[StoredIntent]:
        """Intents whose fate is not known, oldest first."""
        ...

    def of_decision(self, decision_id: str) -> Sequence[StoredIntent]:
        """Every intent of a decision, oldest first."""
        ...


class EventLog(Protocol):
    """An append-only list of what happened to a pair."""

    def event(self, pair_id: str, decision_id: str | None, name: str, document: Any, at: int) -> object:
        """Append one event."""
        ...


@dataclass(frozen=True)
class ExecutionStore:
    """Both halves. In the host: `ExecutionStore(store.orders, store.pairs)`."""

    orders: OrderStore
    events: EventLog
