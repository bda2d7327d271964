"""The saga against a venue that loses answers, fills halves and says no: one outcome, one order an intent."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.recover import recover
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.saga import carry_out
from orchestrator.execution.store import ExecutionStore
from orchestrator.execution.venue import Transient
from tests.fake_venue import SOL, CrashPoint, FakeVenue, Fault, memory_store, plan_for

D = Decimal
LIMITS = ExecutionLimits()


async def run(venue: FakeVenue, store: ExecutionStore | None = None, **named: Any) -> ExecutionResult:
    store = store or memory_store()
    return await carry_out(plan_for(), venue, store, venue.clock, LIMITS, **named)


def assert_open(venue: FakeVenue, result: ExecutionResult, quantity: Decimal = Decimal(312)) -> None:
    assert result.status == "open", result.reason
    assert result.protected is True
    assert result.net_delta == 0
    assert (venue.quantity("long"), venue.quantity("short")) == (quantity, quantity)
    assert {(o.position_side, o.side, o.trigger_price) for o in venue.resting()} == {
        ("short", "buy", D(126)),
        ("long", "sell", D(126)),
        ("long", "sell", D(114)),
        ("short", "buy", D(114)),
    }
    assert len(venue.resting()) == 4


def assert_flat(venue: FakeVenue, result: ExecutionResult, store: ExecutionStore) -> None:
    assert result.status == "unwound", result.reason
    assert venue.held == {}
    assert venue.resting() == []
    assert store.orders.unresolved() == []


async def test_opens_both_legs_and_protects_them() -> None:
    venue, store = FakeVenue(), memory_store()
    result = await run(venue, store)
    assert_open(venue, result)
    assert store.orders.unresolved() == []
    assert [line.kind for line in result.orders] == ["entry"] * 2 + ["bracket"] * 4
    assert result.entry_price == D(120)
    entry = result.orders[0].model_dump(mode="json")
    # 312 x 120.01 x 0.0005
    assert (entry["filled"], entry["average"], entry["fee"], entry["status"]) == (
        "312", "120.01", "18.72156", "filled",
    )  # fmt: skip
    bracket = result.orders[-1].model_dump(mode="json")
    assert (bracket["quantity"], bracket["average"], bracket["fee"]) == (None, None, None)


async def test_the_thinner_side_goes_first() -> None:
    venue = FakeVenue(bid_size=D(400))
    assert_open(venue, result := await run(venue))
    assert [line.leg_id for line in result.orders[:2]] == ["1-short", "0-long"]


async def test_a_stop_is_seen_after_the_last_reading_and_before_the_first_order() -> None:
    venue, store = FakeVenue(), memory_store()
    result = await run(venue, store, stopped=lambda: "the kill switch was thrown")
    assert (result.status, result.reason) == ("none", "the kill switch was thrown")
    assert (venue.orders, venue.conditionals, store.orders.unresolved()) == ({}, {}, [])
    assert_open(venue, await run(venue, store, stopped=lambda: None))


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("do", ["drop_response", "duplicate"])
async def test_a_lost_answer_of_an_entry_is_looked_up_and_never_sent_again(side: str, do: Any) -> None:
    for _ in range(10):
        venue, store = FakeVenue(faults=[Fault("place", do, position_side=side)]), memory_store()
        assert_open(venue, await run(venue, store))
        assert len(venue.orders) == 2
        assert len(venue.conditionals) == 4
        assert store.orders.unresolved() == []


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
async def test_a_lost_answer_of_a_bracket_order_is_looked_up(nth: int) -> None:
    for _ in range(10):
        venue = FakeVenue(faults=[Fault("place_conditional", "drop_response", first=nth, last=nth)])
        assert_open(venue, await run(venue))
        assert len(venue.conditionals) == 4


async def test_every_answer_lost() -> None:
    faults = [Fault(method, "drop_response", last=99) for method in ("place", "place_conditional")]
    venue = FakeVenue(faults=faults)
    assert_open(venue, await run(venue))
    assert len(venue.accepted) == 6


@pytest.mark.parametrize("method", ["place", "place_conditional"])
async def test_a_request_that_never_arrived_is_sent_under_a_new_id_once_that_is_certain(method: str) -> None:
    venue, store = FakeVenue(faults=[Fault(method, "lose_request")]), memory_store()
    assert_open(venue, await run(venue, store))
    assert len(venue.accepted) == 6
    statuses = [row.status for row in store.orders.rows.values()]  # type: ignore[attr-defined]
    assert statuses.count("absent") == 1
    assert venue.clock.ms >= 1000 * LIMITS.absent_after_s, "not before the request is too old to be under way"


@pytest.mark.parametrize("side", ["long", "short"])
async def test_one_leg_refused_ends_flat(side: str) -> None:
    venue, store = FakeVenue(faults=[Fault("place", "reject", position_side=side, last=9)]), memory_store()
    result = await run(venue, store)
    assert_flat(venue, result, store)
    assert "-2019" in (result.reason or "")


async def test_the_second_leg_refused_closes_exactly_what_the_first_has() -> None:
    venue, store = FakeVenue(faults=[Fault("place", "reject", position_side="short", last=9)]), memory_store()
    assert_flat(venue, result := await run(venue, store), store)
    closing = [line for line in result.orders if line.kind == "close"]
    assert [(c.side, c.position_side, c.quantity, c.filled) for c in closing] == [("sell", "long", D(312), D(312))]


@pytest.mark.parametrize("side", ["long", "short"])
async def test_a_partial_fill_is_completed_under_a_new_attempt(side: str) -> None:
    venue = FakeVenue(faults=[Fault("place", "partial", position_side=side)])
    assert_open(venue, result := await run(venue))
    mine = [line for line in result.orders if line.kind == "entry" and line.position_side == side]
    assert [line.filled for line in mine] == [D(156), D(156)]
    assert len({line.client_order_id for line in mine}) == 2


async def test_a_first_leg_that_stays_short_of_its_size_sizes_the_second() -> None:
    venue = FakeVenue(faults=[_Staged("place", position_side="long")])
    assert_open(venue, result := await run(venue), D(156))
    assert "156 of 312" in (result.reason or "")


class _Staged(Fault):
    """Half at the first call, nothing afterwards."""

    def __init__(self, method: str, position_side: str) -> None:
        super().__init__(method, "partial", last=99, position_side=position_side, reduces=False)

    @property  # type: ignore[override]
    def share(self) -> Decimal:
        return D("0.5") if self.seen == 1 else D(0)

    @share.setter
    def share(self, value: Decimal) -> None:
        pass


async def test_a_second_leg_that_stays_short_cuts_the_first() -> None:
    venue = FakeVenue(faults=[_Staged("place", position_side="short")])
    assert_open(venue, result := await run(venue), D(156))
    cut = [line for line in result.orders if line.kind == "close"]
    assert [(line.leg_id, line.filled) for line in cut] == [("unwind-long", D(156))]


async def test_a_pair_cut_below_the_margin_floor_is_unwound() -> None:
    venue, store = FakeVenue(faults=[_Staged("place", position_side="short")]), memory_store()
    limits = ExecutionLimits(floor_margin=D(8000))  # 156 a leg at 120 and 5x: 7,488
    result = await carry_out(plan_for(), venue, store, venue.clock, limits)
    assert_flat(venue, result, store)


async def test_nothing_filled_ends_flat_without_a_close() -> None:
    venue, store = FakeVenue(faults=[Fault("place", "nothing", last=99)]), memory_store()
    assert_flat(venue, result := await run(venue, store), store)
    assert {line.kind for line in result.orders} == {"entry"}
    assert "filled 0 of 312" in (result.reason or "")


async def test_an_outcome_that_never_becomes_known_blocks_new_risk() -> None:
    venue, store = FakeVenue(faults=[Fault("place", "unknown_and_silent", position_side="short")]), memory_store()
    result = await run(venue, store)
    assert result.status == "unknown"
    assert result.net_delta is None
    assert result.protected is False
    open_questions = store.orders.unresolved()
    assert sorted((row.kind, row.status) for row in open_questions) == [("entry", "unknown"), ("goal", "unknown")]
    assert len(venue.orders) == 2, "never sent again"
    again = await carry_out(plan_for(decision_id="another"), venue, store, venue.clock, LIMITS)
    assert again.status == "none"
    assert "not settled" in (again.reason or "")
    assert len(venue.orders) == 2


async def test_a_bracket_that_the_venue_refuses_closes_both_legs() -> None:
    for nth in (1, 2, 3, 4):
        venue, store = FakeVenue(), memory_store()
        venue.faults = [Fault("place_conditional", "reject", first=nth, last=nth)]
        result = await run(venue, store)
        assert_flat(venue, result, store)
        assert "could not be protected" in (result.reason or "")


async def test_a_price_through_the_bracket_closes_both_legs() -> None:
    venue, store = FakeVenue(mark=D("120")), memory_store()
    plan = plan_for().model_copy(update={"bracket": plan_for().bracket.model_copy(update={"upper": D(119)})})
    result = await carry_out(plan, venue, store, venue.clock, LIMITS)
    assert_flat(venue, result, store)


async def test_a_leg_taken_by_the_venue_takes_the_other_with_it() -> None:
    venue, store = FakeVenue(), memory_store()
    original = venue.place_conditional
    count = 0

    async def place_conditional(order: Any) -> Any:
        nonlocal count
        count += 1
        report = await original(order)
        if count == 4:
            venue.take_away("short")
        return report

    venue.place_conditional = place_conditional  # type: ignore[method-assign]
    assert_flat(venue, await run(venue, store), store)


async def test_a_decision_is_carried_out_once() -> None:
    venue, store = FakeVenue(), memory_store()
    assert_open(venue, await run(venue, store))
    venue.held.clear()
    venue.conditionals.clear()
    again = await run(venue, store)
    assert again.status == "none"
    assert "once" in (again.reason or "")


async def test_an_expired_plan_is_not_sent() -> None:
    venue = FakeVenue()
    venue.clock.ms = 30_001
    result = await run(venue)
    assert (result.status, venue.accepted) == ("none", [])
    assert "expired" in (result.reason or "")


async def test_a_lone_leg_is_closed_even_while_the_other_outcome_is_unknown() -> None:
    """The first leg was filled, its answer lost, and the look-up fails: it is visible as a position, and goes."""
    venue, store = FakeVenue(faults=[Fault("place", "unknown_and_silent", first=1, last=1)]), memory_store()
    result = await run(venue, store)
    assert result.status == "unknown"
    assert venue.held == {}
    assert sorted((row.kind, row.status) for row in store.orders.unresolved()) == [
        ("entry", "unknown"),
        ("goal", "unknown"),
    ]


async def test_positions_that_cannot_be_read_are_not_taken_for_flat() -> None:
    venue, store = FakeVenue(), memory_store()
    venue.faults = [Fault("positions", "transient", first=2, last=10_000)]
    result = await run(venue, store)
    assert result.status == "unknown"
    assert [row.kind for row in store.orders.unresolved()] == ["goal"]
    assert len(venue.orders) == 2


async def test_the_commit_comes_before_the_goal_is_settled() -> None:
    venue, store = FakeVenue(), memory_store()
    seen: list[int] = []
    await run(venue, store, commit=lambda result: seen.append(len(store.orders.unresolved())))
    assert seen == [1]


async def test_every_order_is_intended_before_it_is_sent() -> None:
    crash = CrashPoint()
    venue, store = FakeVenue(crash=crash), memory_store(crash)
    await run(venue, store)
    assert set(venue.accepted) <= {row.client_order_id for row in store.orders.of_decision(plan_for().decision_id)}
    assert store.events.names[0] == "entry_started"  # type: ignore[attr-defined]
    assert store.events.names[-1] == "pair_protected"  # type: ignore[attr-defined]
    assert all(symbol == SOL for symbol in {order.symbol for order in venue.orders.values()})


@pytest.mark.parametrize("method", ["place", "place_conditional"])
async def test_a_throttled_request_is_sent_again_later_under_a_new_id(method: str) -> None:
    venue, store = FakeVenue(faults=[Fault(method, "throttle", last=2)]), memory_store()
    assert_open(venue, await run(venue, store))
    assert len(venue.accepted) == 6
    assert venue.clock.ms > 0, "not at once"


async def test_a_pair_whose_bracket_never_gets_through_is_not_kept() -> None:
    venue, store = FakeVenue(faults=[Fault("place_conditional", "throttle", last=99)]), memory_store()
    result = await run(venue, store)
    assert_flat(venue, result, store)
    assert "could not be protected" in (result.reason or "")


async def test_an_order_that_stays_in_the_book_is_waited_for() -> None:
    venue, store = FakeVenue(), memory_store()
    original = venue.place

    async def place(order: Any) -> Any:
        return (await original(order)).model_copy(update={"status": "new", "filled": D(0), "average": None})

    venue.place = place  # type: ignore[method-assign]
    assert_open(venue, await run(venue, store))


async def test_an_order_rejected_after_it_was_accepted_ends_flat() -> None:
    venue, store = FakeVenue(), memory_store()
    original = venue.place

    async def place(order: Any) -> Any:
        if order.position_side == "short" and not order.reduces:
            return (await FakeVenue().place(order)).model_copy(update={"status": "rejected", "filled": D(0)})
        return await original(order)

    venue.place = place  # type: ignore[method-assign]
    assert_flat(venue, await run(venue, store), store)


async def test_a_rest_below_the_minimum_is_not_ordered() -> None:
    class Coarse(FakeVenue):
        def contract(self) -> Any:
            return super().contract().model_copy(update={"min_quantity": D(20)})

    venue = Coarse(faults=[Fault("place", "partial", position_side="long", share=D(300) / 312)])
    result = await run(venue)
    assert (result.status, venue.quantity("long"), venue.quantity("short")) == ("open", 300, 300)
    assert len([line for line in result.orders if line.kind == "entry"]) == 2


async def test_a_venue_that_cannot_be_read_beforehand_is_sent_nothing() -> None:
    venue = FakeVenue(faults=[Fault("positions", "transient")])
    result = await run(venue)
    assert (result.status, venue.accepted) == ("none", [])
    assert "preflight" in (result.reason or "")

    class Deaf(FakeVenue):
        calls = 0

        async def server_time(self) -> int:
            self.calls += 1
            if self.calls > 1:
                raise Transient("busy")
            return await super().server_time()

    class Slow(FakeVenue):
        async def balance(self) -> Any:
            self.clock.ms += 31_000
            return await super().balance()

    for venue, word in ((Deaf(), "time"), (Slow(), "expired")):
        result = await run(venue)
        assert (result.status, venue.accepted) == ("none", [])
        assert word in (result.reason or "")


async def test_fees_that_cannot_be_read_are_none() -> None:
    class Shy(FakeVenue):
        async def fills(self, symbol: str, since: int | None = None) -> list[Any]:
            raise Transient("busy")

    assert_open(venue := Shy(), result := await run(venue))
    assert {line.fee for line in result.orders} == {None}


async def test_the_pinned_document() -> None:
    document = (await run(FakeVenue())).document()
    assert {"status", "pair_id", "orders", "net_delta", "protected"} <= set(document)
    orders = document["orders"]
    assert isinstance(orders, list)
    pinned = {
        "leg_id", "kind", "client_order_id", "exchange_order_id", "side", "position_side", "quantity", "filled",
        "average", "fee", "status",
    }  # fmt: skip
    assert all(isinstance(order, dict) and pinned <= set(order) for order in orders)


async def test_legs_that_cannot_be_made_equal_are_protected_meanwhile() -> None:
    """The second leg filled in part and nothing closes: the bracket rests all the same until somebody goes on."""
    venue, store = FakeVenue(), memory_store()
    venue.faults = [
        Fault("place", "partial", position_side="short", share=D("0.9"), reduces=False, last=10_000),
        Fault("place", "nothing", reduces=True, last=10_000),
    ]
    result = await run(venue, store)
    assert (result.status, result.protected) == ("unknown", False)
    assert 0 < venue.quantity("short") < venue.quantity("long")
    assert len(venue.resting()) == 4
    assert [row.kind for row in store.orders.unresolved()] == ["goal"]
    venue.faults = []
    (item,) = await recover(venue, store, venue.clock, LIMITS)
    assert item.outcome == "protected"
    assert venue.quantity("short") == venue.quantity("long") > 0
    assert len(venue.resting()) == 4


async def test_what_can_neither_be_made_equal_nor_protected_is_said() -> None:
    venue, store = FakeVenue(), memory_store()
    venue.faults = [
        Fault("place", "partial", position_side="short", share=D("0.9"), reduces=False, last=10_000),
        Fault("place", "nothing", reduces=True, last=10_000),
        Fault("place_conditional", "reject", last=10_000),
    ]
    assert (await run(venue, store)).status == "unknown"
    assert venue.resting() == []
    assert {"legs_cut", "outcome_still_unknown", "bracket_impossible"} <= set(store.events.names)  # type: ignore[attr-defined]
    venue.faults = []
    (item,) = await recover(venue, store, venue.clock, LIMITS)
    assert item.outcome == "protected"
    assert len(venue.resting()) == 4
