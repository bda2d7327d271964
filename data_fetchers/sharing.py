"""One request for all that ask the same within a tick: several traders look at one market at one moment.

Only questions without a signature are shared, only inside a collection (never a fresh price before a verdict), and an
answer for at most `KEPT_S`. Whoever asked first may give up: the request goes on for the others.
"""

import asyncio
import copy
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

#: Seconds. The guard judges the age of books and prices by a quote of its own; bars and funding change far slower.
KEPT_S = 5.0
#: Venue, address, and the how many-eth time it is asked in one collection: three books a second apart are three.
Question = tuple[str, str, int]


class Monotonic(Protocol):
    """The part of a clock that is needed here."""

    def monotonic_ms(self) -> float: ...


class SharedRequests:
    """The answers of the last seconds, and the questions under way, of one process."""

    def __init__(self) -> None:
        self._asked: dict[Question, tuple[float, asyncio.Future[Any]]] = {}
        #: Questions that were answered without a request of their own.
        self.spared = 0

    @contextmanager
    def inside(self, clock: Monotonic) -> Iterator[None]:
        """Share the requests of this task and of every task it starts in here."""
        token = _current.set(_Inside(self, clock, Counter()))
        try:
            yield
        finally:
            _current.reset(token)

    async def answer(self, question: Question, ask: Callable[[], Awaitable[Any]], clock: Monotonic) -> Any:
        """The answer, asked for once. An error is everybody's who waited for it, and nobody's after."""
        now = clock.monotonic_ms()
        for old in [key for key, (at, _) in self._asked.items() if now - at > 1000 * KEPT_S]:
            del self._asked[old]
        if question in self._asked:
            asked = self._asked[question][1]
            answer = copy.deepcopy(await asyncio.shield(asked))
            self.spared += 1
            return answer
        asked = asyncio.ensure_future(ask())
        self._asked[question] = (now, asked)
        asked.add_done_callback(lambda done: self._forget(question, done))
        return copy.deepcopy(await asyncio.shield(asked))

    def _forget(self, question: Question, done: "asyncio.Future[Any]") -> None:
        """A failure is asked for again; looked at here, for everybody who waited may have gone."""
        if (done.cancelled() or done.exception() is not None) and self._asked.get(question, (0, None))[1] is done:
            del self._asked[question]


@dataclass(frozen=True)
class _Inside:
    """One collection: what it shares with, and how often it asked what."""

    requests: SharedRequests
    clock: Monotonic
    times: Counter[tuple[str, str]]


_current: ContextVar[_Inside | None] = ContextVar("volgamma_shared_requests", default=None)


async def shared(venue: str, url: str, method: str, headers: Any, body: Any, ask: Callable[[], Awaitable[Any]]) -> Any:
    """`ask()`, or what somebody else was just told to the very same question."""
    inside = _current.get()
    signed = body is not None or "signature" in url.lower() or bool(headers)
    if inside is None or method != "GET" or signed:
        return await ask()
    inside.times[venue, url] += 1
    return await inside.requests.answer((venue, url, inside.times[venue, url]), ask, inside.clock)
