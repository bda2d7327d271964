"""Ladders of three bands and more, ladders at the exact limit of their costs, and what tightening one means.

A quarter closed at 1 %, half at 2 %, all at 4 % unless said otherwise; N, q and c as in tests/guard_cases.py.
"""

import pytest

from indicators.bands import BandSpec
from orchestrator.risk_guard.ladder_shape import losing_complaint, steps_complaint
from orchestrator.risk_guard.tightening import closes_as_early, tightens
from tests.guard_cases import standing
from tests.guard_scenario import PLAN, SOL, D, Scenario, open_pair, permitted
from tests.unit.test_guard_boundaries import case_of
from traders.contract.decision import Band
from traders.contract.verdict import Finding

Steps = tuple[tuple[str, str, str], ...]
THREE: Steps = (("0.01", "losing", "0.25"), ("0.02", "losing", "0.5"), ("0.04", "both", "1"))


def bands(steps: Steps) -> tuple[Band, ...]:
    return tuple(Band(move=D(move), leg=leg, fraction=D(fraction)) for move, leg, fraction in steps)  # type: ignore[arg-type]


def said(scenario: Scenario, code: str) -> Finding:
    (finding,) = [finding for finding in scenario.review().findings if finding.rule == code]
    return finding


def exact_cost(taker: str) -> Scenario:
    """Best prices 0.03 from 120: 0.00025 of slippage exactly, so that c = taker + 0.00025."""
    sol = permitted().quote.legs[SOL]
    fees = permitted().quote.fees.model_copy(update={"taker": D(taker)})
    return (
        permitted()
        .with_leg(bids=((D("119.97"), D(2000)), *sol.bids[1:]), asks=((D("120.03"), D(2000)), *sol.asks[1:]))
        .with_quote(fees=fees)
    )


# Shape


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        (THREE, None),
        ((*THREE[:2], ("1", "both", "1")), "moves are above 0 and below 1"),
        ((THREE[0], ("0.01", "losing", "0.5"), THREE[2]), "moves must rise strictly"),
        ((THREE[0], ("0.04", "losing", "0.5"), THREE[2]), "moves must rise strictly"),
        ((THREE[0], ("0.02", "losing", "1"), THREE[2]), "fractions must rise strictly"),
        ((THREE[0], ("0.02", "losing", "0.25"), THREE[2]), "fractions must rise strictly"),
    ],
)
def test_each_step_of_a_ladder_counts(steps: Steps, complaint: str | None) -> None:
    assert steps_complaint(bands(steps)) == complaint
    scenario = permitted().with_bands(*steps)
    assert ("bands_invalid" in scenario.refusals()) is (complaint is not None)
    assert case_of(scenario).ladder_wrong == complaint


@pytest.mark.parametrize(
    "steps", [(("0.02", "winning", "0.5"), THREE[2]), (THREE[0], ("0.02", "winning", "0.5"), THREE[2])]
)
def test_every_band_before_the_last_closes_the_losing_leg(steps: Steps) -> None:
    assert losing_complaint(bands(steps)) == "bands before the last close the losing leg"
    assert losing_complaint(bands(THREE)) is None


def test_the_parts_of_a_ladder_are_what_each_band_newly_closes() -> None:
    """41,666 lots of 0.01: a quarter is 10,416, half 20,833: 104.16, 104.17 and 208.33."""
    case = case_of(permitted().with_bands(*THREE))
    assert case.parts == ((D("416.66"), D("104.16"), D("104.17"), D("208.33")),) * 2
    assert case.outer == D("0.04")


@pytest.mark.parametrize("rule", ["min_quantity", "min_notional"])
def test_the_smallest_part_of_a_ladder_meets_the_minima(rule: str) -> None:
    """Steps 0.25, 0.5, 0.75, 1: the parts are 104.16, 104.17, 104.16 and 104.17; 104.16 x 120 = 12,499.20."""
    ladder = permitted().with_bands(*THREE[:2], ("0.03", "losing", "0.75"), THREE[2]).with_limits(net_delta_max=0.6)
    least, more = {"min_quantity": ("104.16", "104.17"), "min_notional": ("12499.2", "12499.21")}[rule]
    assert ladder.with_contract(**{rule: D(least)}).refusals() == []
    assert ladder.with_contract(**{rule: D(more)}).refusals() == [rule]


def test_a_band_in_the_middle_that_closes_no_lot_is_refused() -> None:
    """4 lots of 100: half is 2, 0.7 of 4 is 2.8, down to 2: the second band closes none."""
    steps: Steps = (("0.01", "losing", "0.5"), ("0.02", "losing", "0.7"), ("0.04", "both", "1"))
    scenario = permitted().with_bands(*steps).with_limits(net_delta_max=0.6).with_contract(quantity_step=D(100))
    assert scenario.refusals() == ["min_lots"]
    assert scenario.with_bands(*THREE).refusals() == []


def test_liquidation_is_measured_from_the_last_band() -> None:
    """5x without maintenance margin: 20 % away; 0.12 + 0.08 is reached exactly."""
    tiers = tuple(
        tier.model_copy(update={"maintenance_margin_rate": D(0), "maintenance_amount": D(0)})
        for tier in permitted().quote.legs[SOL].tiers
    )
    scenario = permitted().with_leg(tiers=tiers).with_bands(*THREE)
    assert scenario.with_limits(liquidation_distance_min=0.16).refusals() == []
    assert scenario.with_limits(liquidation_distance_min=0.1601).refusals() == ["liquidation_distance"]


def test_gamma_is_that_of_the_first_leg() -> None:
    """A rebalance of 500 long and 100 short: 2 x 0.01 x 60,000 / 4.8^2 = 52.08; the short's 49,999.20 give 43.40."""
    legs = tuple(
        leg.model_copy(update={"quantity": D(500) if leg.side == "long" else D(100)}) for leg in open_pair().legs
    )
    scenario = standing().with_portfolio(pairs=(open_pair(legs=legs),)).with_limits(effective_gamma_min=45)
    assert scenario.refusals() == ["entry_net_delta"]


def test_a_ladder_that_closes_the_winning_leg_has_net_delta_too() -> None:
    """-0.75 / 1.25 = -0.6, which is 0.6 of gross."""
    scenario = permitted().with_bands(("0.02", "winning", "0.75"), ("0.04", "both", "1"))
    assert (said(scenario, "net_delta").observed, said(scenario, "net_delta").limit) == (0.6, 0.35)


def test_a_negative_weight_counts_with_its_size() -> None:
    """Long 3 and short -1: net 4 of gross 4."""
    legs = (PLAN.legs[0].model_copy(update={"weight": D(3)}), PLAN.legs[1].model_copy(update={"weight": D(-1)}))
    assert said(permitted().with_plan(legs=legs), "entry_net_delta").observed == 1.0


def test_high_volatility_does_not_tighten_what_is_no_ladder() -> None:
    steps: Steps = (("0.02", "losing", "0.5"), ("0.03", "losing", "0.5"), ("0.04", "both", "1"))
    verdict = permitted().with_readings(**{"1h__natr14": 0.0131}).with_bands(*steps).review()
    assert {finding.rule for finding in verdict.findings if finding.effect != "note"} == {
        "bands_invalid",
        "size_scaled",
    }


# Costs at their exact limit


def test_without_costs_break_even_is_the_first_band() -> None:
    """c = -0.00025 + 0.00025 = 0: break-even 0.02 away, and 0.02 + 0.02 is the outer band exactly."""
    assert exact_cost("-0.00025").with_limits(breakeven_margin=0.02).refusals() == []
    assert exact_cost("-0.00025").with_limits(breakeven_margin=0.0201).refusals() == ["break_even"]


def test_where_trading_is_paid_for_break_even_lies_farther_below() -> None:
    """c = -0.001: up (0.01 - 0.00401) / 0.5015 = 0.011944, down (0.01 - 0.00399) / 0.4985 = 0.012056."""
    scenario = exact_cost("-0.00125").with_limits(breakeven_margin=0.028)
    assert scenario.refusals() == ["break_even"]
    assert said(scenario, "break_even").observed == pytest.approx(0.00601 / 0.4985, rel=1e-12)


NARROW: Steps = (("0.01285", "losing", "0.5"), ("0.02905", "both", "1"))


def test_a_win_of_exactly_the_multiple_of_the_costs_is_enough() -> None:
    """Win 0.5 x 0.0162 = 0.0081 of N; costs up 4.05 x 0.0005 = 0.002025: 0.006075 is left, three times the costs."""
    scenario = exact_cost("0.00025").with_bands(*NARROW)
    assert scenario.with_limits(cost_multiple_min=3).refusals() == []
    assert scenario.with_limits(cost_multiple_min=3.0001).refusals() == ["cost_multiple"]


def test_a_win_that_the_costs_eat_exactly_never_reaches_the_target() -> None:
    """Costs up 4.05 x 0.002 = 0.0081 of N: nothing is left."""
    scenario = exact_cost("0.00175").with_bands(*NARROW)
    note = said(scenario, "one_ladder")
    assert "the target cannot be reached" in note.message
    assert isinstance(note.observed, dict)
    assert (note.observed["net_win"], note.observed["winners_needed"]) == (0.0, None)


def test_a_target_of_exactly_one_win_is_not_beyond_one_ladder() -> None:
    """No costs: 37,500 x 0.01 = 375 USDT, 0.025 of 15,000."""
    scenario = exact_cost("-0.00025").with_limits(take_profit_min=0.01, stop_loss_min=0.01)
    scenario = scenario.with_plan(pair_margin_fraction=D("0.15"), take_profit=D("0.025"), stop_loss=D("0.0125"))
    rules = {finding.rule for finding in scenario.review().findings}
    assert rules == {"one_ladder"}
    beyond = scenario.with_plan(take_profit=D("0.0251"))
    assert said(beyond, "target_beyond_one_ladder").limit == 0.025


# Tightening


def spec(*steps: tuple[str, str]) -> tuple[BandSpec, ...]:
    return tuple(BandSpec(D(move), "losing", D(fraction)) for move, fraction in steps)


@pytest.mark.parametrize(
    ("mine", "standing_steps", "early"),
    [
        (spec(), spec(("0.02", "0.5"), ("0.04", "1")), False),
        (spec(("0.02", "0.5"), ("0.04", "1")), spec(("0.02", "0.5"), ("0.04", "1")), True),
        (spec(("0.02", "0.5"), ("0.04", "1"), ("0.05", "1")), spec(("0.02", "0.5"), ("0.04", "1")), False),
        (
            spec(("0.01", "0.25"), ("0.02", "0.5"), ("0.04", "1")),
            spec(("0.01", "0.25"), ("0.02", "0.5"), ("0.04", "1")),
            True,
        ),
    ],
)
def test_a_ladder_closes_as_early_when_its_last_band_does_too(
    mine: tuple[BandSpec, ...], standing_steps: tuple[BandSpec, ...], early: bool
) -> None:
    assert closes_as_early(mine, standing_steps) is early


def test_a_plan_at_1x_tightens_itself_and_a_band_at_the_entry_does_not() -> None:
    plan = PLAN.model_copy(update={"leverage": 1})
    assert tightens(plan, plan)
    at_entry = plan.model_copy(update={"bands": bands((("0", "losing", "0.5"), ("0.04", "both", "1")))})
    assert not tightens(at_entry, plan)
