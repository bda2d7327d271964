"""Reducing, exiting, half-closing and moving the bracket against a venue that misbehaves."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.close_pair import close_leg, close_pair, move_bracket
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.saga import carry_out
from orchestrator.execution.store import ExecutionStore
from tests.fake_venue import FakeVenue, Fault, memory_store, plan_for
from tests.open_pairs import open_pair
from traders.contract.verdict import Bracket

D = Decimal
LIMITS = ExecutionLimits()


async def opened(**named: Any) -> tuple[FakeVenue, ExecutionStore]:
    venue, store = FakeVenue(**named), memory_store()
    assert (await carry_out(plan_for(), venue, store, venue.clock, LIMITS)).status == "open"
    return venue, store


async def close(venue: FakeVenue, store: ExecutionStore, fraction: str) -> ExecutionResult:
    return await close_pair(open_pair(), D(fraction), venue, store, venue.clock, LIMITS)


def held(venue: FakeVenue) -> tuple[Decimal, Decimal]:
    return venue.quantity("long"), venue.quantity("short")


async def test_an_exit_closes_both_legs_and_removes_the_bracket_last() -> None:
    venue, store = await opened()
    result = await close(venue, store, "1")
    assert (result.status, result.net_delta, held(venue), venue.resting()) == ("closed", 0, (0, 0), [])
    assert [(o.kind, o.leg_id, o.filled) for o in result.orders] == [
        ("close", "close-long", 312),
        ("close", "close-short", 312),
    ]
    assert all(line.fee == 312 * line.average * D("0.0005") for line in result.orders if line.average)
    assert store.orders.unresolved() == []


async def test_a_reduction_takes_the_same_from_both_and_keeps_the_bracket() -> None:
    venue, store = await opened()
    bracket = {order.client_order_id for order in venue.resting()}
    result = await close(venue, store, "0.3")
    assert (result.status, result.protected, held(venue)) == ("open", True, (219, 219))  # 312 x 0.3 = 93.6: 93 lots
    assert {order.client_order_id for order in venue.resting()} == bracket


async def test_a_reduction_of_unequal_legs_does_not_raise_the_net_delta() -> None:
    venue, store = await opened()
    await close_leg(open_pair(), "short", D(156), venue, store, venue.clock, LIMITS, reason="band 1")
    result = await close(venue, store, "0.5")
    assert held(venue) == (156, 78)
    assert result.net_delta is not None
    assert result.net_delta <= D("0.35")


async def test_what_would_be_left_below_the_minima_is_closed_too() -> None:
    venue, store = await opened()
    assert (await close(venue, store, "0.999")).status == "open"
    venue.mark = D("2")
    assert (await close(venue, store, "0.5")).status == "closed"
    assert held(venue) == (0, 0)


@pytest.mark.parametrize("gone", ["long", "short"])
async def test_one_leg_already_gone_closes_the_other(gone: Any) -> None:
    venue, store = await opened()
    venue.take_away(gone)
    result = await close(venue, store, "0.5")
    assert (result.status, held(venue), venue.resting()) == ("closed", (0, 0), [])
    assert len(result.orders) == 1


async def test_both_gone_sends_nothing() -> None:
    venue, store = await opened()
    venue.held.clear()
    result = await close(venue, store, "1")
    assert (result.status, result.orders, venue.resting()) == ("closed", (), [])


@pytest.mark.parametrize("do", ["drop_response", "lose_request", "partial", "reject", "nothing"])
@pytest.mark.parametrize("side", ["long", "short"])
async def test_a_close_that_goes_wrong_is_finished_without_overshooting(do: Any, side: str) -> None:
    venue, store = await opened()
    venue.faults = [Fault("place", do, position_side=side)]
    result = await close(venue, store, "0.5")
    assert (result.status, held(venue)) == ("open", (156, 156))
    assert sum(line.filled for line in result.orders if line.position_side == side) == 156
    assert store.orders.unresolved() == []


async def test_a_close_is_never_more_than_the_venue_holds() -> None:
    venue, store = await opened()
    venue.held["long"] = (D(100), D(120))
    result = await close_leg(open_pair(), "long", D(500), venue, store, venue.clock, LIMITS, reason="stop")
    assert result.status == "closed", "a lone leg is not kept"
    closing = [(line.position_side, line.side, line.quantity) for line in result.orders]
    assert closing == [("long", "sell", 100), ("short", "buy", 312)]


async def test_big_legs_are_closed_in_pieces() -> None:
    venue, store = await opened(market_max=D(100))
    result = await close(venue, store, "1")
    assert (result.status, held(venue)) == ("closed", (0, 0))
    assert max(line.quantity or 0 for line in result.orders) == 100


async def test_a_venue_that_does_not_close_leaves_the_goal_open_and_the_bracket_resting() -> None:
    venue, store = await opened()
    venue.faults = [Fault("place", "reject", last=10_000)]
    result = await close(venue, store, "1")
    assert (result.status, result.protected, held(venue)) == ("unknown", False, (312, 312))
    assert "still to close" in (result.reason or "")
    assert [row.kind for row in store.orders.unresolved()] == ["goal"]
    assert len(venue.resting()) == 4
    assert venue.clock.ms < 20_000, "bounded"


async def test_a_venue_that_cannot_be_read_closes_nothing_and_says_so() -> None:
    venue, store = await opened()
    venue.faults = [Fault("positions", "transient", last=10_000)]
    result = await close(venue, store, "1")
    assert result.status == "none"
    assert "nothing was closed" in (result.reason or "")
    assert held(venue) == (312, 312)


async def test_closing_does_not_wait_for_a_quote() -> None:
    venue, store = await opened()
    venue.faults = [Fault("leg_quote", "transient", last=10_000)]
    assert (await close(venue, store, "1")).status == "closed"


@pytest.mark.parametrize("fraction", ["0", "-1", "1.01"])
async def test_a_fraction_outside_its_range_is_a_mistake(fraction: str) -> None:
    venue, store = await opened()
    with pytest.raises(ValueError, match="fraction"):
        await close(venue, store, fraction)


async def test_the_bracket_moves_one_order_at_a_time() -> None:
    venue, store = await opened()
    moved = Bracket(upper=D(126), lower=D("117.6"))
    result = await move_bracket(open_pair(), moved, venue, store, venue.clock, LIMITS, reason="band 1")
    assert (result.status, result.protected) == ("open", True)
    assert sorted((o.position_side, o.trigger_price) for o in venue.resting()) == [
        ("long", D("117.6")), ("long", 126), ("short", D("117.6")), ("short", 126),
    ]  # fmt: skip
    assert len(venue.conditionals) == 6, "the upper pair was left alone"


async def test_a_bracket_that_cannot_be_moved_closes_the_pair() -> None:
    venue, store = await opened()
    venue.faults = [Fault("place_conditional", "reject")]
    moved = Bracket(upper=D(126), lower=D("117.6"))
    result = await move_bracket(open_pair(), moved, venue, store, venue.clock, LIMITS, reason="band 1")
    assert (result.status, held(venue), venue.resting()) == ("closed", (0, 0), [])


async def test_a_rebalance_restores_the_hedge_and_anchors_a_new_bracket() -> None:
    venue, store = await opened()
    await close_leg(open_pair(), "short", D(156), venue, store, venue.clock, LIMITS, reason="band 1")
    standing = open_pair(short=D(156))
    plan = plan_for(decision_id="11-SOLUSDT-20250101T010000Z")
    more = plan.legs[1].model_copy(update={"quantity": D(156)})
    plan = plan.model_copy(update={"legs": (more,), "bracket": Bracket(upper=D(127), lower=D(115))})
    venue.clock.ms = 0
    result = await carry_out(plan, venue, store, venue.clock, LIMITS, pair=standing)
    assert (result.status, result.pair_id, held(venue)) == ("open", standing.pair_id, (312, 312))
    assert {order.trigger_price for order in venue.resting()} == {D(127), D(115)}
    assert len(venue.resting()) == 4


@pytest.mark.parametrize("moment", ["place", "place_conditional"])
async def test_a_leg_that_goes_meanwhile_takes_the_other_with_it(moment: str) -> None:
    venue, store = await opened()
    original = getattr(venue, moment)

    async def then_gone(order: Any) -> Any:
        report = await original(order)
        venue.take_away("long")
        return report

    setattr(venue, moment, then_gone)
    if moment == "place":
        result = await close(venue, store, "0.5")
    else:
        moved = Bracket(upper=D(126), lower=D("117.6"))
        result = await move_bracket(open_pair(), moved, venue, store, venue.clock, LIMITS, reason="band 1")
    assert (result.status, held(venue), venue.resting()) == ("closed", (0, 0), [])


async def test_a_doubled_bracket_order_is_removed() -> None:
    venue, store = await opened()
    twin = venue.resting()[0].model_copy(update={"client_order_id": "vg" + "z" * 30})
    venue.conditionals[twin.client_order_id] = twin
    assert (await close(venue, store, "0.5")).status == "open"
    assert len(venue.resting()) == 4
    assert twin.client_order_id not in {order.client_order_id for order in venue.resting()}


async def test_orders_that_will_not_go_leave_the_goal_open() -> None:
    class Sticky(FakeVenue):
        async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
            """Accepted, and ignored."""

    venue, store = Sticky(), memory_store()
    assert (await carry_out(plan_for(), venue, store, venue.clock, LIMITS)).status == "open"
    original = venue.positions
    stop = venue.resting()[0]

    async def positions(symbols: list[str]) -> Any:
        if not venue.held:  # the venue forgets to expire one of them
            venue.conditionals[stop.client_order_id] = stop
        return await original(symbols)

    venue.positions = positions  # type: ignore[method-assign]
    result = await close(venue, store, "1")
    assert (result.status, held(venue)) == ("unknown", (0, 0))
    assert [row.kind for row in store.orders.unresolved()] == ["goal"]


async def test_what_cannot_be_read_is_not_touched() -> None:
    for work in ("leg", "bracket"):
        venue, store = await opened()
        venue.faults = [Fault("positions", "transient", last=10_000)]
        if work == "leg":
            result = await close_leg(open_pair(), "long", D(1), venue, store, venue.clock, LIMITS, reason="x")
        else:
            bracket = Bracket(upper=D(126), lower=D(115))
            result = await move_bracket(open_pair(), bracket, venue, store, venue.clock, LIMITS, reason="x")
        assert (result.status, held(venue)) == ("none", (312, 312))
