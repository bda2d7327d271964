"""Alerts that were told, as people and programs read them: the page of the dashboard and `volgamma alerts list`."""

from dataclasses import dataclass
from typing import Any

from db.alerts_repository import AlertsRepository, Kept
from db.database import Database
from orchestrator.alerts.book import UNKNOWN, WAITING
from orchestrator.alerts.sender import FAILED

HELD_BACK = "held back"
#: A service that has not answered for so long never will: the process that asked it is gone.
_LOST_MS = 10 * 60_000


@dataclass(frozen=True)
class Outcome:
    """What a service did with it: waiting, delivered, failed, dropped, not known. `why`: of a failure."""

    service: str
    state: str
    why: str | None


@dataclass(frozen=True)
class Told:
    """One alert. `at`: UTC ms by the clock of the process that told it, whose name is `by`."""

    at: int
    kind: str
    severity: str
    title: str
    text: str
    by: str
    held_back: bool
    outcomes: tuple[Outcome, ...]

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        services = [{"service": one.service, "state": one.state, "why": one.why} for one in self.outcomes]
        return {
            "at": self.at,
            "kind": self.kind,
            "severity": self.severity,
            "title": self.title,
            "text": self.text,
            "by": self.by,
            "held_back": self.held_back,
            "services": services,
        }


def told(database: Database, now: int, limit: int, offset: int = 0) -> tuple[tuple[Told, ...], int]:
    """Newest first, and how many are kept in all. `now`: our clock, UTC ms. Raises errors of the store."""
    rows, total = AlertsRepository(database).newest(limit, offset)
    return tuple(_told(row, now) for row in rows), total


def _told(row: Kept, now: int) -> Told:
    document = row.document
    services = document.get("services")
    fates: dict[str, Any] = services if isinstance(services, dict) else {}
    return Told(
        at=row.at,
        kind=str(document.get("kind", "")),
        severity=str(document.get("severity", "info")),
        title=str(document.get("title", "")),
        text=str(document.get("text", "")),
        by=row.by,
        held_back=bool(document.get("held_back", False)),
        outcomes=tuple(_outcome(name, str(said), now - row.at) for name, said in fates.items()),
    )


def _outcome(service: str, said: str, age: int) -> Outcome:
    state, _, why = said.partition(": ")
    if state == WAITING and age > _LOST_MS:
        state = UNKNOWN
    return Outcome(service, state, why or None if state == FAILED else None)
