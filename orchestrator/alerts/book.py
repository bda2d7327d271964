"""What was told and what became of it: decided in the database that workers share, or alone while it is out of reach.

Of several processes that see the same thing, the first to ask the database tells it. What a process tells alone it
enters when the database is back. The names of services are kept, never an address.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.alerts.events import Event, Message
from orchestrator.alerts.policy import Choice, Sent, choose

if TYPE_CHECKING:
    from db.database import Database

WAITING = "waiting"
UNKNOWN = "not known"
_LONGEST = 2_000
#: Alerts that wait for the database; beyond that the oldest are forgotten.
_MOST_UNKEPT = 500


@dataclass
class Record:
    """One alert of this process. `number`: its place in the database, None until it has one."""

    at: int
    document: dict[str, Any]
    number: int | None = None
    changed: bool = False

    @property
    def settled(self) -> bool:
        """Nothing more will become of it."""
        return WAITING not in self.document["services"].values()


@dataclass
class Book:
    """`by`: who tells, for people; `services`: what each address is called. `at`, `now`: our clock, UTC ms."""

    by: str
    services: Sequence[str]
    per_hour: int
    sent: Sent = field(default_factory=Sent)
    #: The newest pair event looked at; what others told of older ones is not told again, however long ago.
    event: int | None = None

    def __post_init__(self) -> None:
        self._records: dict[int, Record] = {}
        self._next = 0

    def ask(self, database: "Database", events: Sequence[Event], now: int) -> list[tuple[int, Message]]:
        """What this process is to send, each with its mark. Raises errors of the store, and has sent nothing then."""
        from db.alerts_repository import AlertsRepository

        repository = AlertsRepository(database)
        own, made = self.sent, list[Choice]()

        def decide(stored: dict[str, Any] | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
            nonlocal made
            self.sent, made = choose(_shared(stored, own), events, now, self.per_hour)
            document = {**self.sent.document(), "event": max(self.event or 0, _event(stored) or 0) or None}
            return document, [self._document(choice) for choice in made]

        try:
            # nearly every look has nothing new: reading is enough to know that
            decide(repository.sent())
            if not made:
                return []
            numbers = repository.decide(decide, self.by, now)
        except BaseException:
            self.sent = own
            raise
        return self._entered(made, now, numbers)

    def begin(self, database: "Database") -> None:
        """Take over how far others have told what happened to pairs. Raises errors of the store."""
        from db.alerts_repository import AlertsRepository

        if (told := _event(AlertsRepository(database).sent())) is not None:
            self.event = max(self.event or 0, told)

    def alone(self, events: Iterable[Event], now: int) -> list[tuple[int, Message]]:
        """The same without the database: better twice than never."""
        self.sent, made = choose(self.sent, events, now, self.per_hour)
        return self._entered(made, now, [None] * len(made))

    def became(self, mark: int, service: str, said: str) -> None:
        """What a service did with a message."""
        record = self._records.get(mark)
        if record is not None:
            record.document["services"][service] = said
            record.changed = True

    @property
    def unwritten(self) -> bool:
        """Whether the database does not know everything yet."""
        return any(record.changed or record.number is None for record in self._records.values())

    def write(self, database: "Database") -> None:
        """Tell the database what it does not know. Raises errors of the store."""
        from db.alerts_repository import AlertsRepository

        repository = AlertsRepository(database)
        new = [record for record in self._records.values() if record.number is None]
        if new:
            numbers = repository.keep([(record.at, self.by, record.document) for record in new])
            for record, number in zip(new, numbers, strict=True):
                record.number, record.changed = number, False
        for record in self._records.values():
            if record.changed and record.number is not None:
                repository.change(record.number, record.document)
                record.changed = False
        self._records = {mark: record for mark, record in self._records.items() if not record.settled}

    def document(self) -> dict[str, Any]:
        """For the time between two runs, as JSON values."""
        unkept = [[one.at, one.document] for one in self._records.values() if one.number is None]
        return {"sent": self.sent.document(), "unkept": unkept[-_MOST_UNKEPT:]}

    def load(self, document: dict[str, Any]) -> None:
        """Raises KeyError, TypeError, ValueError for what `document` did not write."""
        sent = Sent.of(document["sent"])
        unkept = [
            Record(int(at), {**kept, "services": {name: _ended(said) for name, said in kept["services"].items()}})
            for at, kept in document.get("unkept", [])
        ]
        self.sent = sent
        for record in unkept:
            self._add(record)

    def _entered(self, made: Sequence[Choice], now: int, numbers: Sequence[int | None]) -> list[tuple[int, Message]]:
        messages = []
        for choice, number in zip(made, numbers, strict=True):
            mark = self._add(Record(now, self._document(choice), number))
            if choice.message is not None:
                messages.append((mark, choice.message))
        return messages

    def _add(self, record: Record) -> int:
        self._next += 1
        self._records[self._next] = record
        return self._next

    def _document(self, choice: Choice) -> dict[str, Any]:
        event, message = choice.event, choice.message
        return {
            "kind": event.kind.value,
            "severity": event.about.severity,
            "title": event.title,
            "text": event.text[:_LONGEST],
            "held_back": message is None,
            "services": {} if message is None else dict.fromkeys(self.services, WAITING),
        }


def _event(stored: dict[str, Any] | None) -> int | None:
    found = None if stored is None else stored.get("event")
    return found if isinstance(found, int) else None


def _ended(said: Any) -> str:
    """After the process that was sending is gone."""
    return UNKNOWN if said == WAITING else str(said)


def _shared(stored: dict[str, Any] | None, own: Sent) -> Sent:
    """What was sent by anybody. What cannot be read is begun anew: at worst something is said twice."""
    try:
        return own if stored is None else Sent.of(stored).with_own(own)
    except (KeyError, TypeError, ValueError, AttributeError):
        return own
