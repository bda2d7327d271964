"""A plan of one leg: opened, protected by its own stop, closed; whatever the venue does on the way."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.close_pair import close_pair
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.recover import recover
from orchestrator.execution.saga import carry_out
from orchestrator.execution.store import ExecutionStore
from tests.fake_venue import SOL, Crash, CrashPoint, FakeVenue, Fault, memory_store, plan_for
from tests.guard_scenario import PLAN
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair, PairLeg
from traders.contract.verdict import ExecutionPlan

D = Decimal
LIMITS = ExecutionLimits()
WHOLE = D(312)
#: What rests for a side: (side that is sold or bought, price).
RESTING: dict[Side, set[tuple[str, Decimal]]] = {
    "long": {("sell", D(126)), ("sell", D(114))},
    "short": {("buy", D(126)), ("buy", D(114))},
}


def one_leg(side: Side) -> ExecutionPlan:
    plan = plan_for()
    return plan.model_copy(update={"legs": tuple(leg for leg in plan.legs if leg.side == side)})


def standing(side: Side, quantity: Decimal = WHOLE) -> OpenPair:
    plan = one_leg(side)
    leg = PairLeg(
        leg_id=plan.legs[0].leg_id, venue="paper", symbol=SOL, side=side, quantity=quantity, entry_price=D(120)
    )
    return OpenPair(
        pair_id=plan.decision_id, decision_id=plan.decision_id, kind="directional", symbol=SOL, opened_at=1,
        entry_price=D(120), legs=(leg,), pair_margin=D(7500), leverage=5, plan=PLAN, net_delta=D(1), cycle_pnl=D(0),
    )  # fmt: skip


def assert_stands(venue: FakeVenue, side: Side, quantity: Decimal = WHOLE) -> None:
    assert {held: venue.quantity(held) for held in ("long", "short")} == {
        "long": quantity if side == "long" else 0,
        "short": quantity if side == "short" else 0,
    }
    assert {(order.side, order.trigger_price) for order in venue.resting()} == RESTING[side]
    assert {order.position_side for order in venue.resting()} == {side}
    assert len(venue.resting()) == 2


async def opened(side: Side, venue: FakeVenue, store: ExecutionStore, **named: Any) -> Any:
    return await carry_out(one_leg(side), venue, store, venue.clock, LIMITS, **named)


@pytest.mark.parametrize("side", ["long", "short"])
async def test_opened_protected_and_closed(side: Side) -> None:
    venue, store = FakeVenue(), memory_store()
    result = await opened(side, venue, store)
    assert (result.status, result.protected, [leg.side for leg in result.legs]) == ("open", True, [side])
    assert result.net_delta == (1 if side == "long" else -1)
    assert_stands(venue, side)
    done = await close_pair(standing(side), D(1), venue, store, venue.clock, LIMITS)
    assert (done.status, venue.held, venue.resting()) == ("closed", {}, [])
    assert store.orders.unresolved() == []


async def test_half_of_it_is_closed_and_the_rest_stays_protected() -> None:
    venue, store = FakeVenue(), memory_store()
    await opened("long", venue, store)
    done = await close_pair(standing("long"), D("0.5"), venue, store, venue.clock, LIMITS, reason="reduce")
    assert (done.status, done.protected) == ("open", True)
    assert_stands(venue, "long", D(156))


@pytest.mark.parametrize("leg", ["D-long", "U-long"])
async def test_a_position_that_cannot_be_protected_is_not_kept(leg: str) -> None:
    nth = 1 if leg == "D-long" else 2
    venue, store = FakeVenue(faults=[Fault("place_conditional", "reject", first=nth, last=nth)]), memory_store()
    result = await opened("long", venue, store)
    assert (result.status, venue.held, venue.resting()) == ("unwound", {}, [])


@pytest.mark.parametrize("side", ["long", "short"])
async def test_recovery_leaves_it_as_it_was_permitted(side: Side) -> None:
    """All of it is net delta: that is no reason to close it."""
    venue, store = FakeVenue(), memory_store()
    await opened(side, venue, store)
    [item] = await recover(venue, store, venue.clock, LIMITS, pairs=[standing(side)])
    assert (item.outcome, item.text.split(": ")[1]) == ("protected", "one leg, as planned, protected")
    assert_stands(venue, side)


async def test_recovery_mends_its_stop() -> None:
    venue, store = FakeVenue(), memory_store()
    await opened("long", venue, store)
    venue.conditionals.pop(next(iter(venue.conditionals)))
    await recover(venue, store, venue.clock, LIMITS, pairs=[standing("long")])
    assert_stands(venue, "long")


async def test_gone_at_the_venue_it_is_flat() -> None:
    venue, store = FakeVenue(), memory_store()
    await opened("long", venue, store)
    venue.held.clear()
    [item] = await recover(venue, store, venue.clock, LIMITS, pairs=[standing("long")])
    assert (item.outcome, venue.resting()) == ("flat", [])


@pytest.mark.parametrize("faults", [[], [Fault("place", "drop_response")], [Fault("place", "partial")]])
async def test_a_crash_at_any_point_ends_protected_or_flat(faults: list[Fault]) -> None:
    ends = set()
    for touch in range(1, 200):
        crash = CrashPoint(at=touch)
        venue, store = FakeVenue(crash=crash, faults=[replace(fault) for fault in faults]), memory_store(crash)
        try:
            await opened("long", venue, store)
            break
        except Crash:
            crash.at = None
        await recover(venue, store, venue.clock, LIMITS, symbols=[SOL])
        assert store.orders.unresolved() == []
        if venue.held:
            assert_stands(venue, "long", venue.quantity("long"))
        else:
            assert venue.resting() == []
        ends.add(bool(venue.held))
    assert ends == {True, False}
    assert touch > 10
