"""SIGINT and SIGTERM: the first one ends a run orderly, a person's second Ctrl-C at once.

A supervisor sends SIGTERM, some to the process and to its group, some a second time while they wait: SIGTERM is always
the orderly end. A wrapper may pass on a Ctrl-C that the terminal sends as well: what follows at once is the same one.
"""

import asyncio
import signal
from collections.abc import Callable

from orchestrator.clock import Clock

#: ms; nobody has read the first answer and presses again within it.
SAME_MS = 1_000
ENDING = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Sets `stop`; `word` is said at the first signal. For the length of a block."""

    def __init__(self, stop: asyncio.Event, clock: Clock, say: Callable[[str], None], word: str) -> None:
        self._stop = stop
        self._clock = clock
        self._say = say
        self._word = word
        self._first: float | None = None

    def __enter__(self) -> "StopSignals":
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self.heard, number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.remove_signal_handler(number)

    def heard(self, number: signal.Signals) -> None:
        """A signal came. Raises KeyboardInterrupt for a person's second one."""
        now = self._clock.monotonic_ms()
        if self._first is None:
            self._first = now
            self._say(f"stopping: {self._word} (Ctrl-C once more: now)")
            self._stop.set()
        elif number is signal.SIGINT and now - self._first >= SAME_MS:
            raise KeyboardInterrupt
