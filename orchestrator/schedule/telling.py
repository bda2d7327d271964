"""What a run says: each line with the exchange's time, the pairs it takes up, and the kill switch when it changes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from orchestrator import kill_switch
from orchestrator.desk import Desk
from traders.contract.portfolio import OpenPair

#: Who threw a switch by a signal: that process has said so itself.
SIGNALLED = "signal"


class Telling:
    """Says lines for people, each with the exchange's time in UTC once that is known."""

    def __init__(self, desk: Desk, say: Callable[[str], None]) -> None:
        self._desk = desk
        self._say = say
        self._seen: tuple[int, float] | None = None
        self._killed: bool | None = None

    def at(self, now: int) -> None:
        """The exchange's time was read, UTC ms."""
        self._seen = now, self._desk.clock.monotonic_ms()

    @property
    def clock(self) -> str | None:
        """HH:MM:SS; None: it was never read."""
        if self._seen is None:
            return None
        now, then = self._seen
        if not self._desk.own_clock:  # an exchange with a time of its own may be frozen, or fast
            now += int(self._desk.clock.monotonic_ms() - then)
        return f"{datetime.fromtimestamp(now / 1000, UTC):%H:%M:%S}"

    def __call__(self, line: str) -> None:
        clock = self.clock
        self._say(line if clock is None else f"{clock} {line}")

    def pairs(self, pairs: Sequence[OpenPair]) -> None:
        """The open pairs that a run takes up."""
        for pair in pairs:
            self(f"takes up {pair_text(pair)}")

    def switch(self) -> bool:
        """Whether everything is to be closed by the kill switch, which is read; a change of it is said."""
        switch = kill_switch.read(self._desk.store.database, self._desk.settings.data_dir)
        flatten = switch.killed and switch.flatten
        if switch.killed and not self._killed and (self._killed is None or switch.who != SIGNALLED):
            then = "every pair is closed" if flatten else "nothing is opened, pairs are kept"
            self(f"kill switch on ({switch.who}: {switch.why}): {then}")
        elif self._killed and not switch.killed:
            self(f"kill switch released ({switch.who}: {switch.why}): decisions may open again")
        self._killed = switch.killed
        return flatten


def pair_text(pair: OpenPair) -> str:
    """Symbol, sides with quantities, and whether its bracket rests."""
    legs = ", ".join(f"{leg.side} {leg.quantity}" for leg in pair.legs)
    kept = "protected" if pair.protected else "NOT protected: its bracket is placed first"
    return f"{pair.symbol}: {legs}; {kept} ({pair.pair_id})"
