"""How verdicts come about: what reduces risk passes, what tightens changes the decision once, what breaks refuses."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.ladder_shape import steps_complaint
from orchestrator.risk_guard.review import GUARD_VERSION, review
from orchestrator.risk_guard.rule import Remark, money, note, num, refuse, rule
from orchestrator.risk_guard.rulebook import RULES
from tests.guard_cases import leaving, spread, standing
from tests.guard_scenario import AVAX, NOW, PLAN, SOL, D, Scenario, book, leg_quote, open_pair, permitted
from traders.contract.base import ContractError
from traders.contract.decision import Action, Band, Decision, Evidence
from traders.contract.quote import Switches
from traders.contract.verdict import Verdict


def hostile(scenario: Scenario) -> Scenario:
    """Everything against it: kill, latch, unknown orders, stale data, no readings, no quote, heavy losses, bad hash."""
    changed = scenario.with_switches(
        kill=True, drawdown_latched=True, unknown_orders=3, unprotected_pairs=2, blackout="x", llm_tokens_left=0
    )
    changed = changed.with_portfolio(equity=D(1), cash=D(-5), trades_24h=99)
    changed = changed.with_context(readings={}, sources={})
    changed = replace(changed, context=changed.context.model_copy(update={"context_hash": "0"}))
    return changed.with_quote(legs={}, clock_drift_ms=10**9, available_margin=None, position_mode=None)


def tightening(**changes: Any) -> Scenario:
    """A rebalance whose plan is the standing one of p1, changed."""
    plan = open_pair().plan.model_copy(update=changes)
    return standing(plan=plan)


def test_the_plan_of_the_permitted_entry_is_exact() -> None:
    plan = permitted().review().plan
    assert plan is not None
    assert json.loads(plan.model_dump_json()) == {
        "decision_id": "11-SOLUSDT-20250101T120000Z",
        "symbol": SOL,
        "pair_margin": "20000",
        "leverage": 5,
        "entry_price": "120",
        "legs": [
            {
                "leg_id": "0-long",
                "venue": "paper",
                "symbol": SOL,
                "side": "long",
                "quantity": "416.66",
                "limit_price": "120.12",
            },
            {
                "leg_id": "1-short",
                "venue": "paper",
                "symbol": SOL,
                "side": "short",
                "quantity": "416.66",
                "limit_price": "119.88",
            },
        ],
        "bands": [
            {"move": 0.02, "leg": "losing", "fraction": 0.5},
            {"move": 0.04, "leg": "both", "fraction": 1.0},
        ],
        "bracket": {"upper": "126", "lower": "114"},
        "stop": 0.08,
        "target": 0.12,
        "expires_at": NOW + 30_000,
    }


def test_the_verdict_names_what_it_rests_on() -> None:
    scenario = permitted()
    verdict = scenario.review()
    assert verdict.constraints_version == 1
    assert verdict.constraints_hash == scenario.constraints.hash
    assert verdict.guard_version == GUARD_VERSION
    assert Verdict.model_validate_json(verdict.model_dump_json(by_alias=True)) == verdict


def test_all_findings_are_reported_at_once() -> None:
    spoiled = (
        permitted()
        .with_switches(kill=True)
        .with_plan(leverage=9, take_profit=D("0.119"))
        .with_leg(book_as_of=NOW - 20_000)
        .with_readings(**{"1d__natr14": 0.001})
    )
    assert set(spoiled.refusals()) == {"kill_switch", "leverage_range", "reward_risk", "book_stale", "dead_market"}
    verdict = spoiled.review()
    assert (verdict.outcome, verdict.decision, verdict.plan) == ("refused", None, None)


@pytest.mark.parametrize("action", [Action.HOLD, Action.STAND_ASIDE, Action.EXIT, Action.REDUCE])
def test_what_reduces_risk_passes_whatever_happens(action: Action) -> None:
    share = {"reduce_fraction": D("0.5")} if action is Action.REDUCE else {}
    base = leaving("p1").with_decision(action=action, confidence=D(0), **share)
    scenario = hostile(base.with_decision(evidence=(Evidence(reading="sol.1h.invented", value=D(1)),)))
    verdict = scenario.review()
    assert verdict.outcome == "approved"
    assert verdict.decision == scenario.decision
    assert verdict.plan is None
    assert {finding.rule for finding in verdict.findings} == {"context_tampered", "llm_budget", "ungrounded"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stop_loss": D("0.01")},
        {"stop_loss": D(0)},
        {"take_profit": D("0.01")},
        {"max_holding_hours": D(1)},
        {"trailing_atr_multiple": D(1)},
        {"reversal_rule": "entry"},
        {
            "bands": (
                Band(move=D("0.005"), leg="losing", fraction=D("0.5")),
                Band(move=D("0.01"), leg="both", fraction=D(1)),
            )
        },
    ],
)
def test_a_rebalance_that_tightens_passes_whatever_happens(changes: dict[str, Any]) -> None:
    scenario = hostile(tightening(**changes))
    verdict = scenario.review()
    assert verdict.outcome == "approved"
    assert verdict.decision == scenario.decision
    assert verdict.plan is None


@pytest.mark.parametrize(
    "changes",
    [
        {"pair_margin_fraction": D("0.16")},
        {"stop_loss": D("0.0801")},
        {"take_profit": D("0.1201")},
        {"max_holding_hours": D(0)},
        {"trailing_atr_multiple": D("3.1")},
        {"reversal_rule": "none"},
        {"rehedge": "at_band"},
        {"reopen": True},
        {"leverage": 6},
        {"leverage": 0},
        {"pair_margin_fraction": D(0)},
        {"take_profit": D(0)},
        {"trailing_atr_multiple": D(0)},
        {"bands": ()},
        {"bands": (PLAN.bands[0], Band(move=D("0.05"), leg="both", fraction=D(1)))},
        {"bands": (Band(move=D("0.04"), leg="losing", fraction=D("0.5")), PLAN.bands[1])},
        {"bands": (Band(move=D("0.01"), leg="losing", fraction=D("0.6")), PLAN.bands[1])},
    ],
)
def test_a_rebalance_that_loosens_is_judged_like_an_entry(changes: dict[str, Any]) -> None:
    assert "kill_switch" in tightening(**changes).with_switches(kill=True).refusals()


def test_a_longer_holding_time_than_the_pair_has_is_judged_like_an_entry() -> None:
    short = open_pair().plan.model_copy(update={"max_holding_hours": D(24)})
    scenario = standing(plan=short.model_copy(update={"max_holding_hours": D(30)}))
    scenario = scenario.with_portfolio(pairs=(open_pair(plan=short),)).with_switches(kill=True)
    assert scenario.refusals() == ["kill_switch"]


def test_a_rebalance_orders_only_what_is_missing() -> None:
    verdict = standing().review()
    assert verdict.outcome == "approved"
    assert verdict.plan is not None
    assert [(leg.leg_id, leg.quantity) for leg in verdict.plan.legs] == [
        ("0-long", D("416.66") - D("317.79")),
        ("1-short", D("416.66") - D("317.79")),
    ]


def test_a_rebalance_restores_a_half_closed_leg_only() -> None:
    """After band 1 up the short is half closed; restoring the hedge at the same size orders the short alone."""
    pair = open_pair(pair_margin=D(20_000))
    legs = tuple(
        leg.model_copy(update={"quantity": D("416.66") if leg.side == "long" else D("208.33")}) for leg in pair.legs
    )
    scenario = standing().with_portfolio(pairs=(pair.model_copy(update={"legs": legs}),))
    plan = scenario.review().plan
    assert plan is not None
    assert [(leg.leg_id, leg.quantity) for leg in plan.legs] == [("1-short", D("208.33"))]


def test_a_rebalance_that_leaves_the_legs_unequal_is_refused() -> None:
    pair = open_pair()
    legs = tuple(leg.model_copy(update={"quantity": D(500) if leg.side == "long" else D(100)}) for leg in pair.legs)
    scenario = standing().with_portfolio(pairs=(pair.model_copy(update={"legs": legs}),))
    assert scenario.refusals() == ["entry_net_delta"]


def test_the_only_pair_is_named_in_the_decision() -> None:
    verdict = leaving(None).review()
    assert verdict.outcome == "amended"
    assert verdict.decision is not None
    assert verdict.decision.pair_id == "p1"


def test_sustained_high_volatility_halves_the_size_and_tightens_the_ladder() -> None:
    """domain.md section 3: size x 0.5, moves x 0.75. Above ratio 2: f_eff = 0.20 x 0.5 = 0.10; q 208.33."""
    verdict = permitted().with_readings(**{"1h__natr14": 0.0131}).review()
    assert verdict.outcome == "amended"
    assert verdict.decision is not None and verdict.decision.plan is not None and verdict.plan is not None
    assert [band.move for band in verdict.decision.plan.bands] == [D("0.015"), D("0.03")]
    assert verdict.decision.plan.pair_margin_fraction == D("0.20"), "the requested fraction stays"
    assert verdict.plan.pair_margin == D(10_000)
    assert {leg.quantity for leg in verdict.plan.legs} == {D("208.33")}
    assert (verdict.plan.bracket.upper, verdict.plan.bracket.lower) == (D("124.8"), D("115.2"))
    cut = next(finding for finding in verdict.findings if finding.rule == "size_scaled")
    assert (cut.observed, cut.limit) == (0.2, 0.1)


def test_a_loose_ladder_is_not_made_tight_it_is_refused() -> None:
    high = permitted().with_readings(**{"1h__natr14": 0.0131})
    loose = high.with_bands(("0.02", "losing", "0.4"), ("0.04", "both", "1")).review()
    assert {f.rule for f in loose.findings if f.effect != "note"} == {"bands_loose", "size_scaled"}


def test_a_capped_holding_time_is_the_constraint() -> None:
    verdict = permitted().with_plan(max_holding_hours=D(72)).review()
    assert verdict.outcome == "amended"
    assert verdict.decision is not None and verdict.decision.plan is not None
    assert verdict.decision.plan.max_holding_hours == D(48)


def test_an_amended_decision_may_turn_out_to_be_a_tightening_and_then_needs_no_plan() -> None:
    """Standing bands 1.5 % / 3 %; asked 1.6 % / 3.2 %, which high volatility makes 1.2 % / 2.4 %."""
    narrow = (Band(move=D("0.015"), leg="losing", fraction=D("0.5")), Band(move=D("0.03"), leg="both", fraction=D(1)))
    wider = (Band(move=D("0.016"), leg="losing", fraction=D("0.5")), Band(move=D("0.032"), leg="both", fraction=D(1)))
    pair = open_pair()
    pair = pair.model_copy(update={"plan": pair.plan.model_copy(update={"bands": narrow})})
    scenario = (
        standing(plan=pair.plan.model_copy(update={"bands": wider}))
        .with_portfolio(pairs=(pair,))
        .with_readings(**{"1h__natr14": 0.0131})
    )
    first = scenario.review()
    assert (first.outcome, first.plan) == ("amended", None)
    assert first.decision is not None
    second = replace(scenario, decision=first.decision).review()
    assert (second.outcome, second.decision, second.plan) == ("approved", first.decision, None)


def test_a_missing_pair_plan_is_no_crash() -> None:
    with pytest.raises(LookupError):
        _ = Case(_bench(leaving("p1")), leaving("p1").decision).plan


def _bench(scenario: Scenario) -> Any:
    from orchestrator.risk_guard.bench import Bench

    return Bench(scenario.context, scenario.quote, scenario.switches, scenario.constraints)


@rule(RuleCode.KILL_SWITCH, scope="any")
def breaks(case: Case) -> Remark | None:
    raise ContractError("any error at all")


@rule(RuleCode.REOPEN, "note", scope="any")
def breaks_in_a_note(case: Case) -> Remark | None:
    raise ZeroDivisionError


def test_a_rule_that_breaks_refuses_an_entry_and_only_notes_elsewhere() -> None:
    verdict = permitted().review([breaks])
    assert verdict.outcome == "refused"
    assert verdict.findings[0].rule == "kill_switch"
    assert "ContractError" in verdict.findings[0].message
    assert leaving("p1").review([breaks]).outcome == "approved"
    assert permitted().review([breaks_in_a_note]).outcome == "approved"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s.with_plan(leverage=0),
        lambda s: s.with_plan(leverage=-5),
        lambda s: s.with_plan(pair_margin_fraction=D(-1)),
        lambda s: s.with_plan(pair_margin_fraction=D("1e15")),
        lambda s: s.with_plan(bands=()),
        lambda s: s.with_bands(("0.04", "both", "1")),
        lambda s: s.with_bands(("-0.02", "losing", "0.5"), ("0.04", "both", "1")),
        lambda s: s.with_bands(("0.02", "losing", "0"), ("0.04", "both", "1")),
        lambda s: s.with_bands(("0.02", "losing", "0.5"), ("1", "both", "1")),
        lambda s: s.with_bands(("0.02", "losing", "0.5"), ("0.02", "both", "1")),
        lambda s: s.with_bands(("0.02", "losing", "1"), ("0.04", "both", "1")),
        lambda s: s.with_bands(("0.02", "losing", "0.5"), ("0.04", "losing", "1")),
        lambda s: s.with_bands(("0.02", "losing", "0.5"), ("0.04", "both", "0.9")),
        lambda s: s.with_bands(("0.02", "both", "0.5"), ("0.04", "both", "1")),
        lambda s: s.with_bands(("0.02", "winning", "0.5"), ("0.04", "both", "1")),
        lambda s: s.with_plan(legs=PLAN.legs[:1]),
        lambda s: s.with_plan(legs=(PLAN.legs[0], PLAN.legs[0])),
        lambda s: s.with_plan(legs=tuple(leg.model_copy(update={"weight": D(0)}) for leg in PLAN.legs)),
        lambda s: s.with_plan(legs=tuple(leg.model_copy(update={"weight": D(-1)}) for leg in PLAN.legs)),
        lambda s: s.with_plan(stop_loss=D(0)),
        lambda s: s.with_plan(stop_loss=D(-1)),
        lambda s: s.with_portfolio(equity=D(0)),
        lambda s: s.with_portfolio(equity=D(-1)),
        lambda s: s.with_portfolio(equity=D("1e18"), equity_high=D("1e18"), day_start_equity=D("1e18"), cash=D("1e18")),
        lambda s: s.with_quote(fees=s.quote.fees.model_copy(update={"taker": D("0.4")})),
        lambda s: s.with_quote(fees=s.quote.fees.model_copy(update={"taker": D(1) / 3})),
        lambda s: s.with_leg(tiers=(s.quote.legs[SOL].tiers[0].model_copy(update={"maintenance_margin_rate": D(1)}),)),
        lambda s: s.with_context(readings={}),
        lambda s: s.with_context(symbol=""),
    ],
)
def test_absurd_input_is_refused_and_never_raises(spoil: Any) -> None:
    assert spoil(permitted()).review().outcome == "refused"


@pytest.mark.parametrize(
    ("moves", "fractions", "said"),
    [
        (("0.02", "0.04"), ("0.5", "1"), None),
        (("0.04",), ("1",), "at least two"),
        (("0", "0.04"), ("0.5", "1"), "above 0 and below 1"),
        (("0.02", "1"), ("0.5", "1"), "above 0 and below 1"),
        (("0.02", "0.04"), ("0", "1"), "fractions are above 0"),
        (("0.02", "0.02"), ("0.5", "1"), "moves must rise"),
        (("0.02", "0.03", "0.04"), ("0.5", "0.5", "1"), "fractions must rise"),
        (("0.02", "0.04"), ("0.5", "0.99"), "closes both legs whole"),
    ],
)
def test_what_a_ladder_is(moves: tuple[str, ...], fractions: tuple[str, ...], said: str | None) -> None:
    legs = ["losing"] * (len(moves) - 1) + ["both"]
    bands = [
        Band(move=D(move), leg=leg, fraction=D(fraction))  # type: ignore[arg-type]
        for move, leg, fraction in zip(moves, legs, fractions, strict=True)
    ]
    complaint = steps_complaint(bands)
    assert complaint is None if said is None else said in str(complaint)


def test_a_grid_and_an_instant_rehedge_are_refused_for_their_gamma() -> None:
    """domain.md section 2: the mirror grid has -43.4, the instant re-hedge 0."""
    grid = permitted().with_bands(("0.02", "winning", "0.5"), ("0.04", "both", "1")).review()
    found = {finding.rule: finding.observed for finding in grid.findings if finding.effect == "refuse"}
    assert found["effective_gamma"] == pytest.approx(-43.4021, abs=1e-4)
    at_band = permitted().with_plan(rehedge="at_band").review()
    assert [(f.rule, f.observed) for f in at_band.findings if f.effect == "refuse"] == [("effective_gamma", 0.0)]


def test_an_endless_break_even_is_said_as_text() -> None:
    """At c = 0.4 the costs eat the gain at every price: break-even is infinitely far, which no JSON number carries."""
    scenario = permitted().with_quote(fees=permitted().quote.fees.model_copy(update={"taker": D("0.4")}))
    finding = next(f for f in scenario.review().findings if f.rule == "break_even")
    assert finding.observed == "Infinity"


def test_a_target_no_ladder_can_reach_is_said() -> None:
    scenario = permitted().with_quote(fees=permitted().quote.fees.model_copy(update={"taker": D("0.005")}))
    finding = next(f for f in scenario.review().findings if f.rule == "one_ladder")
    assert "cannot be reached" in finding.message


def test_a_gamma_pair_with_one_leg_elsewhere_is_on_the_wrong_venue() -> None:
    legs = (PLAN.legs[0], PLAN.legs[1].model_copy(update={"venue": "bybit"}))
    quotes = {**permitted().quote.legs, "bybit": leg_quote(venue="bybit")}
    scenario = permitted().with_plan(legs=legs).with_quote(legs=quotes)
    assert set(scenario.refusals()) == {"venue_mismatch", "legs_of_kind"}


def test_a_spread_pair_is_sized_on_each_legs_own_price() -> None:
    bids, asks = book(40, first=6000, rest=9000)
    avax = leg_quote(AVAX, mid=40, bids=bids, asks=asks)
    scenario = spread().with_quote(legs={**spread().quote.legs, AVAX: avax})
    readings = dict(scenario.context.readings)
    readings["avax.price.last"] = readings["sol.price.last"].model_copy(update={"value": 40.0})
    plan = scenario.with_context(readings=readings).review().plan
    assert plan is not None
    assert [leg.quantity for leg in plan.legs] == [D("416.66"), D(1250)]


def test_the_ambient_arithmetic_does_not_matter() -> None:
    from decimal import localcontext

    calm = permitted().review()
    with localcontext() as context:
        context.prec = 5
        assert permitted().review() == calm


def test_rules_can_be_left_out_only_by_name() -> None:
    """Without any rule an entry is still only permitted when it can be worked out."""
    assert permitted().review([]).outcome == "approved"
    assert permitted().with_quote(legs={}).refusals([]) == ["not_computable"]
    assert len(RULES) > 90


def test_review_is_what_the_scenario_calls() -> None:
    s = permitted()
    assert review(s.decision, s.context, s.quote, Switches(), s.constraints) == s.review()


def test_numbers_in_findings_are_json() -> None:
    assert num(D("0.1")) == 0.1
    assert num(float("inf")) == "inf"
    assert money(D("-0")) == "0"
    assert money(D("1E+3")) == "1000"
    assert refuse("x").finding(RuleCode.DEPTH).effect == "refuse"
    assert note("x").finding(RuleCode.DEPTH).effect == "note"


def test_a_decision_without_evidence_cannot_be_written_but_would_be_refused() -> None:
    with pytest.raises(ValueError, match="evidence"):
        Decision.model_validate(permitted().decision.model_dump() | {"evidence": ()})
    assert permitted().with_decision(evidence=()).refusals() == ["ungrounded"]
