"""Event-loop time that stands still while anything is computed and leaps when everybody waits.

What a test says about seconds then holds on any machine, however busy. The servers asked must be on the same loop:
what they send is there at once, so a loop without input has nobody left to wait for but its timers.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")
_IN_FLIGHT_S = 0.002  # real seconds given to what was sent over loopback before time leaps


class _Leaping(selectors.DefaultSelector):
    """Does not wait for a timer: counts its seconds as passed."""

    passed = 0.0
    in_threads = 0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self.in_threads:  # they work in real time
            return super().select(_IN_FLIGHT_S)
        found = super().select(_IN_FLIGHT_S)
        if not found:
            self.passed += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with such a time; it begins at 0."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.passed

    def run_in_executor(self, *args: Any) -> Any:
        self._leaping.in_threads += 1
        done = super().run_in_executor(*args)
        done.add_done_callback(self._left)
        return done

    def _left(self, _: Any) -> None:
        self._leaping.in_threads -= 1


class LoopClock:
    """Implements `orchestrator.clock.Clock` by the running loop's time, under a UTC of the test's choice."""

    def __init__(self, first_ms: int) -> None:
        self._first_ms = first_ms

    def now_ms(self) -> int:
        return self._first_ms + int(self.monotonic_ms())

    def monotonic_ms(self) -> float:
        return 1000 * seconds()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def seconds() -> float:
    """The running loop's time."""
    return asyncio.get_running_loop().time()


def virtual(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Runs an async test (without async fixtures) on a virtual loop."""

    @functools.wraps(test)
    def run(*args: P.args, **named: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **named))

    return run
