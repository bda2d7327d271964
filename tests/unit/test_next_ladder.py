"""When a cycle may go on (domain.md section 3, re-open), with the figures of that page."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.next_ladder import NEXT_LADDER, EndedLadder, next_ladder, obstacles
from orchestrator.rebalancer.events import Ended
from orchestrator.rebalancer.state import Phase
from tests.guard_scenario import HOUR, NOW, permitted
from tests.open_pairs import open_pair
from tests.rebalancer_driver import Driver, make_rules, make_state
from traders.contract.context import Context
from traders.contract.decision import Action, Condition

D = Decimal


def ended(net: str = "398.25", carried: str = "0", **rules: Any) -> EndedLadder:
    """N 50,000 at 120 and 5x, closed at its last band; 398.25 is what the first golden ladder came to."""
    scene = permitted()
    assert scene.decision.plan is not None
    given = {"stop": D("0.08"), "collapse_level": D("1.5"), "deadline": NOW + 40 * HOUR, **rules}
    state = make_state(rules=make_rules(**given)).model_copy(update={"phase": Phase.FLAT, "carried": D(carried)})
    pair = open_pair().model_copy(update={"plan": scene.decision.plan})
    return EndedLadder(pair, scene.decision, state, D(net))


def shown(reading: str | None = None, value: float = 0.0) -> Context:
    """The permitted scene, one reading changed."""
    context = permitted().context
    if reading is None:
        return context
    changed = context.readings[reading].model_copy(update={"value": value})
    return context.model_copy(update={"readings": {**context.readings, reading: changed}})


def test_nothing_against_it() -> None:
    proposal = next_ladder(ended(carried="-100"), shown("sol.1h.natr14", 0.0131))
    decision = proposal.decision
    assert (decision.action, proposal.model, proposal.requests) == (Action.ENTER, NEXT_LADDER, ())
    assert decision.plan is not None
    assert decision.plan.max_holding_hours == 40, "what is left of the cycle's time"
    assert decision.plan.model_copy(update={"max_holding_hours": D(48)}) == ended().pair.plan.model_copy(
        update={"max_holding_hours": D(48)}
    )
    assert "298.25" in decision.rationale
    assert decision.evidence
    assert all(float(item.value) == shown("sol.1h.natr14", 0.0131).value(item.reading) for item in decision.evidence)


@pytest.mark.parametrize(("ratio", "ends"), [(1.5, True), (1.5001, False)])
def test_above_the_collapse_level(ratio: float, ends: bool) -> None:
    found = obstacles(ended(), shown("sol.1h.atr_ratio", ratio))
    assert any("collapse" in text for text in found) is ends


@pytest.mark.parametrize(("left", "ends"), [(6 * HOUR, False), (6 * HOUR - 1, True)])
def test_at_least_six_hours_left(left: int, ends: bool) -> None:
    found = obstacles(ended(deadline=shown().as_of + left), shown())
    assert any("6 are needed" in text for text in found) is ends


@pytest.mark.parametrize(("net", "ends"), [("-499", False), ("-500", True)])
def test_one_more_ladder_may_not_lose_more_than_the_stop(net: str, ends: bool) -> None:
    """5x, stop 8 %: the worst golden ladder loses 1,100.50 of 20,000, 5.5025 %: -2.4975 % = -499.5 is the border."""
    found = obstacles(ended(net), shown())
    assert any("one more ladder" in text for text in found) is ends, found


def test_no_invalidation_may_be_true_or_unknown() -> None:
    extreme = Condition(reading="sol.1h.tr_multiple", op="gt", value=D(3))
    assert obstacles(ended(invalidation=(extreme,)), shown()) == ()
    assert "tr_multiple" in obstacles(ended(invalidation=(extreme,)), shown("sol.1h.tr_multiple", 3.1))[0]
    gone = Condition(reading="sol.1h.never_shown", op="gt", value=D(3))
    assert "never_shown" in obstacles(ended(invalidation=(gone,)), shown())[0]


def test_all_that_is_against_it_is_said() -> None:
    proposal = next_ladder(ended("-3000", deadline=NOW), shown("sol.1h.atr_ratio", 1.0))
    assert proposal.decision.action is Action.STAND_ASIDE
    assert proposal.decision.rationale.count(";") == 2


@pytest.mark.parametrize(("plan", "limit", "marks", "may"), [
    (True, False, ("122.4", "124.8"), True),
    (False, False, ("122.4", "124.8"), False),
    (True, False, ("122.4", "117.6"), False),
    (True, True, ("122.4", "117.6"), True),
    (False, True, ("122.4", "117.6"), False),
])  # fmt: skip
def test_which_ends_may_be_followed(plan: bool, limit: bool, marks: tuple[str, str], may: bool) -> None:
    """After the last band where the plan says so, after a reversal where `reopen_after_reversal` does too."""
    driver = Driver(make_state(rules=make_rules(reopen=plan, reopen_after_reversal=limit)))
    for mark in marks:
        driver.mark(mark)
    (end,) = [command for command in driver.commands if isinstance(command, Ended)]
    assert end.may_reopen is may


def test_a_cycle_stops_on_what_all_its_ladders_came_to() -> None:
    """At 120 two fresh legs stand at -100 (fees, and those of closing): with -1,500 carried the stop of 8 % is met."""
    rules = make_rules(stop=D("0.08"))
    assert make_state(rules=rules).cycle_pnl(D(120)) == -100
    driver = Driver(make_state(rules=rules).model_copy(update={"carried": D(-1499)}))
    driver.mark("120")
    assert driver.reasons == []
    driver = Driver(make_state(rules=rules).model_copy(update={"carried": D(-1500)}))
    driver.mark("120")
    assert driver.reasons == ["stop"]
