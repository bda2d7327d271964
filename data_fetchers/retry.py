"""Asks again what may work a moment later, never longer than allowed, and never a venue that said to stay away.

Only `Transient` errors are repeated (network, time-outs, 5xx, unreadable answers, rate limits). A 418 or 429 closes
the venue's gate: no request of any fetcher leaves until the waiting time is over, not even one that was waiting for its
turn at the rate limit; where that is past the caller's deadline the answer is `Banned`.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from data_fetchers.errors import Banned, FetchError, RateLimited, Transient
from data_fetchers.translate import translate

T = TypeVar("T")


class Clock(Protocol):
    """Injected time: UTC milliseconds, a monotonic stopwatch, and sleep."""

    def now_ms(self) -> int: ...

    def monotonic_ms(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass
class Gate:
    """Whether a venue may be asked, on the monotonic clock."""

    closed_until_ms: float = float("-inf")
    reason: str = ""

    def close(self, until_ms: float, reason: str) -> None:
        """Close until then; a longer closure stands."""
        if until_ms > self.closed_until_ms:
            self.closed_until_ms, self.reason = until_ms, reason


_gates: "WeakKeyDictionary[Any, Gate]" = WeakKeyDictionary()


def gate_of(exchange: Any) -> Gate:
    """The gate every caller of one exchange client shares."""
    return _gates.setdefault(exchange, Gate())


_leaving: ContextVar[Callable[[], Awaitable[bool]] | None] = ContextVar("volgamma_request_leaving", default=None)


async def admit() -> bool:
    """Called by the client as a request is about to leave: waits for, or is refused by, the gate of its `Calls`.

    True when it had to wait. Raises Banned.
    """
    ask = _leaving.get()
    return ask is not None and await ask()


@dataclass(frozen=True)
class Calls:
    """Requests to one venue, all with one deadline (monotonic milliseconds)."""

    venue: str
    gate: Gate
    clock: Clock
    deadline_ms: float
    attempts: int = 4
    first_wait_s: float = 0.2

    async def run(self, request: Callable[[], Awaitable[T]], what: str) -> T:
        """The answer to a request, repeated while that may help.

        Raises FetchError: the last one met when attempts or time ran out. `what` names the request in messages.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Transient),
            wait=self._wait,
            stop=self._stop,
            sleep=self.clock.sleep,
            reraise=True,
        )
        return await retrying(self._once, request, what)

    async def _once(self, request: Callable[[], Awaitable[T]], what: str) -> T:
        await self._pass_gate()
        token = _leaving.set(self._pass_gate)
        try:
            return await request()
        except FetchError:
            raise
        except Exception as error:
            found = translate(error, f"{self.venue} {what}", self.clock.now_ms())
            if isinstance(found, (RateLimited, Banned)):
                self.gate.close(self.clock.monotonic_ms() + 1000 * found.retry_after_s, str(found))
            raise found from error
        finally:
            _leaving.reset(token)

    async def _pass_gate(self) -> bool:
        waited = False
        while (wait_ms := self.gate.closed_until_ms - self.clock.monotonic_ms()) > 0:
            if self.gate.closed_until_ms > self.deadline_ms:
                raise Banned(
                    f"{self.venue} wants no request for another {wait_ms / 1000:.0f} s ({self.gate.reason})",
                    wait_ms / 1000,
                )
            await self.clock.sleep(wait_ms / 1000)
            waited = True
        return waited

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited):
            return 0.0  # the gate makes it wait, and everybody else with it
        return wait_exponential(multiplier=self.first_wait_s, max=4.0)(state)

    def _stop(self, state: RetryCallState) -> bool:
        after = self.clock.monotonic_ms() + 1000 * state.upcoming_sleep
        return state.attempt_number >= self.attempts or after >= self.deadline_ms
