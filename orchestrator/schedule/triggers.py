"""What starts a decision, and under which name. Pure: times, prices and what was started before in; ticks out.

Every trigger claims the same key: the decision's id, made of trader, symbol and a time on the exchange's clock. Time
and funding give that time themselves; a price that moved gives the minute it was seen in, so that several processes
that see it at about the same moment mean the same decision. A person's decision has a suffix of its own.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from orchestrator.decision_id import decision_id
from orchestrator.schedule.ticks import due_at_or_before

Kind = Literal["time", "price_move", "funding"]
_MINUTE = 60_000


@dataclass(frozen=True)
class Tick:
    """One decision to be taken. `due`: exchange time, UTC ms; `why` is kept with the decision."""

    trader_id: int
    symbol: str
    due: int
    kind: Kind = "time"
    why: Mapping[str, Any] = field(default_factory=dict)

    @property
    def decision_id(self) -> str:
        """The key that is claimed."""
        return decision_id(self.trader_id, self.symbol, self.due)

    @property
    def trigger(self) -> dict[str, Any] | None:
        """What the decision remembers of it; nothing where it is simply the time."""
        return None if self.kind == "time" else {"kind": self.kind, **self.why}


@dataclass(frozen=True)
class Watch:
    """What starts decisions of one trader on one symbol: `every` ms; a move since the last decision; before funding."""

    trader_id: int
    symbol: str
    every: int
    move: Decimal | None = None
    before_funding: int | None = None


@dataclass(frozen=True)
class Seen:
    """A symbol as it is now; None: not known, and then nothing is started by it."""

    price: Decimal | None = None
    next_funding: int | None = None


class Ticker:
    """Says what is due until `started` is told. What was missed is not caught up on: only the newest counts."""

    def __init__(self, watches: Iterable[Watch], late_after: int, jitter: int = 0) -> None:
        self._watches = tuple(watches)
        self._late_after = late_after
        self._jitter = jitter
        self._started: dict[tuple[int, str, Kind], int] = {}

    def due(self, now: int, seen: Mapping[str, Seen], last: Mapping[tuple[int, str], Decimal]) -> list[Tick]:
        """What is due at exchange time `now`. `last`: the price of the last decision by (trader, symbol)."""
        found: list[Tick] = []
        for watch in self._watches:
            at = due_at_or_before(now, watch.every)
            if now >= at + delay(watch.trader_id, watch.symbol, at, self._jitter):
                self._say(found, now, Tick(watch.trader_id, watch.symbol, at))
            here = seen.get(watch.symbol, Seen())
            if watch.before_funding is not None and here.next_funding is not None:
                at = here.next_funding - watch.before_funding
                if at <= now < here.next_funding:
                    why = {"next_funding": here.next_funding}
                    self._say(found, now, Tick(watch.trader_id, watch.symbol, at, "funding", why))
            before = last.get((watch.trader_id, watch.symbol))
            if watch.move is not None and here.price is not None and before is not None and before > 0:
                move = here.price / before - 1
                if abs(move) >= watch.move:
                    moved: dict[str, str] = {"from": str(before), "to": str(here.price), "move": format(move, ".5f")}
                    at = due_at_or_before(now, _MINUTE)
                    self._say(found, now, Tick(watch.trader_id, watch.symbol, at, "price_move", moved))
        return found

    def started(self, tick: Tick) -> None:
        """It is claimed or waits in a queue: not to be said again."""
        self._started[tick.trader_id, tick.symbol, tick.kind] = tick.due

    def _say(self, found: list[Tick], now: int, tick: Tick) -> None:
        key = (tick.trader_id, tick.symbol, tick.kind)
        if self._started.get(key, -1) < tick.due and lateness(tick.due, now, self._late_after) is None:
            found.append(tick)


def delay(trader_id: int, symbol: str, due: int, most: int) -> int:
    """0..most ms by which a scheduled decision starts later, so that not all start at once; the same everywhere."""
    if most <= 0:
        return 0
    digest = hashlib.sha256(f"{trader_id} {symbol} {due}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (most + 1)


def lateness(due: int, now: int, late_after: int) -> str | None:
    """Why a tick is no longer to be taken, or None while it is in time."""
    late = now - due
    return None if late <= late_after else f"late by {late / 1000:.0f} s, more than {late_after / 1000:.0f} s"
