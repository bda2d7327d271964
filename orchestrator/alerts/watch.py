"""Looks at the database every few seconds and tells people, beside whatever trades: in a thread of its own, over a
connection of its own. It writes nothing there but what it told. Nothing that trades ever calls it or waits for it.
"""

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.alerts.book import Book
from orchestrator.alerts.events import ABOUT, Event, Kind, Message
from orchestrator.alerts.policy import OVER
from orchestrator.alerts.sender import Sender, channels
from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.observability.redaction import Redactor
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from db.database import Database
    from orchestrator.alerts.facts import Facts

LOOK_S = 2.0
#: How long the end of a run waits for messages under way.
PATIENCE_S = 3.0
#: A database that is away for less is no news.
DOWN_MS = 10_000
FILE = "alerts.json"
_DAY_MS = 86_400_000
_DOWN = "database"


@dataclass
class Watch:
    """One look after another; `look` is all there is to it. Kept between runs in a file of the data folder.

    `by`: the worker or run that tells, for people. Several on one database tell each thing once.
    """

    settings: Settings
    clock: Clock
    sender: Sender
    every: int | None
    by: str = "run"

    def __post_init__(self) -> None:
        from orchestrator.alerts.observe import Memory

        self.memory: Memory = Memory()
        self.book = Book(self.by, [one.service for one in self.sender.channels], self.settings.alerts_per_hour)
        self.digest_day: int | None = None
        self._facts: Facts | None = None
        self._redactor = Redactor.of(
            self.settings.environment, [one.get_secret_value() for one in self.settings.alerts]
        )
        self._down_since: int | None = None
        self._ending: list[Event] = []
        self._load()
        # time passed while nobody looked is not silence
        self.memory = Memory.of({**self.memory.document(), "newest_at": None})

    def look(self, database: "Database") -> None:
        """One look, and what follows from it. Raises errors of the store."""
        from orchestrator.alerts import facts, observe

        now = self.clock.now_ms()
        if self._facts is None:
            self.book.event = self.memory.event
            self.book.begin(database)
            self.memory = replace(self.memory, event=self.book.event)
        self._facts = facts.read(
            database, self.settings.data_dir, now, self.every, self.memory.event, before=self._facts
        )
        self.memory, events = observe.look(self.memory, self._facts, self.settings.alerts_refused_in_a_row)
        self.book.event = self.memory.event
        try:
            self._tell([*events, *self._digest(database, now), *self._ending, _up()], now, database)
        finally:
            self._ending.clear()
            self._save()
        self._down_since = None

    def blind(self, why: str) -> None:
        """The database cannot be looked at; a person hears of it when that lasts."""
        now = self.clock.now_ms()
        self._down_since = now if self._down_since is None else self._down_since
        if now - self._down_since >= DOWN_MS:
            self._tell([Event(Kind.DATABASE, _DOWN, f"{self.by}: {why}")], now, None)
            self._save()

    def ending(self, event: Event) -> None:
        """Something that is not in the database: the end of a run. It is told at the next look, or by `finish`."""
        self._ending.append(event)

    def finish(self) -> None:
        """Tell what no look has told any more."""
        events, self._ending = self._ending, []
        if events:
            self._tell(events, self.clock.now_ms(), None)
            self._save()

    def keep(self, database: "Database") -> None:
        """Enter what became of the messages. Raises errors of the store."""
        self._collect()
        self.book.write(database)
        self._save()

    @property
    def unkept(self) -> bool:
        """Whether `keep` has anything to do."""
        self._collect()
        return self.book.unwritten

    def _tell(self, events: Sequence[Event], now: int, database: "Database | None") -> None:
        events = [replace(event, text=self._redactor.text(event.text)) for event in events]
        self._collect()
        messages = None
        if database is not None:
            try:
                self.book.write(database)
                messages = self.book.ask(database, events, now)
            except Exception as error:  # it can be read and not be written: say that too, and say the rest twice maybe
                down = Event(Kind.DATABASE, _DOWN, f"{self.by}: {type(error).__name__}: {str(error)[:160]}")
                events = [*(event for event in events if event.key != OVER + _DOWN), down]
        if messages is None:
            messages = self.book.alone(events, now)
        for mark, message in messages:
            self.sender.put(message, mark)

    def _collect(self) -> None:
        while not self.sender.results.empty():
            self.book.became(*self.sender.results.get_nowait())

    def _digest(self, database: "Database", now: int) -> Iterator[Event]:
        hour = self.settings.alerts_digest_hour
        if not 0 <= hour <= 23:
            return
        day = (now - hour * 3_600_000) // _DAY_MS
        if self.digest_day is None:  # the first look of all: nothing to sum up yet
            self.digest_day = day
        elif day > self.digest_day:
            self.digest_day = day
            message = digest_message(database)
            yield Event(Kind.DIGEST, f"digest:{day}", message.text, message.picture)

    def _load(self) -> None:
        """What cannot be read is begun anew: at worst something is said twice."""
        from orchestrator.alerts.observe import Memory

        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            document: dict[str, Any] = json.loads(self._path.read_text())
            memory, digest_day = Memory.of(document["memory"]), int(document["digest_day"])
            self.book.load(document)
            self.memory, self.digest_day = memory, digest_day

    def _save(self) -> None:
        document = {"memory": self.memory.document(), **self.book.document(), "digest_day": self.digest_day}
        text = json.dumps(document)
        if text == getattr(self, "_saved", None):
            return
        self._saved = text
        with contextlib.suppress(OSError):
            beside = self._path.with_suffix(".new")
            beside.write_text(text)
            os.replace(beside, self._path)

    @property
    def _path(self) -> Path:
        return self.settings.data_dir / FILE


def _up() -> Event:
    """The database answers: told only to those who heard that it did not."""
    return Event(Kind.OVER, OVER + _DOWN, "Over: the database answers again.")


def digest_message(database: "Database") -> Message:
    """The digest as it is sent."""
    from orchestrator.alerts import digest

    found = digest.days(database)
    return Message(ABOUT[Kind.DIGEST].severity, "volgamma: the day", digest.text(found), digest.picture(found))


@contextmanager
def watching(
    settings: Settings, clock: Clock, every: int | None, say: Callable[[str], None], by: str
) -> Iterator[None]:
    """Alerts for as long as the block runs; nothing at all where no address is set. `by`: the name of the process.

    Raises HostError for an address that apprise does not know, before the block begins. An error that ends the block is
    reported and passes on.
    """
    if not settings.alerts:
        yield
        return
    sender = Sender(channels(settings.alerts))
    begun = clock.now_ms()  # a run that is started again and ends of the same cause is told of again
    watch = Watch(settings, clock, sender, every, by)
    stop = threading.Event()
    thread = threading.Thread(target=_looking, args=(watch, stop, say), name="alerts", daemon=True)
    thread.start()
    say(f"alerts: {', '.join(channel.service for channel in sender.channels)}")
    try:
        yield
    except HostError as error:
        text = f"{by}: {error.message}\nRemedy: {error.remedy}"
        watch.ending(Event(Kind.RUN_ENDED, f"ended:{by}:{error.code}:{begun}", text))
        raise
    except Exception as error:
        watch.ending(Event(Kind.RUN_ENDED, f"ended:{by}:{begun}", f"{by}: {type(error).__name__}"))
        raise
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        watch.finish()
        sender.close(PATIENCE_S)
        if watch.unkept and not thread.is_alive():
            # a server that does not answer must not hold up the end
            last = threading.Thread(target=_keeping, args=(watch,), name="alerts-kept", daemon=True)
            last.start()
            last.join(PATIENCE_S)
        for channel in sender.channels:
            if channel.failed or channel.dropped:
                why = f" ({channel.problem})" if channel.problem else ""
                say(f"alerts: {channel.service}: {channel.failed + channel.dropped} not delivered{why}")


def _keeping(watch: Watch) -> None:
    from orchestrator.storage import opened

    with contextlib.suppress(Exception), opened(watch.settings) as database:
        watch.keep(database)


def _looking(watch: Watch, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Until stopped, with one look after that: the last pair closed is worth a word too."""
    from orchestrator.storage import opened

    said = False
    while True:
        last = stop.wait(0)
        try:
            with opened(watch.settings) as database:
                while True:
                    watch.look(database)
                    if last:
                        return
                    last = stop.wait(LOOK_S)
        except Exception as error:  # trading does not care, and the next look may succeed
            why = f"the database cannot be looked at: {type(error).__name__}: {str(error)[:160]}"
            watch.blind(why)
            if not said:
                say(f"alerts: {why}")
                said = True
        if last or stop.wait(LOOK_S):
            return
