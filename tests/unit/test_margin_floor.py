"""The margin below which a pair that was filled in part is not kept (domain.md sections 4 and 10)."""

from decimal import Decimal

import pytest

from orchestrator.hands import margin_floor
from tests.guard_scenario import permitted

D = Decimal


@pytest.mark.parametrize(
    ("equity", "floor"),
    [
        (D(100_000), D(3_000)),  # 0.15 / 5 of the equity
        (D(50_000), D(1_500)),
        (D(1_000_000), None),  # the plan as a whole comes to less: filled as permitted, it is kept
    ],
)
def test_the_floor_is_that_of_the_leverage_and_never_above_the_plan(equity: Decimal, floor: Decimal | None) -> None:
    scenario = permitted()
    plan = scenario.review().plan
    assert plan is not None and plan.leverage == 5
    whole = sum(leg.quantity for leg in plan.legs) * plan.entry_price / 5
    assert D(19_900) < whole <= D(20_000)
    assert margin_floor(plan, scenario.constraints, equity) == (whole if floor is None else floor)
