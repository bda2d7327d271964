"""The account's own limits: sums over all traders, what is being opened included."""

from decimal import Decimal

import pytest

from orchestrator.account_guard import AccountLimits, Exposure, beyond, exposure
from orchestrator.errors import HostError
from orchestrator.execution.goal import Goal
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.saga import carry_out
from orchestrator.settings import load
from tests.fake_venue import SOL, FakeVenue, memory_store, plan_for
from tests.unit.test_execution_one_leg import standing

D = Decimal
LIMITS = AccountLimits(margin_max=D("0.7"), gross_max=D(5), symbol_max=D("2.5"))
PLAN = plan_for()


def opening(pair_id: str) -> Goal:
    return Goal(goal="open", pair_id=pair_id, decision_id=pair_id, symbol=SOL, targets={}, plan=PLAN)


def test_sums_are_of_what_stands_and_of_what_is_being_opened() -> None:
    alone = exposure([standing("long")], [])
    # 312 x 120
    assert alone == Exposure(D(7500), D(37_440), {SOL: D(37_440)})
    two = exposure([standing("long")], [opening("another")])
    planned = sum((leg.quantity * leg.limit_price for leg in PLAN.legs), D(0))
    assert two.margin == D(7500) + PLAN.pair_margin
    assert two.gross == two.by_symbol[SOL] == D(37_440) + planned
    # an opening that stands already, its goal not yet settled, counts once
    assert exposure([standing("long")], [opening(standing("long").pair_id)]) == alone
    assert exposure([], []) == Exposure(D(0), D(0), {})


@pytest.mark.parametrize(
    ("held", "key"),
    [
        (Exposure(D(70_000), D(500_000), {"A": D(250_000), "B": D(250_000)}), None),
        (Exposure(D("70000.01"), D(0), {}), "account_margin_max"),
        (Exposure(D(0), D("500000.01"), {"A": D(250_000), "B": D(250_000), "C": D("0.01")}), "account_gross_max"),
        (Exposure(D(0), D("250000.01"), {"A": D("250000.01")}), "account_symbol_max"),
    ],
)
def test_exactly_at_a_limit_passes_and_a_cent_more_does_not(held: Exposure, key: str | None) -> None:
    said = beyond(LIMITS, held, D(100_000))
    assert said is None if key is None else key in str(said)


@pytest.mark.parametrize("equity", [D(0), D(-1)])
def test_without_equity_nothing_is_opened(equity: Decimal) -> None:
    assert "nothing can be opened" in str(beyond(LIMITS, Exposure(D(0), D(0), {}), equity))


async def test_no_room_means_no_order_and_a_settled_goal() -> None:
    venue, store = FakeVenue(), memory_store()
    seen: list[int] = []

    def no_room() -> str:
        seen.append(len(store.orders.unresolved()))
        return "the account is full"

    result = await carry_out(PLAN, venue, store, venue.clock, ExecutionLimits(), no_room=no_room)
    assert (result.status, result.reason, venue.accepted) == ("none", "the account is full", [])
    assert seen == [1], "it was asked with the goal stored: another process sees it"
    assert store.orders.unresolved() == []


def test_limits_are_settings_with_a_default_and_never_nothing() -> None:
    assert AccountLimits.of(load({})) == LIMITS
    assert AccountLimits.of(load({"VOLGAMMA_ACCOUNT_GROSS_MAX": "3.2"})).gross_max == D("3.2")
    for wrong in ("0", "-1", "none", "nan"):
        with pytest.raises(HostError, match="account_margin_max"):
            load({"VOLGAMMA_ACCOUNT_MARGIN_MAX": wrong})
