"""The rules policy and the guard read the same numbers: what one proposes on good conditions, the other permits."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.risk_guard.review import review
from tests.guard_scenario import Scenario, permitted
from tests.trader_samples import VALUES
from traders.contract.context import Context, Reading
from traders.contract.decision import Action, Regime
from traders.volatility_gamma.catalogue import catalogue
from traders.volatility_gamma.regime import regime_of, signals_of
from traders.volatility_gamma.rules_policy import decide

D = Decimal


def scene(**values: float) -> Scenario:
    """The guard's permitted situation with every reading of ours, at the guard's own prices."""
    base = permitted()
    changed = {name.removeprefix("_").replace("__", "."): value for name, value in values.items()}
    quiet = {"price.last": 120.0, "price.mark": 120.0, "price.index": 120.0, "price.basis": 0.0, "book.mid": 120.0}
    shown = VALUES | quiet | {"1h.atr14": 1.44, "1h.close": 120.0} | changed
    readings = {
        name: Reading(
            value=shown[name.removeprefix("sol.")], digits=spec.digits, unit=spec.unit, as_of=base.context.as_of
        )
        for name, spec in catalogue("sol").items()
    }
    context: Context = base.context
    regime = regime_of(readings, "sol", context.symbol, context.portfolio, context.limits)
    return base.with_context(readings=readings, regime=regime)


@pytest.mark.parametrize(
    ("changes", "regime", "margin"),
    [
        ({}, "low_vol_expanding", "0.15"),
        ({"_1h__atr_ratio": 2.3, "funding__rate_8h": 0.0006}, "low_vol_expanding", "0.2"),
        ({"_1h__natr14": 0.03, "_1h__vix_proxy": 1.4}, "high_vol_sustained", "0.15"),
    ],
)
def test_what_the_rules_propose_the_guard_permits(changes: dict[str, float], regime: str, margin: str) -> None:
    situation = scene(**changes)
    assert situation.context.regime == regime
    decision = decide(situation.context)
    assert decision.action is Action.ENTER and decision.plan is not None
    assert decision.plan.pair_margin_fraction == D(margin)
    verdict = review(decision, situation.context, situation.quote, situation.switches, situation.constraints)
    refusals = [(item.rule, item.message) for item in verdict.findings if item.effect == "refuse"]
    assert refusals == [] and verdict.plan is not None
    assert len(verdict.plan.legs) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"_1h__atr_ratio": 1.5},
        {"_1h__atr_ratio": 3.1},
        {"_1h__atr_ratio": 0.7},
        {"_1h__tr_multiple": 3.2},
        {"_1h__vix_proxy": 2.6},
        {"_1h__bb_expansion_age": 48.0},
        {"_1d__natr14": 0.005},
    ],
)
def test_where_the_rules_stand_aside_the_guard_would_have_refused(changes: dict[str, float]) -> None:
    """The entry of the good case, reviewed in the bad one: the policy is no looser than the guard."""
    situation = scene(**changes)
    assert decide(situation.context).action is Action.STAND_ASIDE
    entry: Any = decide(scene().context)
    bare = entry.model_copy(update={"evidence": entry.evidence[2:3], "invalidation": ()})
    verdict = review(bare, situation.context, situation.quote, situation.switches, situation.constraints)
    assert verdict.outcome == "refused"


def test_a_pair_held_is_never_refused() -> None:
    from tests.guard_scenario import open_pair

    situation = scene().with_portfolio(pairs=(open_pair(),))
    decision = decide(situation.context)
    assert decision.action is Action.HOLD
    verdict = review(decision, situation.context, situation.quote, situation.switches, situation.constraints)
    assert verdict.outcome == "approved"


def test_equality_at_a_threshold_does_nothing() -> None:
    """0.0005 is not above 0.0005, 1.5 not above 1.5, 2.5 and 3 not above themselves."""
    at = scene(
        _1h__atr_ratio=1.5, funding__rate_8h=0.0005, _1h__tr_multiple=3.0, _1h__vix_proxy=2.5, book__imbalance=0.6
    ).context
    signals = signals_of(at.readings, "sol", at.limits)
    assert (signals.volatility, signals.funding, signals.imbalance) == (False, False, True)
    assert at.regime is not Regime.EXTREME_VOL
