"""A venue whose positions lag behind its fills: what is not shown yet is waited for, and never taken for flat."""

from typing import Any

import pytest

from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.saga import carry_out
from orchestrator.execution.venue import Position
from tests.fake_venue import FakeVenue, memory_store, plan_for


class LateVenue(FakeVenue):
    """Shows a leg only from `shown_at` (ms on the stopwatch) on."""

    def __init__(self, shown_at: float, sides: tuple[str, ...], **named: Any) -> None:
        super().__init__(**named)
        self.shown_at, self.late_sides = shown_at, sides

    async def positions(self, symbols: list[str]) -> list[Position]:
        found = await super().positions(symbols)
        return [p for p in found if self.clock.monotonic_ms() >= self.shown_at or p.side not in self.late_sides]


@pytest.mark.parametrize("sides", [("long", "short"), ("short",), ("long",)])
async def test_legs_shown_late_are_waited_for(sides: tuple[str, ...]) -> None:
    venue, store = LateVenue(5000, sides), memory_store()
    result = await carry_out(plan_for(), venue, store, venue.clock, ExecutionLimits())
    assert (result.status, result.protected) == ("open", True)
    assert venue.quantity("long") == venue.quantity("short") == 312
    assert len(venue.resting()) == 4


async def test_legs_that_are_not_shown_in_time_leave_the_outcome_open() -> None:
    venue, store = LateVenue(60_000, ("long", "short")), memory_store()
    result = await carry_out(plan_for(), venue, store, venue.clock, ExecutionLimits())
    assert result.status == "unknown"
    assert "do not show the fills" in (result.reason or "")
    assert store.orders.unresolved() != []
