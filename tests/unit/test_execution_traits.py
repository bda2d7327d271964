"""Where venues differ: one order a leg that holds both prices, requests that live long, obstacles of their own."""

from decimal import Decimal

import pytest

from orchestrator.execution.bracket import bracket_legs
from orchestrator.execution.close_pair import move_bracket
from orchestrator.execution.codes import PreflightCode as P
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.obstacles import Problem, Traits, key_problems
from orchestrator.execution.preflight import apply_settings, check
from orchestrator.execution.saga import carry_out
from orchestrator.execution.venue import SymbolSettings
from tests.fake_venue import SOL, FakeVenue, Fault, memory_store, plan_for
from tests.open_pairs import open_pair
from traders.contract.verdict import Bracket

D = Decimal
LIMITS = ExecutionLimits()


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


@pytest.mark.parametrize(("lives", "least"), [(0.0, 3_000), (30.0, 30_000)])
async def test_absent_is_believed_only_once_the_request_is_too_old_for_the_venue(lives: float, least: int) -> None:
    venue, store = FakeVenue(own_traits=Traits(absent_after_s=lives)), memory_store()
    venue.faults = [Fault("place", "lose_request", position_side="long")]
    before = venue.clock.now_ms()
    await carry_out(plan_for(), venue, store, venue.clock, LIMITS)
    assert venue.clock.now_ms() - before >= least
    assert store.orders.unresolved() == []


async def test_an_obstacle_of_the_venue_s_own_stops_the_plan() -> None:
    own = Problem(P.ACCOUNT_KIND, "a classic account", "upgrade it")
    venue = FakeVenue(own_obstacles=(own,))
    assert (await check(plan_for(), venue, venue.clock, LIMITS)).problems == (own,)
    result = await carry_out(plan_for(), venue, memory_store(), venue.clock, LIMITS)
    assert (result.status, venue.accepted) == ("none", [])
    assert "a classic account (upgrade it)" in (result.reason or "")


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
