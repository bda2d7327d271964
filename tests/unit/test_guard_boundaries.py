"""Exact boundaries of sizes, margins and books: what a case works out where the tables of cases do not tell.

The permitted entry: equity 100,000, f 0.20, 5x, E 120, depth of the book 6,240,000 (see tests/unit/test_guard_sizing).
"""

from typing import Any

import pytest

from orchestrator.risk_guard.bench import Bench
from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.market import LegMarket
from orchestrator.risk_guard.planning import execution_plan
from orchestrator.risk_guard.rule import Remark, rule
from tests.guard_cases import funding, leaving, leg, sol_pair, spread, standing
from tests.guard_scenario import AVAX, SOL, TIERS, D, Scenario, book, leg_quote, open_pair, permitted
from traders.contract.decision import Action


def bench_of(scenario: Scenario) -> Bench:
    return Bench(scenario.context, scenario.quote, scenario.switches, scenario.constraints)


def case_of(scenario: Scenario) -> Case:
    return Case(bench_of(scenario), scenario.decision)


def equity(amount: str) -> Scenario:
    """The permitted entry on another account, which has lost nothing."""
    return permitted().with_portfolio(
        equity=D(amount), equity_high=D(amount), day_start_equity=D(amount), cash=D(amount)
    )


def test_a_plan_that_cannot_be_worked_out_is_refused_not_only_said() -> None:
    verdict = permitted().with_quote(legs={}).review([])
    assert (verdict.outcome, verdict.decision, verdict.plan) == ("refused", None, None)


@pytest.mark.parametrize("scenario", [permitted().with_quote(legs={}), permitted().with_plan(bands=())])
def test_no_execution_plan_without_sizes_or_without_bands(scenario: Scenario) -> None:
    with pytest.raises(LookupError, match="sizes and bands"):
        execution_plan(case_of(scenario))


def test_a_rule_looks_only_at_its_kinds() -> None:
    def judge(case: Case) -> Remark | None:
        return None

    narrow, wide = rule(RuleCode.DEPTH, kinds=("gamma",))(judge), rule(RuleCode.DEPTH, "note")(judge)
    assert (narrow.code, narrow.effect, narrow.scope, narrow.judge) == (RuleCode.DEPTH, "refuse", "entry", judge)
    assert [narrow.applies(kind) for kind in ("gamma", "spread", None)] == [True, False, False]
    assert [wide.applies(kind) for kind in ("gamma", "spread", None)] == [True, True, False]
    assert wide.effect == "note" and wide.applies("directional", volatile=False)


def test_a_volatility_rule_leaves_alone_what_does_not_rest_on_it() -> None:
    def judge(case: Case) -> Remark | None:
        return None

    made = rule(RuleCode.DEPTH, volatility=True)(judge)
    assert [made.applies("directional", volatile=is_so) for is_so in (True, False)] == [True, False]
    assert made.applies("gamma") and not made.applies(None)
    assert rule(RuleCode.DEPTH, scope="any", volatility=True)(judge).applies(None, volatile=False)


def test_a_rebalance_without_its_pair_is_judged_as_an_entry_and_refused_once() -> None:
    scenario = permitted().with_decision(action=Action.REBALANCE, pair_id="p9")
    assert case_of(scenario).judged_as_entry is True
    assert scenario.refusals() == ["pair_unknown"]


def test_what_only_leaves_is_not_judged_as_an_entry() -> None:
    assert case_of(leaving("p1")).judged_as_entry is False


def test_of_several_pairs_the_highest_collapse_level_of_the_symbol_counts() -> None:
    """0.8 x 1.8 = 1.44 is above 0.8 x 1.7 = 1.36; the pair on AVAX and the one without a ratio do not count."""
    pairs = (
        open_pair("a"),
        open_pair("b", atr_ratio_entry=D("1.8")),
        open_pair("c", AVAX, atr_ratio_entry=D(3)),
        open_pair("d", atr_ratio_entry=None),
    )
    assert bench_of(permitted().with_portfolio(pairs=pairs)).collapse_level == D("1.44")


# Margins


def test_a_growing_rebalance_takes_only_what_is_missing_from_the_cash() -> None:
    """20,000 - 15,000 = 5,000; the reserve is 30 % of 100,000: 35,000 of cash suffice, a cent less does not."""
    assert case_of(standing()).added_margin == 5_000
    assert standing().with_portfolio(cash=D(35_000)).refusals() == []
    assert standing().with_portfolio(cash=D("34999.99")).refusals() == ["cash_reserve"]


def test_a_rebalance_to_less_margin_takes_nothing_from_the_cash() -> None:
    assert case_of(standing().with_portfolio(pairs=(open_pair(pair_margin=D(25_000)),))).added_margin == 0


def test_the_pair_margin_is_rounded_down() -> None:
    """0.2 x 100,000.00000009 = 20,000.000000018."""
    assert case_of(equity("100000.00000009")).pair_margin == D("20000.00000001")


def test_at_the_least_depth_the_depth_is_enough_and_the_size_nothing() -> None:
    """m_depth = (6.24 - 6.24) / (7 - 6.24) M = 0."""
    scenario = permitted().with_limits(depth_min=6.24e6, depth_full=7e6)
    assert case_of(scenario).multiplier == 0
    assert "depth" not in scenario.refusals()
    assert "pair_margin_floor" in scenario.refusals()


def test_without_an_atr_ratio_the_size_is_that_of_a_low_ratio() -> None:
    """A missing ratio counts as 0, which is not above 0.9 either: half the size."""
    scenario = permitted().with_limits(atr_ratio_full=0.9, atr_ratio_reduced=0.9)
    assert case_of(scenario.with_readings(**{"1h__atr_ratio": None})).multiplier == D("0.5")


# Legs


@pytest.mark.parametrize("weight", ["0", "-1"])
def test_one_weight_not_above_0_spoils_the_whole_plan(weight: str) -> None:
    scenario = permitted().with_plan(legs=(leg(), leg(side="short", weight=weight)))
    assert case_of(scenario).legs is None
    assert "legs_of_kind" in scenario.refusals()


def test_one_leg_without_a_sound_book_leaves_nothing_to_work_out() -> None:
    case = case_of(spread().with_leg(AVAX, bids=()))
    assert (case.sound_markets, case.legs, case.cost, case.ladder, case.outcome) == (None,) * 5


def test_one_leg_whose_book_is_too_shallow_leaves_the_cost_unknown() -> None:
    """417 AVAX are to be sold; the bids reach 1 % but hold only 10."""
    bids, _ = book()
    case = case_of(spread().with_leg(AVAX, bids=tuple((price, D(1)) for price, _ in bids)))
    assert case.slippages is not None
    assert [share is None for share in case.slippages] == [False, True]
    assert case.cost is None


def test_the_ladder_is_the_first_legs() -> None:
    bids, asks = book(40, first=6000, rest=9000)
    case = case_of(spread().with_quote(legs={SOL: leg_quote(), AVAX: leg_quote(AVAX, mid=40, bids=bids, asks=asks)}))
    assert case.ladder is not None
    assert (case.ladder.entry, case.ladder.quantity) == (120, D("416.66"))


def test_a_leg_of_exactly_one_coin_is_a_leg() -> None:
    """0.2 x 240 = 48 of margin, x 5 / 2 = 120 USDT a leg: 1.00 SOL, half of it 0.50 (60 USDT)."""
    case = case_of(equity("240"))
    assert case.ladder is not None and case.outcome is not None
    assert case.ladder.quantity == 1
    assert case.parts == ((D(1), D("0.5"), D("0.5")),) * 2
    assert equity("240").refusals() == []
    limited = equity("240").with_contract(min_quantity=D("0.6"))
    assert [(f.observed, f.limit) for f in limited.review().findings if f.rule == "min_quantity"] == [("0.5", "0.6")]


def test_one_coin_can_be_liquidated_too() -> None:
    """0.2 x 150 x 8 / 2 = 120 USDT: 1 SOL at 8x, mmr 0.025: the short 9.756 % away (domain.md section 10)."""
    tier = TIERS[0].model_copy(update={"maintenance_margin_rate": D("0.025")})
    scenario = equity("150").with_plan(leverage=8).with_leg(tiers=(tier,))
    assert scenario.refusals() == ["liquidation_distance"]


def test_no_size_no_ladder() -> None:
    """0.2 x 0.01 = 0.002 of margin: not one step. The minima say it, liquidation has nothing to say."""
    small = equity("0.01")
    assert case_of(small).ladder is None
    said = {finding.rule: finding.observed for finding in small.review().findings if finding.effect == "refuse"}
    assert (said["min_lots"], said["min_quantity"], said["min_notional"]) == (0, "0", "0")
    assert "liquidation_distance" not in said


@pytest.mark.parametrize(("money", "known"), [("0", False), ("5", True)])
def test_what_a_ladder_earns_is_a_share_of_a_margin_above_0(money: str, known: bool) -> None:
    """An open pair has a ladder whatever is added to it: 0.2 x 5 = 1 USDT of margin, or none."""
    case = case_of(standing().with_portfolio(equity=D(money)))
    assert case.ladder is not None
    assert (case.outcome is not None) is known


def test_a_rebalance_orders_also_less_than_one_coin() -> None:
    legs = tuple(one.model_copy(update={"quantity": D("416.16")}) for one in open_pair().legs)
    plan = standing().with_portfolio(pairs=(open_pair(legs=legs),)).review().plan
    assert plan is not None
    assert [one.quantity for one in plan.legs] == [D("0.5"), D("0.5")]


def test_a_pair_that_shares_one_leg_only_is_a_duplicate_too() -> None:
    mixed = sol_pair("paper").model_copy(
        update={"legs": (sol_pair("paper").legs[0], sol_pair("bybit").legs[1]), "kind": "funding"}
    )
    assert permitted().with_limits(pairs_per_symbol_max=2).with_portfolio(pairs=(mixed,)).refusals() == [
        "duplicate_pair"
    ]


# Books


def cheap(**changes: Any) -> LegMarket:
    """A coin at 1 USDT, one coin a level."""
    changes = {"bids": ((D("0.99"), D(1)),), "asks": ((D("1.01"), D(1)),), **changes}
    return LegMarket(leg_quote(mid=1, **changes))


def test_a_book_of_one_coin_at_one_usdt_is_sound() -> None:
    assert cheap().sound


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bids": ((D("0.99"), D(1)), (D(0), D(1)))}, "a level of the book is not above 0"),
        ({"asks": ((D(0), D(1)), (D("1.01"), D(1)))}, "a level of the book is not above 0"),
        ({"asks": ((D("1.01"), D(1)), (D("1.02"), D(0)))}, "a level of the book is not above 0"),
        ({"bids": ((D("0.99"), D(1)), (D("0.97"), D(1)), (D("0.98"), D(1)))}, "the book is not sorted best first"),
        ({"asks": ((D("1.01"), D(1)), (D("1.03"), D(1)), (D("1.02"), D(1)))}, "the book is not sorted best first"),
    ],
)
def test_what_makes_a_book_unusable(changes: dict[str, Any], said: str) -> None:
    assert cheap(**changes).complaint == said


def test_a_leg_of_nothing_is_in_the_lowest_tier() -> None:
    market = LegMarket(leg_quote())
    assert [market.tier(D(amount)) for amount in ("0", "50000", "50000.01", "600000.01")] == [
        *TIERS[:1] * 2,
        TIERS[1],
        None,
    ]


def test_a_negative_funding_spread_is_as_wide() -> None:
    scenario = funding()
    readings = dict(scenario.context.readings)
    readings["pair.funding_spread_8h"] = readings["pair.funding_spread_8h"].model_copy(update={"value": -0.001})
    assert scenario.with_context(readings=readings).refusals() == []
