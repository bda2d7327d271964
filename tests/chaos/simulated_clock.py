"""Time passes only when somebody sleeps; what the world has planned for the time slept through happens then."""

from collections.abc import Callable
from heapq import heappop, heappush

from orchestrator.paper_exchange.synthetic import START


class SimulatedClock:
    """Implements `orchestrator.clock.Clock`. Plans run in the order of their times, then of their making."""

    def __init__(self, start: int = START) -> None:
        self._start, self._ms, self._made = start, 0.0, 0
        self._plans: list[tuple[float, int, Callable[[], None]]] = []

    def now_ms(self) -> int:
        return self._start + int(self._ms)

    def monotonic_ms(self) -> float:
        return self._ms

    async def sleep(self, seconds: float) -> None:
        self.pass_ms(seconds * 1000)

    def plan(self, in_ms: float, act: Callable[[], None]) -> None:
        """Have something happen later."""
        self._made += 1
        heappush(self._plans, (self._ms + in_ms, self._made, act))

    def pass_ms(self, ms: float) -> None:
        """Let time go by."""
        end = self._ms + ms
        while self._plans and self._plans[0][0] <= end:
            at, _, act = heappop(self._plans)
            self._ms = max(self._ms, at)
            act()
        self._ms = max(self._ms, end)


class SkewedClock:
    """The computer's own clock beside the world's: off by `skew_ms`, and set now and then. Intervals stay true."""

    def __init__(self, world: SimulatedClock, skew_ms: int = 0) -> None:
        self._world, self.skew_ms = world, skew_ms

    def now_ms(self) -> int:
        return self._world.now_ms() + self.skew_ms

    def monotonic_ms(self) -> float:
        return self._world.monotonic_ms()

    async def sleep(self, seconds: float) -> None:
        await self._world.sleep(seconds)
