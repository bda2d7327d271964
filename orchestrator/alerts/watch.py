"""Looks at the database every few seconds and tells people, beside whatever trades: in a thread of its own, over a
connection of its own, reading only. Nothing that trades ever calls it or waits for it.
"""

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.alerts.events import ABOUT, Event, Kind, Message
from orchestrator.alerts.policy import Sent, choose
from orchestrator.alerts.sender import Sender, channels
from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from db.database import Database
    from orchestrator.alerts.facts import Facts

LOOK_S = 2.0
#: How long the end of a run waits for messages under way.
PATIENCE_S = 3.0
FILE = "alerts.json"
_DAY_MS = 86_400_000


@dataclass
class Watch:
    """One look after another; `look` is all there is to it. Kept between runs in a file of the data folder."""

    settings: Settings
    clock: Clock
    sender: Sender
    every: int | None

    def __post_init__(self) -> None:
        from orchestrator.alerts.observe import Memory

        self.memory: Memory = Memory()
        self.sent = Sent()
        self.digest_day: int | None = None
        self._facts: Facts | None = None
        self._load()
        # time passed while nobody looked is not silence
        self.memory = Memory.of({**self.memory.document(), "newest_at": None})

    def look(self, database: "Database") -> None:
        """One look, and what follows from it. Raises errors of the store."""
        from orchestrator.alerts import facts, observe

        now = self.clock.now_ms()
        self._facts = facts.read(
            database, self.settings.data_dir, now, self.every, self.memory.event, before=self._facts
        )
        self.memory, events = observe.look(self.memory, self._facts, self.settings.alerts_refused_in_a_row)
        self._send(events, now)
        self._digest(database, now)
        self._save()

    def tell(self, event: Event) -> None:
        """Something that is not in the database: the end of a run."""
        self._send([event], self.clock.now_ms())

    def _send(self, events: list[Event], now: int) -> None:
        self.sent, messages = choose(self.sent, events, now, self.settings.alerts_per_hour)
        for message in messages:
            self.sender.put(message)

    def _digest(self, database: "Database", now: int) -> None:
        hour = self.settings.alerts_digest_hour
        if not 0 <= hour <= 23:
            return
        day = (now - hour * 3_600_000) // _DAY_MS
        if self.digest_day is None:  # the first look of all: nothing to sum up yet
            self.digest_day = day
        elif day > self.digest_day:
            self.digest_day = day
            self.sender.put(digest_message(database))

    def _load(self) -> None:
        """What cannot be read is begun anew: at worst something is said twice."""
        from orchestrator.alerts.observe import Memory

        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            document: dict[str, Any] = json.loads(self._path.read_text())
            memory, sent = Memory.of(document["memory"]), Sent.of(document["sent"])
            self.memory, self.sent, self.digest_day = memory, sent, int(document["digest_day"])

    def _save(self) -> None:
        document = {"memory": self.memory.document(), "sent": self.sent.document(), "digest_day": self.digest_day}
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


def digest_message(database: "Database") -> Message:
    """The digest as it is sent."""
    from orchestrator.alerts import digest

    found = digest.days(database)
    return Message(ABOUT[Kind.DIGEST].severity, "volgamma: the day", digest.text(found), digest.picture(found))


@contextmanager
def watching(settings: Settings, clock: Clock, every: int | None, say: Callable[[str], None]) -> Iterator[None]:
    """Alerts for as long as the block runs; nothing at all where no address is set.

    Raises HostError for an address that apprise does not know, before the block begins. An error that ends the block is
    reported and passes on.
    """
    if not settings.alerts:
        yield
        return
    sender = Sender(channels(settings.alerts))
    watch = Watch(settings, clock, sender, every)
    stop = threading.Event()
    thread = threading.Thread(target=_looking, args=(watch, stop, say), name="alerts", daemon=True)
    thread.start()
    say(f"alerts: {', '.join(channel.service for channel in sender.channels)}")
    try:
        yield
    except HostError as error:
        watch.tell(Event(Kind.RUN_ENDED, f"ended:{error.code}", f"{error.message}\nRemedy: {error.remedy}"))
        raise
    except Exception as error:
        watch.tell(Event(Kind.RUN_ENDED, "ended", type(error).__name__))
        raise
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        sender.close(PATIENCE_S)
        for channel in sender.channels:
            if channel.failed or channel.dropped:
                why = f" ({channel.problem})" if channel.problem else ""
                say(f"alerts: {channel.service}: {channel.failed + channel.dropped} not delivered{why}")


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
        except Exception as error:  # told once; trading does not care, and the next look may succeed
            if not said:
                say(f"alerts: the database cannot be looked at: {type(error).__name__}: {str(error)[:160]}")
                said = True
        if last or stop.wait(LOOK_S):
            return
