"""What of all that happened is sent. Pure: (state, events, now) in, (state, choices) out.

The same thing is said once, and again only after its `again_after` while it lasts; its end is said to those who were
told that it had begun, once. Within any hour at most `per_hour` messages leave; what is urgent goes out beyond that,
and what was held back is counted in the next message.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.alerts.events import Event, Kind, Message

_HOUR = 3_600_000
#: Keys are forgotten after this time; longer than any `again_after`.
_MEMORY_MS = 3 * 24 * _HOUR
#: Other machines' clocks may be ahead by this; what was sent later than that was sent by a clock that is wrong, and
#: silences nobody.
_AHEAD_MS = 10 * 60_000
#: The key of the end of a thing is this and the key of the thing.
OVER = "over:"


@dataclass(frozen=True)
class Sent:
    """What has been sent: by key when last, the times of the last hour, and what was held back by kind."""

    by_key: dict[str, int] = field(default_factory=dict)
    recent: tuple[int, ...] = ()
    held: dict[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {"by_key": self.by_key, "recent": list(self.recent), "held": self.held}

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Sent":
        """Raises KeyError, TypeError, ValueError for what `document` did not write."""
        return cls(
            {str(key): int(at) for key, at in document["by_key"].items()},
            tuple(int(at) for at in document["recent"]),
            {str(kind): int(count) for kind, count in document["held"].items()},
        )

    def with_own(self, own: "Sent") -> "Sent":
        """This, which is shared, and what was sent besides while it could not be reached."""
        by_key = {key: max(self.by_key.get(key, at), at) for key, at in own.by_key.items()}
        recent = Counter(self.recent) | Counter(own.recent)
        return Sent({**self.by_key, **by_key}, tuple(sorted(recent.elements())), self.held)


@dataclass(frozen=True)
class Choice:
    """Something new, and what is sent of it; None: held back by the rate."""

    event: Event
    message: Message | None


def choose(state: Sent, events: Iterable[Event], now: int, per_hour: int) -> tuple[Sent, list[Choice]]:
    """What to send at `now` (UTC ms of our clock)."""
    by_key = {key: at for key, at in state.by_key.items() if -_AHEAD_MS <= now - at < _MEMORY_MS}
    recent = [at for at in state.recent if -_AHEAD_MS <= now - at < _HOUR]
    held = Counter(state.held)
    choices: list[Choice] = []
    for event in events:
        last = by_key.get(event.key)
        if last is not None and now - last < event.about.again_after:
            continue
        if event.kind is Kind.OVER:
            told = by_key.get(event.key.removeprefix(OVER))
            if told is None or (last is not None and last >= told):
                continue
        by_key[event.key] = now
        if len(recent) >= per_hour and not event.about.urgent:
            held[event.kind.value] += 1
            choices.append(Choice(event, None))
            continue
        recent.append(now)
        choices.append(Choice(event, _message(event, held)))
        held.clear()
    return Sent(by_key, tuple(recent), dict(held)), choices


def _message(event: Event, held: Counter[str]) -> Message:
    text = event.text
    if event.about.severity in ("warning", "failure"):
        text += f"\nWhat it means: {event.about.meaning}\nWhat to do: {event.about.remedy}"
    if held:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(held.items()))
        text += f"\nHeld back since the last message: {listed}"
    return Message(event.about.severity, f"volgamma: {event.title}", text, event.picture)
