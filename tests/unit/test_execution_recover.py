"""Killed at any touch of venue or store, then started again: "both legs, equal, protected" or "flat", no orphans."""

import itertools
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.close_pair import close_leg, close_pair, move_bracket
from orchestrator.execution.codes import Difference
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.reconcile import reconcile
from orchestrator.execution.recover import Recovered, recover
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.saga import carry_out
from orchestrator.execution.store import ExecutionStore
from orchestrator.execution.venue import Position
from tests.fake_venue import SOL, Crash, CrashPoint, FakeVenue, Fault, memory_store, plan_for
from tests.open_pairs import open_pair
from traders.contract.verdict import Bracket

D = Decimal
LIMITS = ExecutionLimits()
Work = Callable[[FakeVenue, ExecutionStore], Awaitable[ExecutionResult]]

FAULTS: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "clean": [],
    "answers lost": [("place", "drop_response", {"last": 99}), ("place_conditional", "drop_response", {"last": 99})],
    "second leg refused": [("place", "reject", {"position_side": "short", "last": 99})],
    "half filled": [("place", "partial", {"position_side": "short"})],
    "bracket refused": [("place_conditional", "reject", {"first": 3, "last": 3})],
    "first request lost": [("place", "lose_request", {})],
}


def make(name: str, crash: CrashPoint) -> tuple[FakeVenue, ExecutionStore]:
    faults = [Fault(method, do, **named) for method, do, named in FAULTS[name]]  # type: ignore[arg-type]
    return FakeVenue(crash=crash, faults=faults), memory_store(crash)


def assert_settled(venue: FakeVenue, store: ExecutionStore, items: tuple[Recovered, ...]) -> str:
    """The promise of recovery; what it said."""
    assert store.orders.unresolved() == []
    long, short = venue.quantity("long"), venue.quantity("short")
    triggers = {(order.position_side, order.trigger_price) for order in venue.resting()}
    if long == short == 0:
        assert venue.resting() == [], "an orphan stop outlives its position"
        assert all(item.outcome == "flat" for item in items)
        return "flat"
    assert long == short > 0
    assert triggers == {("short", D(126)), ("long", D(126)), ("long", D(114)), ("short", D(114))}
    assert len(venue.resting()) == 4
    assert all(item.outcome == "protected" and "both legs, equal, protected" in item.text for item in items)
    return "protected"


@pytest.mark.parametrize("name", list(FAULTS))
async def test_killed_at_every_touch_while_opening(name: str) -> None:
    ends = set()
    for n in itertools.count(1):
        crash = CrashPoint(at=n)
        venue, store = make(name, crash)
        database: list[ExecutionResult] = []
        try:
            await carry_out(plan_for(), venue, store, venue.clock, LIMITS, commit=database.append)
        except Crash:
            pass
        else:
            break
        crash.at = None
        venue.faults.clear()
        pairs = [open_pair() for result in database if result.status == "open"]
        sent = len(venue.accepted)
        touched = bool(store.orders.of_decision(plan_for().decision_id))
        items = await recover(venue, store, venue.clock, LIMITS, pairs=pairs, symbols=[SOL])
        assert items or not venue.held, f"touch {n}: positions are held that recovery did not speak of"
        ends.add(assert_settled(venue, store, items))
        entries = [o for o in venue.orders.values() if (o.side == "buy") == (o.position_side == "long")]
        assert sum(o.filled for o in entries if o.position_side == "long") <= 312, f"touch {n}: bought twice"
        assert sum(o.filled for o in entries if o.position_side == "short") <= 312, f"touch {n}: sold twice"
        assert touched or sent == 0, f"touch {n}: something was sent before anything was stored"
        again = await recover(venue, store, venue.clock, LIMITS, symbols=[])
        assert again == (), f"touch {n}: recovery is not finished"
    assert n > 20
    assert ends == ({"flat", "protected"} if name != "second leg refused" else {"flat"})


@pytest.mark.parametrize("name", ["clean", "answers lost"])
async def test_killed_again_while_recovering(name: str) -> None:
    for first in range(12, 60, 7):
        for second in range(1, 60, 3):
            crash = CrashPoint(at=first)
            venue, store = make(name, crash)
            with pytest.raises(Crash):
                await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
            crash.at, crash.touches = second, 0
            try:
                await recover(venue, store, venue.clock, LIMITS, symbols=[SOL])
            except Crash:
                pass
            crash.at = None
            assert_settled(venue, store, await recover(venue, store, venue.clock, LIMITS, symbols=[]))


async def _opened(crash: CrashPoint) -> tuple[FakeVenue, ExecutionStore]:
    venue, store = FakeVenue(crash=crash), memory_store(crash)
    assert (await carry_out(plan_for(), venue, store, venue.clock, LIMITS)).status == "open"
    return venue, store


def _exit(venue: FakeVenue, store: ExecutionStore) -> Awaitable[ExecutionResult]:
    return close_pair(open_pair(), D(1), venue, store, venue.clock, LIMITS)


def _reduce(venue: FakeVenue, store: ExecutionStore) -> Awaitable[ExecutionResult]:
    return close_pair(open_pair(), D("0.5"), venue, store, venue.clock, LIMITS, reason="reduce")


def _half(venue: FakeVenue, store: ExecutionStore) -> Awaitable[ExecutionResult]:
    return close_leg(open_pair(), "short", D(156), venue, store, venue.clock, LIMITS, reason="band 1")


def _move(venue: FakeVenue, store: ExecutionStore) -> Awaitable[ExecutionResult]:
    moved = Bracket(upper=D(126), lower=D("117.6"))
    return move_bracket(open_pair(), moved, venue, store, venue.clock, LIMITS, reason="band 1")


@pytest.mark.parametrize(
    ("work", "long", "short", "lower"),
    [(_exit, 0, 0, None), (_reduce, 156, 156, 114), (_half, 312, 156, 114), (_move, 312, 312, "117.6")],
)
async def test_killed_at_every_touch_while_closing(work: Work, long: int, short: int, lower: str | None) -> None:
    for n in itertools.count(1):
        crash = CrashPoint()
        venue, store = await _opened(crash)
        crash.at, crash.touches = n, 0
        try:
            await work(venue, store)
        except Crash:
            pass
        else:
            break
        crash.at = None
        started = any(
            row.leg_id in ("goal-close", "goal-bracket") for row in store.orders.of_decision(open_pair().decision_id)
        )
        items = await recover(venue, store, venue.clock, LIMITS, pairs=[open_pair()])
        assert store.orders.unresolved() == []
        assert len(items) == 1
        if not started:  # nothing was decided durably: the pair stands as it was
            assert (venue.quantity("long"), venue.quantity("short")) == (312, 312)
            continue
        assert (venue.quantity("long"), venue.quantity("short")) == (long, short), f"touch {n}"
        assert items[0].outcome == ("flat" if lower is None else "protected")
        found = sorted((o.position_side, o.trigger_price) for o in venue.resting())
        edges = [] if lower is None else [D(lower), D(126)]
        assert found == [(side, edge) for side in ("long", "short") for edge in edges]
    assert n > 8


async def test_a_pair_whose_leg_was_liquidated_is_closed() -> None:
    venue, store = await _opened(CrashPoint())
    venue.take_away("short")
    (item,) = await recover(venue, store, venue.clock, LIMITS, pairs=[open_pair()])
    assert item.outcome == "flat"
    assert [d.difference for d in item.differences] == [Difference.SHORT_GONE]
    assert (venue.held, venue.resting()) == ({}, [])


async def test_a_missing_bracket_order_is_replaced() -> None:
    venue, store = await _opened(CrashPoint())
    gone = venue.resting()[2]
    venue.conditionals[gone.client_order_id] = gone.model_copy(update={"status": "canceled"})
    items = await recover(venue, store, venue.clock, LIMITS, pairs=[open_pair()])
    assert assert_settled(venue, store, items) == "protected"


async def test_a_pair_that_is_gone_leaves_no_orphan() -> None:
    venue, store = await _opened(CrashPoint())
    venue.held.clear()
    (item,) = await recover(venue, store, venue.clock, LIMITS, pairs=[open_pair()])
    assert (item.outcome, venue.resting()) == ("flat", [])
    assert [d.difference for d in item.differences] == [Difference.BOTH_GONE]


async def test_orphan_stops_of_ours_go_and_those_of_others_stay() -> None:
    venue, store = await _opened(CrashPoint())
    venue.held.clear()
    foreign = venue.resting()[0].model_copy(update={"client_order_id": "web_1"})
    venue.conditionals["web_1"] = foreign
    assert await recover(venue, memory_store(), venue.clock, LIMITS, symbols=[SOL]) == ()
    assert [order.client_order_id for order in venue.resting()] == ["web_1"]
    assert store.orders.unresolved() == []


async def test_positions_of_others_are_reported_and_left_alone() -> None:
    venue = FakeVenue(held={"long": (D(7), D(118))})
    (item,) = await recover(venue, memory_store(), venue.clock, LIMITS, symbols=[SOL])
    assert item.outcome == "foreign"
    assert venue.quantity("long") == 7
    assert venue.accepted == []


async def test_a_venue_that_stays_silent_keeps_everything_blocked() -> None:
    venue, store = FakeVenue(faults=[Fault("place", "unknown_and_silent", position_side="short")]), memory_store()
    assert (await carry_out(plan_for(), venue, store, venue.clock, LIMITS)).status == "unknown"
    (item,) = await recover(venue, store, venue.clock, LIMITS)
    assert item.outcome == "unknown"
    assert len(store.orders.unresolved()) == 2
    venue.silent = False
    assert_settled(venue, store, await recover(venue, store, venue.clock, LIMITS))


async def test_the_host_is_told_before_a_goal_counts_as_settled() -> None:
    crash = CrashPoint(at=25)
    venue, store = make("clean", crash)
    with pytest.raises(Crash):
        await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    crash.at = None
    told: list[tuple[Recovered, int]] = []
    await recover(venue, store, venue.clock, LIMITS, commit=lambda i: told.append((i, len(store.orders.unresolved()))))
    ((item, unresolved),) = told
    assert unresolved == 1
    assert item.plan == plan_for()
    assert item.result is not None


def held(side: Any, quantity: str) -> Position:
    return Position(
        symbol=SOL, side=side, quantity=D(quantity), entry_price=D(120), mark_price=D(120),
        liquidation_price=None, isolated_margin=None, leverage=5, margin_mode="isolated",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ([held("long", "3"), held("short", "3")], []),
        ([held("long", "3")], [("short_gone", "short", "0")]),
        ([held("short", "3")], [("long_gone", "long", "0")]),
        ([], [("both_gone", None, "0")]),
        ([held("long", "2"), held("short", "4")], [("quantity_less", "long", "2"), ("quantity_more", "short", "4")]),
    ],
)
def test_reconcile_names_each_difference(positions: list[Position], expected: list[tuple[Any, Any, str]]) -> None:
    found = reconcile({SOL: {"long": D(3), "short": D(3)}}, positions)
    assert [(d.difference.value, d.side, str(d.found)) for d in found] == expected


def test_an_equal_long_and_short_are_not_flat() -> None:
    found = reconcile({}, [held("long", "3"), held("short", "3")])
    assert [d.difference for d in found] == [Difference.UNEXPECTED_POSITION] * 2


async def test_an_older_goal_that_is_finished_late_does_not_bring_its_bracket_back() -> None:
    venue, store = await _opened(CrashPoint())
    venue.faults = [Fault("place_conditional", "throttle", last=99)]
    stuck = await _move(venue, store)
    assert stuck.status == "unknown"
    venue.faults.clear()
    newer = Bracket(upper=D(126), lower=D(119))
    done = await move_bracket(open_pair(), newer, venue, store, venue.clock, LIMITS, reason="stop")
    assert done.status == "open"
    await recover(venue, store, venue.clock, LIMITS, pairs=[open_pair()])
    assert {order.trigger_price for order in venue.resting()} == {D(126), D(119)}
    assert store.orders.unresolved() == []


async def test_a_pair_without_a_known_bracket_is_not_called_protected() -> None:
    venue = FakeVenue(held={"long": (D(312), D(120)), "short": (D(312), D(120))})
    (item,) = await recover(venue, memory_store(), venue.clock, LIMITS, pairs=[open_pair()])
    assert item.outcome == "unknown"
    assert "no bracket" in item.text


@pytest.mark.parametrize("what", ["goal", "pair", "symbol"])
async def test_positions_that_cannot_be_read_leave_everything_as_it_is(what: str) -> None:
    crash = CrashPoint(at=25 if what == "goal" else None)
    venue, store = make("clean", crash)
    try:
        await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    except Crash:
        crash.at = None
    before = len(store.orders.unresolved())
    venue.faults = [Fault("positions", "transient", last=10_000), Fault("leg_quote", "transient", last=10_000)]
    pairs = [open_pair()] if what == "pair" else []
    (item,) = await recover(venue, store, venue.clock, LIMITS, pairs=pairs, symbols=[SOL])
    assert item.outcome == "unknown"
    assert len(store.orders.unresolved()) >= min(before, 1)
    assert venue.accepted == [name for name in venue.accepted if name in store.orders.rows]  # type: ignore[attr-defined]


async def test_a_silent_order_of_a_standing_pair_keeps_it_unknown() -> None:
    venue, store = await _opened(CrashPoint())
    venue.faults = [Fault("place", "unknown_and_silent", position_side="long")]
    assert (await _exit(venue, store)).status == "unknown"
    goal = next(row for row in store.orders.unresolved() if row.kind == "goal")
    store.orders.resolve(goal.client_order_id, "closed", None, 0)
    (item,) = await recover(venue, store, venue.clock, LIMITS, pairs=[open_pair()])
    assert item.outcome == "unknown"


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ((400, 312), (312, 312)),  # an order arrived after all: what was never permitted is closed
        ((624, 312), (312, 312)),
        ((312, 156), (312, 156)),  # a half-close that the database had not heard of
        ((312, 150), (150, 150)),  # net delta 0.3506: above 0.35
        ((100, 45), (45, 45)),  # domain.md section 10: 0.3793, cut
        ((312, 0), (0, 0)),
    ],
)
async def test_what_may_stay_of_a_pair(found: tuple[int, int], kept: tuple[int, int]) -> None:
    venue, store = await _opened(CrashPoint())
    venue.held = {side: (D(q), D(120)) for side, q in zip(("long", "short"), found, strict=True) if q}  # type: ignore[misc]
    (item,) = await recover(venue, store, venue.clock, LIMITS, pairs=[open_pair()])
    assert (venue.quantity("long"), venue.quantity("short")) == kept
    assert item.differences
    assert len(venue.resting()) == (4 if kept[0] else 0)
