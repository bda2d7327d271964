"""Where venues differ: one order a leg that holds both prices, requests that live long, obstacles of their own."""

import itertools
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.binance_usdm import halted
from orchestrator.execution.bracket import bracket_legs
from orchestrator.execution.client_id import BRACKET_LEGS, PAIRED_BRACKET_LEGS
from orchestrator.execution.close_pair import move_bracket
from orchestrator.execution.codes import PreflightCode as P
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.obstacles import Problem, Traits, key_problems
from orchestrator.execution.preflight import apply_settings, check
from orchestrator.execution.recover import recover
from orchestrator.execution.saga import carry_out
from orchestrator.execution.venue import ConditionalRequest, OrderReport, OrderRequest, Rejected, SymbolSettings
from tests.fake_venue import SOL, Crash, CrashPoint, FakeVenue, Fault, memory_store, plan_for
from tests.open_pairs import open_pair
from traders.contract.quote import LegQuote
from traders.contract.verdict import Bracket

D = Decimal
LIMITS = ExecutionLimits()
NOW, WEEK = 1_735_689_600_000, 7 * 86_400_000


def resting(venue: FakeVenue) -> set[tuple[str, str, Decimal | None, Decimal | None]]:
    return {(o.position_side, o.side, o.trigger_price, o.take_profit_price) for o in venue.resting()}


async def test_a_venue_of_one_close_all_order_a_leg_gets_both_prices_in_one() -> None:
    venue, store = FakeVenue(own_traits=Traits(paired_bracket=True)), memory_store()
    result = await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    assert (result.status, result.protected) == ("open", True)
    assert resting(venue) == {("short", "buy", D(126), D(114)), ("long", "sell", D(114), D(126))}
    assert len(venue.resting()) == 2
    moved = Bracket(upper=D(123), lower=D(117))
    result = await move_bracket(open_pair(), moved, venue, store, venue.clock, LIMITS, reason="band 1")
    assert (result.status, result.protected) == ("open", True)
    assert resting(venue) == {("short", "buy", D(123), D(117)), ("long", "sell", D(117), D(123))}


async def test_four_orders_would_be_refused_there() -> None:
    """The fake is as strict as the venue: without the trait the pair cannot be protected, and is not kept."""

    class Forgetful(FakeVenue):
        @property
        def traits(self) -> Traits:
            return Traits()

    venue, store = Forgetful(own_traits=Traits(paired_bracket=True)), memory_store()
    result = await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    assert (result.status, venue.held) == ("unwound", {})


def test_a_bracket_of_one_side() -> None:
    edges = Bracket(upper=D(126), lower=D(114))
    (only,) = bracket_legs(edges, ("long",), paired=True)
    assert (only.position_side, only.kind, only.trigger, only.take_profit) == ("long", "stop", D(114), D(126))
    assert len(bracket_legs(edges)) == 4
    assert {leg.leg_id for leg in bracket_legs(edges)} == set(BRACKET_LEGS)
    assert {leg.leg_id for leg in bracket_legs(edges, paired=True)} == set(PAIRED_BRACKET_LEGS)


@pytest.mark.parametrize(("lives", "least"), [(0.0, 3_000), (30.0, 30_000)])
async def test_absent_is_believed_only_once_the_request_is_too_old_for_the_venue(lives: float, least: int) -> None:
    venue, store = FakeVenue(own_traits=Traits(absent_after_s=lives)), memory_store()
    venue.faults = [Fault("place", "lose_request", position_side="long")]
    before = venue.clock.now_ms()
    await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    assert venue.clock.now_ms() - before >= least
    assert store.orders.unresolved() == []


async def test_the_wrong_kind_of_account_is_told_before_anything_else_is_read() -> None:
    class Closed(FakeVenue):
        async def leg_quote(self, symbol: str) -> LegQuote:
            raise Rejected("the classic API is not for this account", "40085")

    venue = Closed(own_obstacles=(Problem(P.ACCOUNT_KIND, "a unified account", "use a classic one"),))
    assert [problem.code for problem in (await check(plan_for(), venue, venue.clock, LIMITS)).problems] == [
        P.ACCOUNT_KIND
    ]
    venue.own_obstacles = (Problem(P.WITHDRAWAL, "a key that withdraws", "make another"),)
    with pytest.raises(Rejected):
        await check(plan_for(), venue, venue.clock, LIMITS)


async def test_an_obstacle_of_the_venue_s_own_stops_the_plan() -> None:
    own = Problem(P.ACCOUNT_KIND, "a classic account", "upgrade it")
    venue = FakeVenue(own_obstacles=(own,))
    assert (await check(plan_for(), venue, venue.clock, LIMITS)).problems == (own,)
    result = await carry_out(plan_for(), venue, memory_store(), venue.clock, LIMITS)
    assert (result.status, venue.accepted) == ("none", [])
    assert "a classic account (upgrade it)" in (result.reason or "")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, None),
        ({"status": "SETTLING"}, "is SETTLING"),
        ({"status": "PENDING_TRADING"}, "is PENDING_TRADING"),
        ({"status": None}, "is None"),
        ({"deliveryDate": NOW + WEEK}, None),
        ({"deliveryDate": str(NOW + WEEK - 1)}, "delivered within a week"),
    ],
)
def test_a_perpetual_that_is_halted_or_taken_off_is_left_alone(change: dict[str, Any], named: str | None) -> None:
    found = halted({"symbol": "SOLUSDT", "status": "TRADING", "deliveryDate": 4133404800000, **change}, NOW)
    assert [problem.code for problem in found] == ([] if named is None else [P.NOT_TRADING])
    assert named is None or named in found[0].message


@pytest.mark.parametrize(
    ("may_trade", "may_withdraw", "codes"),
    [(True, False, []), (False, False, [P.PERMISSION]), (False, True, [P.PERMISSION, P.WITHDRAWAL])],
)
def test_a_key_trades_and_does_not_withdraw(may_trade: bool, may_withdraw: bool, codes: list[P]) -> None:
    found = key_problems(may_trade=may_trade, may_withdraw=may_withdraw, venue="bybit")
    assert [problem.code for problem in found] == codes
    assert all(problem.remedy for problem in found)


async def test_legs_of_different_leverage_do_not_fit_and_are_set() -> None:
    class Split(FakeVenue):
        async def settings(self, symbol: str) -> SymbolSettings:
            found = await super().settings(symbol)
            return found.model_copy(update={"short_leverage": None if self.leverage == 5 else 5})

    venue = Split(leverage=10)
    (problem,) = (await check(plan_for(), venue, venue.clock, LIMITS)).problems
    assert problem.code is P.LEVERAGE
    assert f"{SOL} is set to 10x long and 5x short, the plan needs 5x" in problem.message
    assert await apply_settings(plan_for(), venue) == ()
    assert SymbolSettings(symbol=SOL, leverage=5, margin_mode="isolated", short_leverage=5).leverages == "5x"


@dataclass
class Receiving(FakeVenue):
    """Answers "received", and shows an order by its id only some seconds later, as venues do when they are busy."""

    hidden_s: float = 0.0
    received_at: dict[str, int] = field(default_factory=dict)

    async def place(self, order: OrderRequest) -> OrderReport:
        self.received_at[order.client_order_id] = self.clock.now_ms()
        report = await super().place(order)
        return report.model_copy(update={"status": "new", "filled": D(0), "average": None})

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        self.received_at[order.client_order_id] = self.clock.now_ms()
        return await super().place_conditional(order)

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        found = await super().find(symbol, client_order_id, conditional=conditional)
        return found if self._shown(client_order_id) else None

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        found = await super().open_orders(symbol, conditional=conditional)
        return [order for order in found if self._shown(order.client_order_id)]

    def _shown(self, name: str) -> bool:
        return self.clock.now_ms() - self.received_at.get(name, 0) >= self.hidden_s * 1000


@pytest.mark.parametrize("hidden", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("paired", [False, True])
async def test_what_was_received_and_is_not_shown_yet_is_not_sent_again(hidden: float, paired: bool) -> None:
    venue, store = Receiving(own_traits=Traits(only_receives=True, paired_bracket=paired)), memory_store()
    venue.hidden_s = hidden
    result = await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    assert (result.status, result.protected) == ("open", True), result.reason
    assert len(venue.accepted) == (4 if paired else 6), "one order an intent"
    assert store.orders.unresolved() == []


@pytest.mark.parametrize("hidden", [3.5, 6.0, 9.0])
async def test_shown_too_late_to_protect_the_pair_in_time_ends_flat_or_unknown_with_one_entry_a_leg(
    hidden: float,
) -> None:
    venue, store = Receiving(own_traits=Traits(only_receives=True)), memory_store()
    venue.hidden_s = hidden
    result = await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    assert result.status in ("unwound", "unknown")
    opened = [row for row in store.orders.of_decision(plan_for().decision_id) if row.kind == "entry"]
    assert 1 <= len(opened) <= 2, "longer hidden than an absent order takes to be believed, and still not sent again"
    assert venue.quantity("long") == venue.quantity("short")


async def test_what_was_received_and_is_never_shown_stays_unknown_and_blocks_new_risk() -> None:
    venue, store = Receiving(own_traits=Traits(only_receives=True)), memory_store()
    venue.hidden_s = 10**6
    result = await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    assert result.status == "unknown"
    assert len(venue.accepted) == 2, "one entry, and the order that closes the lone leg again"
    assert venue.held == {}
    assert store.orders.unresolved() != []
    again = await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    assert (again.status, len(venue.accepted)) == ("none", 2)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("lost", [False, True])
async def test_killed_at_every_touch_on_a_venue_that_only_receives(paired: bool, lost: bool) -> None:
    """Ends equal and protected, or flat, with no orphan and nothing bought twice (as `test_execution_recover`)."""
    own = Traits(only_receives=True, paired_bracket=paired)
    ends = set()
    for touch in itertools.count(1):
        crash = CrashPoint(at=touch)
        venue, store = Receiving(own_traits=own, crash=crash, hidden_s=0.3), memory_store(crash)
        if lost:
            methods = ("place", "place_conditional")
            venue.faults = [Fault(method, "drop_response", last=99) for method in methods]  # type: ignore[arg-type]
        try:
            await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
        except Crash:
            pass
        else:
            break
        crash.at = None
        venue.faults.clear()
        await recover(venue, store, venue.clock, LIMITS, symbols=[SOL])
        assert store.orders.unresolved() == [], f"touch {touch}"
        entries = [order for order in venue.orders.values() if (order.side == "buy") == (order.position_side == "long")]
        for side in ("long", "short"):
            assert sum(order.filled for order in entries if order.position_side == side) <= 312, f"touch {touch}"
        long, short = venue.quantity("long"), venue.quantity("short")
        assert long == short, f"touch {touch}: one leg alone"
        ends.add("protected" if long else "flat")
        assert len(venue.resting()) == (0 if not long else 2 if paired else 4), f"touch {touch}"
    assert touch > 20
    assert ends == {"flat", "protected"}
