"""What the venue closed right before a run ends is booked by that run, not by whoever comes next."""

import asyncio
from pathlib import Path
from typing import Any

from orchestrator.clock import SystemClock
from orchestrator.desk import open_desk
from orchestrator.schedule.loop import Plan, run
from orchestrator.settings import load
from tests.e2e.house import SOL, assert_flat, house


async def test_a_bracket_that_fired_last_is_booked(tmp_path: Path) -> None:
    def no_model() -> Any:
        raise AssertionError("the rules ask no model")

    lines: list[str] = []
    stop, heard = asyncio.Event(), asyncio.Event()

    def say(line: str) -> None:
        lines.append(line)
        heard.set()

    plan = Plan(symbols=(SOL,), every=3_600_000, length=None, policy="rules")
    async with house(tmp_path) as place:
        assert (await place.decide()).chosen.execution["status"] == "open"
        async with open_desk(load(place.environment), SystemClock(), "paper") as desk:
            going = asyncio.create_task(run(desk, plan, no_model, say, stop))
            await asyncio.wait_for(heard.wait(), 60)
            async with desk.hands:  # nobody looks in between
                await place.control("price", {"symbol": "SOLUSDT", "price": "180"})
                stop.set()
            await asyncio.wait_for(going, 30)
            assert list(desk.store.pairs.open_pairs()) == []
        assert_flat(await place.state())
    assert any("ended: bracket" in line for line in lines), lines
