"""Time is injected. The host's own clock is used for nothing but timings and the drift to the exchange's clock."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """UTC milliseconds, a monotonic stopwatch, and sleep."""

    def now_ms(self) -> int: ...

    def monotonic_ms(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        return time.monotonic_ns() / 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
