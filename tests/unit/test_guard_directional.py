"""A position of one leg: the volatility rules bind every entry of trader #11, and not another trader's direction."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.guard_cases import directional
from tests.guard_scenario import Scenario, permitted

D = Decimal
#: Readings that close the door to a gamma pair, and the rule that does.
SHUT: dict[str, dict[str, float]] = {
    "regime_unclear": {"_1h__atr_ratio": 1.1},
    "regime_contraction": {"_1h__atr_ratio": 0.7},
    "regime_extreme": {"_1h__vix_proxy": 2.6},
    "dead_market": {"_1d__natr14": 0.005},
    "entry_signals": {"_1h__bb_expansion_age": 50.0},
}


def elsewhere(**limits: Any) -> Scenario:
    """The same position of trader #90."""
    one = directional(**limits)
    context = one.context.model_copy(update={"trader_id": 90}).hashed()
    return replace(one, context=context, constraints=one.constraints.model_copy(update={"trader_id": 90}))


@pytest.mark.parametrize("rule", SHUT)
def test_what_shuts_the_door_to_a_pair_says_nothing_about_a_direction_of_another_trader(rule: str) -> None:
    assert rule in permitted().with_readings(**SHUT[rule]).with_evidence().refusals()
    assert rule in directional().with_readings(**SHUT[rule]).with_evidence().refusals()
    assert elsewhere().with_readings(**SHUT[rule]).with_evidence().refusals() == []


def test_its_size_follows_depth_and_not_the_regime() -> None:
    plan = elsewhere().with_readings(_1h__atr_ratio=1.6).with_evidence().review().plan
    assert plan is not None
    # 10 % of 100,000 at 6.2 M of depth, and one leg carries all of it: 10,000 x 5 / 120
    assert (plan.pair_margin, [leg.quantity for leg in plan.legs]) == (D(10_000), [D("416.66")])


def test_its_losses_and_limits_are_judged_like_any_others() -> None:
    assert "leverage_range" in directional().with_plan(leverage=9).refusals()
    assert "directional_share" in directional().with_plan(pair_margin_fraction=D("0.11")).refusals()
    assert "liquidation_distance" in directional(leverage_max=30).with_plan(leverage=12).refusals()
