"""What of all that happened is sent. Pure: (state, events, now) in, (state, messages) out.

The same thing is said once, and again only after its `again_after` while it lasts. Within any hour at most `per_hour`
messages leave; what is urgent goes out beyond that, and what was held back is counted in the next message.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.alerts.events import Event, Kind, Message

_HOUR = 3_600_000
#: Keys are forgotten after this time; longer than any `again_after`.
_MEMORY_MS = 3 * 24 * _HOUR


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


def choose(state: Sent, events: Iterable[Event], now: int, per_hour: int) -> tuple[Sent, list[Message]]:
    """What to send at `now` (UTC ms of our clock)."""
    by_key = {key: at for key, at in state.by_key.items() if now - at < _MEMORY_MS}
    recent = [at for at in state.recent if now - at < _HOUR]
    held = Counter(state.held)
    messages: list[Message] = []
    for event in events:
        last = by_key.get(event.key)
        if last is not None and now - last < event.about.again_after:
            continue
        by_key[event.key] = now
        if len(recent) >= per_hour and not event.about.urgent:
            held[event.kind.value] += 1
            continue
        recent.append(now)
        messages.append(_message(event, held))
        held.clear()
    return Sent(by_key, tuple(recent), dict(held)), messages


def _message(event: Event, held: Counter[str]) -> Message:
    text = event.text
    if event.about.severity in ("warning", "failure"):
        text += f"\nWhat it means: {event.about.meaning}\nWhat to do: {event.about.remedy}"
    if held:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(held.items()))
        text += f"\nHeld back since the last message: {listed}"
    title = "volgamma: " + ("it is over" if event.kind is Kind.OVER else event.kind.value.replace("_", " "))
    return Message(event.about.severity, title, text)
