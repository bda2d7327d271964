"""Sizes, lots and steps against the tables of domain.md section 10."""

import pytest

from orchestrator.risk_guard.bench import Bench
from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.market import LegMarket
from orchestrator.risk_guard.prices import bracket_prices
from tests.guard_cases import at_8x, spread, thin
from tests.guard_scenario import AVAX, CONTRACT, PLAN, SOL, D, Scenario, book, leg_quote, permitted
from traders.contract.decision import Evidence


def quantity(scenario: Scenario) -> object:
    plan = scenario.review().plan
    assert plan is not None, scenario.refusals()
    assert len({leg.quantity for leg in plan.legs}) == 1, "the same quantity on both legs"
    return plan.legs[0].quantity


@pytest.mark.parametrize(
    ("leverage", "fraction", "margin", "lots"),
    [
        (5, "0.15", 15_000, "312.5"),
        (5, "0.20", 20_000, "416.66"),
        (8, "0.15", 15_000, "500"),
        (8, "0.20", 20_000, "666.66"),
    ],
)
def test_sizing_table(leverage: int, fraction: str, margin: int, lots: str) -> None:
    scenario = permitted().with_plan(leverage=leverage, pair_margin_fraction=D(fraction))
    plan = scenario.review().plan
    assert plan is not None
    assert plan.pair_margin == margin
    assert quantity(scenario) == D(lots)


@pytest.mark.parametrize(
    ("ratio", "natr", "expected"),
    [(2.1, 0.012, 20_000), (1.9, 0.012, 10_000), (2.1, 0.014, 10_000), (1.9, 0.014, 5_000)],
)
def test_regime_factor(ratio: float, natr: float, expected: int) -> None:
    plan = permitted().with_readings(**{"1h__atr_ratio": ratio, "1h__natr14": natr}).review().plan
    assert plan is not None
    assert plan.pair_margin == expected


@pytest.mark.parametrize(("full", "share"), [(18_960_000, "0.25"), (10_480_000, "0.5"), (6_240_000, "1")])
def test_depth_factor(full: float, share: str) -> None:
    """Depth of the book: (120.01 + 119.99) x 2000 + 8 x 2 x 3000 x 120 = 6,240,000; 4,240,000 above the minimum."""
    plan = permitted().with_limits(depth_full=full).review().plan
    assert plan is not None
    assert plan.pair_margin == 20_000 * D(share)


def test_floor_is_3000_at_5x_and_1875_at_8x() -> None:
    """domain.md section 10. f_eff = 0.2 x m_depth; m_depth = (6.24 - 2) / (depth_full - 2) M."""
    at_floor = permitted().with_limits(depth_full=2e6 + 4.24e6 * 20_000 / 3_000 - 1)
    below = permitted().with_limits(depth_full=2e6 + 4.24e6 * 20_000 / 3_000 + 1)
    assert at_floor.review().outcome == "amended"
    assert below.refusals() == ["pair_margin_floor"]
    eight = permitted().with_plan(leverage=8)
    assert eight.with_limits(depth_full=2e6 + 4.24e6 * 20_000 / 1_875 - 1).review().outcome == "amended"
    assert eight.with_limits(depth_full=2e6 + 4.24e6 * 20_000 / 1_875 + 1).refusals() == ["pair_margin_floor"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(("0.01", "0.01"), "0.01"), (("0.1", "1"), "1"), (("0.02", "0.03"), "0.06"), (("1", "100"), "100")],
)
def test_a_quantity_fits_both_lot_sizes(steps: tuple[str, str], expected: str) -> None:
    contract = CONTRACT.model_copy(update={"quantity_step": D(steps[0]), "market_quantity_step": D(steps[1])})
    assert LegMarket(leg_quote(contract=contract)).step == D(expected)


@pytest.mark.parametrize("step", ["1", "0.1", "7"])
def test_quantities_are_whole_steps_below_the_budget(step: str) -> None:
    found = quantity(permitted().with_contract(quantity_step=D(step)))
    assert isinstance(found, type(D(1)))
    assert found % D(step) == 0
    assert D("416.6667") - D(step) < found <= D("416.6667")


def test_the_bracket_is_rounded_towards_the_entry() -> None:
    """At 120.05, outer 4 %: 126.0525 and 114.0475."""
    assert bracket_prices(D("120.05"), D("0.04"), D("0.01")) == (D("126.05"), D("114.05"))


def test_limits_are_rounded_towards_mid() -> None:
    """At 120.005 on a tick of 0.01: 120.125005 and 119.884995."""
    scenario = permitted().with_leg(mid=D("120.005"))
    plan = scenario.review().plan
    assert plan is not None
    assert [leg.limit_price for leg in plan.legs] == [D("120.12"), D("119.89")]


def test_the_liquidation_vector_of_the_domain_page() -> None:
    """8x, mmr 0.025: short 131.7073 (9.76 %)."""
    finding = next(f for f in at_8x("0.025").review().findings if f.rule == "liquidation_distance")
    assert finding.observed == pytest.approx(0.09756, abs=1e-5)
    assert finding.limit == 0.1


def test_depth_and_size_of_a_thin_book() -> None:
    finding = next(f for f in thin(700).review().findings if f.rule == "depth")
    assert finding.observed == "1824000"


def test_evidence_is_compared_as_text_not_as_binary_floats() -> None:
    scenario = permitted().with_readings(funding__rate_8h=0.1 + 0.2)
    cited = (Evidence(reading="sol.funding.rate_8h", value=D("0.3")),)
    assert scenario.with_decision(evidence=cited).refusals() == ["ungrounded"]


def case_of(scenario: Scenario) -> Case:
    return Case(Bench(scenario.context, scenario.quote, scenario.switches, scenario.constraints), scenario.decision)


def test_each_leg_walks_its_own_side_and_the_worse_one_is_the_cost() -> None:
    """The long buys asks at 120.012 (1 bp), the short sells bids at 119.94 (5 bp)."""
    sol = permitted().quote.legs[SOL]
    scenario = permitted().with_leg(
        asks=((D("120.012"), D(2000)), *sol.asks[1:]), bids=((D("119.94"), D(2000)), *sol.bids[1:])
    )
    case = case_of(scenario)
    assert case.slippages == (D("0.0001"), D("0.0005"))
    assert case.cost == D("0.0010")


def test_unequal_weights_within_the_limit_still_trade_the_same_quantity() -> None:
    """100,000 / 2.02 = 49,504.95 on the lighter leg: 412.54."""
    legs = (PLAN.legs[0], PLAN.legs[1].model_copy(update={"weight": D("1.02")}))
    assert quantity(permitted().with_plan(legs=legs)) == D("412.54")


def test_a_spread_pair_shares_the_notional_by_weight_and_counts_the_thinner_book() -> None:
    scenario = spread(entry_net_delta_max=0.21)
    legs = tuple(
        leg.model_copy(update={"weight": weight})
        for leg, weight in zip(scenario.decision.plan.legs, (D(3), D(2)), strict=True)  # type: ignore[union-attr]
    )
    plan = scenario.with_plan(legs=legs).review().plan
    assert plan is not None
    assert [leg.quantity for leg in plan.legs] == [D(500), D("333.33")]
    bids, asks = book(rest=1500)
    thinner = scenario.with_leg(AVAX, bids=bids, asks=asks)
    assert case_of(thinner).depth == 480_000 + 2 * 8 * 1500 * 120
