"""A run that is disturbed: its venue falls silent, it is stopped in the middle of a decision, its switch is thrown."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from db.state_repository import StateRepository
from orchestrator import kill_switch
from orchestrator.alerts.events import Kind
from orchestrator.alerts.sender import Sender
from orchestrator.alerts.watch import Watch
from orchestrator.clock import SystemClock
from orchestrator.desk import Desk, open_desk
from orchestrator.schedule.ending import DROPPED
from orchestrator.schedule.loop import Plan, Tally, run
from orchestrator.schedule.silence import SILENT
from tests.e2e.house import AVAX, SOL, House, assert_flat, assert_pair, house

TIME = {"match": {"path": "/fapi/v1/time"}, "do": "status", "status": 503}
HOUR = 3_600_000


class Lines:
    """What a run said."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def __call__(self, line: str) -> None:
        self.all.append(line)

    async def until(self, words: str, times: int = 1, seconds: float = 40) -> str:
        for _ in range(int(seconds * 20)):
            found = [line for line in self.all if words in line]
            if len(found) >= times:
                return found[times - 1]
            await asyncio.sleep(0.05)
        raise AssertionError(f"{words!r} was not said: {self.all}")


class HangingModel:
    """A model that never answers; `asked` once it is."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Any]:
        self.asked.set()
        await asyncio.Event().wait()
        yield


def no_model() -> Any:
    raise AssertionError("the rules ask no model")


@asynccontextmanager
async def running(
    place: House, plan: Plan, model: Any = no_model
) -> AsyncIterator[tuple[Desk, Lines, asyncio.Event, "asyncio.Task[Tally]"]]:
    lines, stop = Lines(), asyncio.Event()
    async with open_desk(place.settings, SystemClock(), "paper") as desk:
        going = asyncio.create_task(run(desk, plan, model, lines, stop))
        try:
            yield desk, lines, stop, going
        finally:
            stop.set()
            await asyncio.wait_for(going, 60)


async def test_a_silent_venue_is_waited_for_told_once_and_the_run_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.decide()
        plan = Plan((SOL,), HOUR, None, "rules")
        async with running(place, plan) as (desk, lines, _, going):
            watch = Watch(place.settings, SystemClock(), Sender(()), None, "here")
            told: list[Any] = []
            watch.book.ask = lambda database, events, now: told.extend(events) or []  # type: ignore[method-assign]
            taken_up = await lines.until("takes up")
            assert re.fullmatch(
                r"\d\d:\d\d:\d\d takes up SOL/USDT:USDT: long \S+, short \S+; protected \(\S+\)", taken_up
            )
            await place.faults(TIME)
            await lines.until("the run waits for it")
            watch.look(desk.store.database)
            assert [event.key for event in told if event.kind is Kind.EXCHANGE_SILENT] == ["away:paper"]
            await asyncio.sleep(3)
            assert not going.done()
            await place.faults()
            back = await lines.until("answers again after")
            assert re.match(r"\d\d:\d\d:\d\d paper answers again after \d+ s; the run goes on", back)
            told.clear()
            watch.look(desk.store.database)
            assert "over:away:paper" in [event.key for event in told]
            stored = StateRepository(desk.store.database).get(SILENT, "paper")
            assert stored is not None and stored.value is None
            # and it keeps: a price beyond the bracket closes the pair, and that is booked
            await place.control("price", {"symbol": "SOLUSDT", "price": "180"})
            await lines.until("ended: bracket")
        assert len([line for line in lines.all if "the run waits for it" in line]) == 1, lines.all
        assert_flat(await place.state())


async def test_a_silent_venue_does_not_outlast_the_time_of_the_run(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.decide()
        async with running(place, Plan((SOL,), HOUR, 6_000, "rules")) as (_, lines, _, going):
            await lines.until("takes up")
            await place.faults(TIME)
            await asyncio.wait_for(going, 20)
        await place.faults()
        assert_pair(await place.state())


async def test_a_decision_that_has_sent_nothing_is_dropped_when_the_run_is_stopped(tmp_path: Path) -> None:
    model = HangingModel()
    async with house(tmp_path) as place:
        async with running(place, Plan((SOL, AVAX), HOUR, None, "llm"), model) as (desk, lines, stop, going):
            await asyncio.wait_for(model.asked.wait(), 60)
            stop.set()
            tally = await asyncio.wait_for(going, 10)
            assert (tally.decisions, tally.skipped) == (0, 1), lines.all
            (entry,) = desk.store.journal.entries()
            assert (entry.status, entry.error) == ("skipped", DROPPED)
        assert any(DROPPED in line for line in lines.all)


async def test_the_time_of_a_run_is_kept_though_a_decision_is_under_way(tmp_path: Path) -> None:
    model = HangingModel()
    async with house(tmp_path) as place:
        async with running(place, Plan((SOL,), HOUR, 8_000, "llm"), model) as (_, lines, _, going):
            await asyncio.wait_for(model.asked.wait(), 60)
            await asyncio.wait_for(going, 15)
        assert any(DROPPED in line for line in lines.all)


async def test_a_run_that_only_keeps_decides_nothing_and_closes_when_asked(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.decide()
        async with running(place, Plan((SOL, AVAX), 1_000, None, "rules", keep_only=True)) as (desk, lines, _, _):
            await lines.until("takes up")
            await asyncio.sleep(3)
            assert len(desk.store.journal.entries()) == 1, "the one that opened the pair"
            kill_switch.kill(place.settings, "tester", "out", 1, flatten=True)
            await lines.until("kill switch on (tester: out): every pair is closed")
            await lines.until("ended: kill")
            kill_switch.resume(place.settings, "tester", "again", 2)
            await lines.until("kill switch released (tester: again)")
        assert_flat(await place.state())
        assert len([line for line in lines.all if "kill switch" in line]) == 2, lines.all
        assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines.all), lines.all
