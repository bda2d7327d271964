"""A kill, or the end of a run, while a decision to enter is under way: permitted by the guard, and yet not sent."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from orchestrator import kill_switch
from orchestrator.claims import Order
from orchestrator.clock import SystemClock
from orchestrator.desk import Desk, open_desk
from orchestrator.execution.obstacles import Problem
from orchestrator.execution.venue import Venue
from orchestrator.journey import decide
from orchestrator.model_choice import open_model
from orchestrator.paper_exchange.server import ExchangeConfig, start
from orchestrator.settings import load
from traders.contract.verdict import ExecutionPlan


class StoppedInPreflight:
    """A venue; somebody stops the desk while the last reading before the orders is under way."""

    def __init__(self, desk: Desk, how: Literal["kill", "stop", "nothing"]) -> None:
        self._desk, self._how = desk, how
        self.read = False

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        self.read = True
        if self._how == "kill":
            kill_switch.kill(self._desk.settings, "tester", "just now", 1, flatten=False)
        if self._how == "stop":
            self._desk.stopping.set()
        return await self._desk.venue.obstacles(plan)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk.venue, name)


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("kill", "none", "kill switch was thrown (tester: just now)"),
        ("stop", "none", "stopped"),
        ("nothing", "open", ""),
    ],
)
async def test_stopped_between_the_verdict_and_the_first_order(
    tmp_path: Path, how: Literal["kill", "stop", "nothing"], status: str, says: str
) -> None:
    running = await start(ExchangeConfig(frozen=True))
    try:
        settings = load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_PAPER_URL": running.url})
        async with open_desk(settings, SystemClock(), "paper") as desk:
            venue = StoppedInPreflight(desk, how)
            watched = replace(desk, venue=cast("Venue", venue))
            order = Order(symbol="SOL", policy="rules", suffix="test")
            report = await decide(watched, order, lambda: open_model(settings, desk.clock))
            assert venue.read
            assert report.chosen.verdict.outcome != "refused", "the guard had permitted it"
            assert report.chosen.execution["status"] == status
            assert says in str(report.chosen.execution["reason"])
            assert bool(await desk.venue.positions(["SOL/USDT:USDT"])) is (status == "open")
            assert not desk.store.orders.unresolved()
    finally:
        await running.stop()
