"""The exchange's time: read after the drift is known, so never before the time the exchange told."""

import asyncio

from data_fetchers.source import ExchangeTime, measure_drift
from tests.fetchers_venue import NOW, ManualClock
from tests.unit.test_fetchers_retry import calls_of

HOUR = NOW - NOW % 3_600_000


class OnTheHour:
    """Says that it is exactly the hour; its answer takes 40 ms there and 40 ms back."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock

    async def fetch_time(self) -> int:
        self.clock.now += 80
        return HOUR


async def test_who_asks_before_the_answer_is_not_told_a_time_before_it() -> None:
    clock = ManualClock(NOW + 123)
    drift: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    time = ExchangeTime(clock, drift)
    early = asyncio.ensure_future(time.now())
    await asyncio.sleep(0)
    drift.set_result(await measure_drift(OnTheHour(clock), calls_of(clock), clock))
    assert await early == HOUR + 40
    assert await time.now() == HOUR + 40
