"""Preflight: every obstacle is found before anything is sent, with its remedy; settings change only on request."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.codes import PreflightCode as P
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.preflight import apply_settings, check
from orchestrator.execution.saga import carry_out
from orchestrator.execution.venue import OrderReport
from tests.fake_venue import FakeVenue, memory_store, plan_for
from tests.open_pairs import open_pair
from traders.contract.verdict import ExecutionPlan

D = Decimal
LIMITS = ExecutionLimits()


async def codes(venue: FakeVenue, plan: ExecutionPlan | None = None, **named: Any) -> list[P]:
    report = await check(plan or plan_for(), venue, venue.clock, LIMITS, **named)
    assert all(problem.message and problem.remedy for problem in report.problems)
    assert venue.accepted == []
    return [problem.code for problem in report.problems]


async def test_a_fitting_account_has_no_problem() -> None:
    assert await codes(FakeVenue()) == []


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"mode": "one_way"}, P.POSITION_MODE),
        ({"margin_mode": "cross"}, P.MARGIN_MODE),
        ({"leverage": 20}, P.LEVERAGE),
        ({"held": {"long": (D(1), D(119))}}, P.FOREIGN_POSITION),
        ({"available": D("15012.9")}, P.MARGIN),
    ],
)
async def test_the_account(account: dict[str, Any], code: P) -> None:
    venue = FakeVenue(**account)
    assert await codes(venue) == [code]
    result = await carry_out(plan_for(), venue, memory_store(), venue.clock, LIMITS)
    assert (result.status, venue.accepted) == ("none", [])
    assert result.reason


async def test_the_margin_of_both_legs_and_their_fees_is_enough_when_it_is() -> None:
    # 312 x (120.12 + 120.00) = 74,917.44; / 5 + x 0.0005 = 15,020.94672
    assert await codes(FakeVenue(available=D("15020.95"))) == []
    assert await codes(FakeVenue(available=D("15020.94"))) == [P.MARGIN]


async def test_orders_of_others_on_the_symbol() -> None:
    venue = FakeVenue()
    venue.conditionals["web_1"] = OrderReport(
        client_order_id="web_1", exchange_order_id="1", symbol="SOL/USDT:USDT", side="sell", position_side="long",
        status="new", quantity=D(0), filled=D(0), trigger_price=D(100),
    )  # fmt: skip
    assert await codes(venue) == [P.FOREIGN_ORDER]


def legs(**change: Any) -> ExecutionPlan:
    plan = plan_for()
    return plan.model_copy(update={"legs": (plan.legs[0].model_copy(update=change), plan.legs[1])})


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (legs(quantity=D("312.5")), [P.QUANTITY_STEP]),
        (legs(quantity=D(1)), [P.HALF_TOO_SMALL]),
        (legs(quantity=D(0)), [P.QUANTITY_STEP, P.QUANTITY_MIN, P.NOTIONAL_MIN, P.HALF_TOO_SMALL]),
        (legs(quantity=D(2_000_000)), [P.QUANTITY_MAX, P.LEVERAGE_TIER, P.MARGIN]),
        (legs(limit_price=D("120.125")), [P.PRICE_TICK]),
        (legs(side="short"), [P.PLAN_UNSUPPORTED]),
        (legs(symbol="AVAX/USDT:USDT"), [P.PLAN_UNSUPPORTED]),
        (legs(venue="bybit"), [P.PLAN_UNSUPPORTED]),
        (plan_for().model_copy(update={"legs": plan_for().legs[:1]}), []),
        (plan_for().model_copy(update={"legs": ()}), [P.PLAN_UNSUPPORTED]),
        (plan_for().model_copy(update={"leverage": 60}), [P.LEVERAGE, P.LEVERAGE_TIER, P.LEVERAGE_TIER]),
    ],
)
async def test_the_plan(plan: ExecutionPlan, expected: list[P]) -> None:
    assert await codes(FakeVenue(), plan) == expected


async def test_the_half_must_be_tradable_too() -> None:
    assert await codes(FakeVenue(step=D(200)), plan_for(quantity=D(200))) == [P.HALF_TOO_SMALL] * 2
    assert await codes(FakeVenue(step=D(100)), plan_for(quantity=D(200))) == []


async def test_age_and_clock() -> None:
    venue = FakeVenue()
    venue.clock.ms = 30_001
    assert await codes(venue) == [P.PLAN_EXPIRED]

    class Skewed(FakeVenue):
        async def server_time(self) -> int:
            return await super().server_time() + 1001

    assert await codes(Skewed()) == [P.CLOCK_SKEW]
    own = ExecutionLimits(clock_skew_max_ms=None)
    skewed = Skewed()
    assert (await check(plan_for(), skewed, skewed.clock, own)).problems == ()


async def test_a_standing_pair_must_be_as_expected() -> None:
    venue = FakeVenue(held={"long": (D(312), D(120)), "short": (D(156), D(120))})
    plan = legs(quantity=D(156), side="short")
    plan = plan.model_copy(update={"legs": plan.legs[:1]})
    assert await codes(venue, plan, pair=open_pair(short=D(156))) == []
    assert await codes(venue, plan, pair=open_pair()) == [P.FOREIGN_POSITION]


async def test_settings_are_applied_and_read_back() -> None:
    venue = FakeVenue(mode="one_way", margin_mode="cross", leverage=20)
    assert await apply_settings(plan_for(), venue) == ()
    assert (venue.mode, venue.margin_mode, venue.leverage) == ("hedge", "isolated", 5)


@pytest.mark.parametrize("change", [{"venue": "bybit"}, {"symbol": "AVAX/USDT:USDT"}])
async def test_nothing_is_set_for_legs_that_no_bracket_protects_together(change: dict[str, Any]) -> None:
    venue = FakeVenue(leverage=20)
    (problem,) = await apply_settings(legs(**change), venue)
    assert problem.code is P.PLAN_UNSUPPORTED
    assert "together" in problem.message
    assert await codes(venue) == [P.LEVERAGE], "as it was before"


async def test_nothing_is_set_that_fits_or_while_something_is_open() -> None:
    calls: list[str] = []

    class Counting(FakeVenue):
        async def set_leverage(self, symbol: str, leverage: int) -> None:
            calls.append("leverage")
            await super().set_leverage(symbol, leverage)

    assert await apply_settings(plan_for(), Counting()) == ()
    busy = Counting(leverage=20, held={"short": (D(1), D(119))})
    (problem,) = await apply_settings(plan_for(), busy)
    assert problem.code is P.FOREIGN_POSITION
    assert calls == []
    assert await apply_settings(plan_for(), Counting(leverage=20)) == ()
    assert calls == ["leverage"]


async def test_a_setting_that_does_not_stick_is_told() -> None:
    class Stubborn(FakeVenue):
        async def set_leverage(self, symbol: str, leverage: int) -> None:
            """Accepted, and ignored."""

    (problem,) = await apply_settings(plan_for(), Stubborn(leverage=20))
    assert problem.code is P.LEVERAGE
    assert "reads 20x after it was set to 5x" in problem.message
