"""What holds for every verdict, whatever is proposed (architecture.md, the guard)."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.guard_cases import CASES
from tests.guard_fuzz import CHANGES, absurd, decisions, from_cases, spoiled
from tests.guard_oracle import violations
from tests.guard_scenario import AVAX, D, Scenario, limits_of, open_pair, permitted
from traders.contract.bundle import Bundle
from traders.contract.constraints import ConstraintError
from traders.contract.decision import Action, Decision
from traders.contract.verdict import Verdict

QUIET = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def test_what_is_permitted_satisfies_an_independent_oracle() -> None:
    """At least 1 % must be permitted, or the property would say nothing."""
    counts: Counter[str] = Counter()

    @settings(QUIET, max_examples=500)
    @given(spoiled())
    def holds(scenario: Scenario) -> None:
        verdict = scenario.review()
        counts[verdict.outcome] += 1
        if verdict.outcome == "refused":
            assert (verdict.decision, verdict.plan) == (None, None)
            assert any(finding.effect == "refuse" for finding in verdict.findings)
        else:
            assert violations(scenario, verdict) == []

    holds()
    assert counts["approved"] + counts["amended"] >= 0.01 * counts.total(), counts
    assert counts["amended"] and counts["refused"], counts


def test_the_oracle_can_fail() -> None:
    """With no rules at all the oracle finds what is wrong."""
    wrong = permitted().with_plan(leverage=9, stop_loss=D("0.09")).with_switches(kill=True)
    found = violations(wrong, wrong.review([]))
    assert {"leverage 5 to 8", "stop 2 to 8 %", "kill or latch"} <= set(found)


@QUIET
@given(absurd())
def test_total(scenario: Scenario) -> None:
    verdict = scenario.review()
    assert verdict == scenario.review(), "the same input gives the same verdict"
    if verdict.outcome == "refused":
        assert (verdict.decision, verdict.plan) == (None, None)
    else:
        assert verdict.decision is not None
        assert {finding.effect for finding in verdict.findings} <= {"note", "amend"}
        if scenario.decision.action is Action.ENTER:
            assert violations(scenario, verdict) == []
    again = Verdict.model_validate_json(verdict.model_dump_json(by_alias=True))
    assert again == verdict


@QUIET
@given(st.one_of(spoiled(most=3), from_cases()))
def test_reviewing_what_was_permitted_changes_nothing(scenario: Scenario) -> None:
    first = scenario.review()
    assume(first.decision is not None)
    assert first.decision is not None
    second = replace(scenario, decision=first.decision).review()
    assert second.outcome != "refused"
    assert (second.decision, second.plan) == (first.decision, first.plan)


@QUIET
@given(st.one_of(spoiled(most=3), from_cases(), absurd()))
def test_a_round_trip_through_json_changes_nothing(scenario: Scenario) -> None:
    bundle = Bundle(context=scenario.context, quote=scenario.quote, switches=scenario.switches)
    text = json.dumps(bundle.model_dump(mode="json", by_alias=True))
    read = Bundle.model_validate_json(text)
    decision = Decision.model_validate_json(scenario.decision.model_dump_json())
    again = replace(scenario, decision=decision, context=read.context, quote=read.quote, switches=read.switches)
    assert again.review() == scenario.review()


@QUIET
@given(decisions(), absurd())
def test_what_only_reduces_risk_is_never_refused_for_the_market(decision: Decision, scenario: Scenario) -> None:
    assume(not decision.adds_risk)
    named = decision.model_copy(update={"pair_id": "p1", "symbol": open_pair().symbol})
    scenario = replace(scenario, decision=named).with_portfolio(pairs=(open_pair(), open_pair("p2", AVAX)))
    verdict = scenario.review()
    assert verdict.outcome == "approved"
    assert (verdict.decision, verdict.plan) == (named, None)


#: Constraint -> values that are tighter than the seed, in order.
TIGHTER: dict[str, list[Any]] = {
    "leverage_min": [6, 7],
    "leverage_max": [7, 6],
    "pair_margin_min": [0.16, 0.18],
    "pair_margin_max": [0.19, 0.17],
    "pair_margin_floor_numerator": [0.3, 0.6],
    "pairs_max": [1, 0],
    "pairs_per_symbol_max": [0],
    "vol_capture_share_max": [0.5, 0.19],
    "cash_reserve_min": [0.35, 0.4],
    "max_drawdown": [0.2, 0.1],
    "daily_loss_max": [0.05, 0.01],
    "stop_loss_min": [0.03, 0.05],
    "stop_loss_max": [0.07, 0.05],
    "take_profit_min": [0.06, 0.1],
    "take_profit_max": [0.14, 0.12],
    "reward_risk_min": [1.51, 1.8],
    "trailing_atr_multiple": [2.5, 1],
    "trades_per_day_max": [12, 2],
    "holding_hours_max": [24, 1],
    "entry_net_delta_max": [0.005, 0],
    "net_delta_max": [0.34, 0.3334],
    "effective_gamma_min": [20, 60],
    "breakeven_margin": [0.006, 0.015],
    "cost_multiple_min": [2.5, 3],
    "atr_ratio_contraction": [0.9, 1.4],
    "atr_ratio_extreme": [2.5, 2.0],
    "tr_extreme_multiple": [2, 1],
    "natr_min_daily": [0.02, 0.05],
    "vix_proxy_fade": [2, 1.5],
    "bb_active_bars": [24, 1],
    "funding_extreme": [0.00055, 0.001],
    "funding_blackout_s": [120, 3700],
    "imbalance_min": [0.62, 0.69],
    "entry_min_signals": [3, 4],
    "slippage_max": [0.0005, 0.00008],
    "basis_max": [0.001],
    "mark_last_divergence_max": [0.001],
    "liquidation_distance_min": [0.07, 0.1],
    "clock_skew_max_ms": [100, 30],
    "confidence_min": [0.6, 0.9],
    "requote_move_max": [0.002, 0.0005],
    "data_age_max_s": [{"market": 60, "book": 10, "funding": 600, "positioning": 600}],
    "allowed_symbols": [["AVAX/USDT:USDT"]],
    "forbidden_bases": [["SOL"]],
    "reversal_rule": ["entry"],
}


@settings(QUIET, max_examples=300)
@given(spoiled(most=2), st.sampled_from(sorted(TIGHTER)), st.data())
def test_a_tighter_constraint_never_lets_more_through(scenario: Scenario, key: str, data: st.DataObject) -> None:
    try:
        tighter = limits_of(**{key: data.draw(st.sampled_from(TIGHTER[key]))})
    except ConstraintError:
        assume(False)
    base = scenario.review()
    after = replace(scenario, constraints=tighter).review()
    if after.outcome != "refused":
        assert base.outcome != "refused", f"{key} tightened let through {[f.rule for f in base.findings]}"
        assert after.plan is not None and base.plan is not None
        assert after.plan.pair_margin <= base.plan.pair_margin


def test_each_of_these_constraints_refuses_something_when_tightened() -> None:
    """Otherwise the property above would hold for a constraint that nobody reads."""
    makes = [make for case in CASES.values() for make in (*case.quiet, *case.fires)]
    scenarios = [replace(make(), constraints=limits_of()) for make in makes]
    pool = [one for one in scenarios if one.decision.plan is not None and one.review().outcome != "refused"]
    assert len(pool) > 50
    for key, values in TIGHTER.items():
        outcomes = []
        for value in values:
            try:
                tighter = limits_of(**{key: value})
            except ConstraintError:
                continue
            found = (replace(one, constraints=tighter).review() for one in pool)
            outcomes.append(any(verdict.outcome == "refused" or _capped(verdict) for verdict in found))
        # an entry needs a ratio above atr_ratio_reduced, which is never below atr_ratio_contraction
        assert any(outcomes) or key == "atr_ratio_contraction", key


def _capped(verdict: Verdict) -> bool:
    return any(finding.rule == "holding_capped" and finding.limit != 48 for finding in verdict.findings)


@QUIET
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_findings_do_not_depend_on_who_asks_first(changes: list[Any]) -> None:
    """Two reviews in a row share nothing: judging another decision in between changes nothing."""
    scenario = permitted()
    for change in changes:
        scenario = change(scenario)
    first = scenario.review()
    permitted().review()
    assert scenario.review() == first
