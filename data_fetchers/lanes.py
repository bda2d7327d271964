"""Two lanes at one rate limit: what touches the account does not wait behind what is read of the market.

ccxt lets requests pass in the order they came, so that a close would queue behind every order book a decision still
wants, at a second each. Here the account's requests have a small allowance of their own, and where that is used up they
pass first. Reading the market never gets slower by the allowance: a decision has only seconds for it.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_acting: ContextVar[bool] = ContextVar("volgamma_acting", default=False)
_MINUTE_MS = 60_000
Lane = deque[tuple["asyncio.Future[None]", float]]


@contextmanager
def acting() -> Iterator[None]:
    """The requests of this task, and of every task it starts in here, touch the account: they pass first."""
    token = _acting.set(True)
    try:
        yield
    finally:
        _acting.reset(token)


class Lanes:
    """Takes the place of ccxt's throttler: `await lanes(cost)` returns when a request of that weight may leave.

    `bucket` is ccxt's (`refillRate`: weight a millisecond; `capacity`: weight that idling saves up). `own`: the weight
    a minute that the account's requests have besides; `saved`: how much of it is saved up. In any minute at most a
    minute's weight of the bucket, one request more, `own` and `saved` pass.
    """

    def __init__(self, bucket: Mapping[str, Any], own: float = 0.0, saved: float = 0.0) -> None:
        self.config = dict(bucket)
        self.loop: asyncio.AbstractEventLoop | None = None  # set by ccxt, not needed
        self._own_a_minute, self._most_saved = own, saved
        self._own = saved
        self._tokens = 0.0
        self._counted: float | None = None
        self._account: Lane = deque()
        self._market: Lane = deque()
        self._came = asyncio.Event()
        self._passing: asyncio.Task[None] | None = None

    def __call__(self, cost: float | None = None) -> "asyncio.Future[None]":
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        weight = float(self.config["cost"] if cost is None else cost)
        (self._account if _acting.get() else self._market).append((turn, weight))
        self._came.set()
        if self._passing is None or self._passing.done():
            self._passing = asyncio.ensure_future(self._pass())
        return turn

    async def _pass(self) -> None:
        while self._account or self._market:
            lane = self._account or self._market
            turn, weight = lane[0]
            self._refill()
            if turn.done():  # whoever asked has given up: it costs nothing
                lane.popleft()
            elif lane is self._account and self._own >= weight:
                self._own -= weight
                await self._let(lane)
            elif self._tokens >= 0:
                self._tokens -= weight
                await self._let(lane)
            else:
                await self._wait(-self._tokens / float(self.config["refillRate"]))

    async def _let(self, lane: Lane) -> None:
        lane.popleft()[0].set_result(None)
        await asyncio.sleep(0)

    def _refill(self) -> None:
        now = 1000 * asyncio.get_running_loop().time()
        passed = 0.0 if self._counted is None else now - self._counted
        self._counted = now
        gained = passed * float(self.config["refillRate"])
        self._tokens = min(self._tokens + gained, float(self.config["capacity"]))
        self._own = min(self._own + passed * self._own_a_minute / _MINUTE_MS, self._most_saved)

    async def _wait(self, ms: float) -> None:
        """So long, or until another request comes, which may go first."""
        self._came.clear()
        try:
            async with asyncio.timeout(max(ms, 1.0) / 1000):
                await self._came.wait()
        except TimeoutError:
            pass
