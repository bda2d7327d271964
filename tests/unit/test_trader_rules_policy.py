"""The deterministic policy: scenarios from domain.md sections 3, 4 and 6, each condition alone."""

from decimal import Decimal
from typing import Any

import pytest

from tests.trader_samples import HOUR, NOW, context, open_pair, unbalanced
from traders.contract.decision import Action, Band, Regime
from traders.volatility_gamma.exit_rules import adverse_funding
from traders.volatility_gamma.rules_policy import decide

D = Decimal


def test_low_volatility_that_expands_is_the_full_entry() -> None:
    decision = decide(context())
    assert decision.action is Action.ENTER and decision.plan is not None
    plan = decision.plan
    assert [(leg.side, leg.venue, leg.symbol, leg.weight) for leg in plan.legs] == [
        ("long", "paper", "SOL/USDT:USDT", 1),
        ("short", "paper", "SOL/USDT:USDT", 1),
    ]
    assert (plan.pair_margin_fraction, plan.leverage) == (D("0.15"), 5)
    assert (plan.stop_loss, plan.take_profit) == (D("0.08"), D("0.12"))
    assert plan.bands == (
        Band(move=D("0.02"), leg="losing", fraction=D("0.5")),
        Band(move=D("0.04"), leg="both", fraction=D(1)),
    )
    assert (plan.rehedge, plan.reversal_rule, plan.reopen) == ("none", "opposite_band", False)
    assert (plan.trailing_atr_multiple, plan.max_holding_hours) == (3, 48)
    assert decision.confidence == D("0.6")


def test_sustained_high_volatility_tightens_the_bands() -> None:
    decision = decide(context(regime="high_vol_sustained"))
    assert decision.action is Action.ENTER and decision.plan is not None
    assert [band.move for band in decision.plan.bands] == [D("0.015"), D("0.03")]
    assert decision.plan.pair_margin_fraction == D("0.15")


@pytest.mark.parametrize(
    ("changes", "margin", "confidence"),
    [
        ({"_1h__atr_ratio": 2.3, "funding__rate_8h": 0.0006}, "0.2", "0.7"),
        ({"_1h__atr_ratio": 2.3, "funding__rate_8h": -0.0006, "book__imbalance": 0.39}, "0.2", "0.8"),
        ({"_1h__atr_ratio": 2.3}, "0.15", "0.6"),
        ({"_1h__atr_ratio": 2.0, "funding__rate_8h": 0.0006}, "0.15", "0.7"),
        ({"_1h__atr_ratio": 1.9, "funding__rate_8h": 0.0006, "book__imbalance": 0.61}, "0.15", "0.8"),
    ],
)
def test_the_most_margin_needs_three_signals_and_full_expansion(
    changes: dict[str, float], margin: str, confidence: str
) -> None:
    decision = decide(context(**changes))
    assert decision.plan is not None
    assert decision.plan.pair_margin_fraction == D(margin) and decision.confidence == D(confidence)


def test_evidence_is_the_readings_exactly_and_the_invalidation_is_not_true_yet() -> None:
    situation = context(funding__rate_8h=0.00050001, book__imbalance=0.6)
    decision = decide(situation)
    cited = {item.reading: item.value for item in decision.evidence}
    assert len(cited) == len(decision.evidence) == 8
    assert {"sol.1h.atr_ratio", "sol.1h.bb_expansion_age", "sol.funding.rate_8h", "sol.book.imbalance"} <= set(cited)
    for name, value in cited.items():
        assert value == D(repr(situation.readings[name].value))
    rules = [(item.reading, item.op, item.value) for item in decision.invalidation]
    assert rules == [
        ("sol.1h.atr_ratio", "lt", D("1.4498")),  # min(1.5, 0.8 x 1.8123), rounded down
        ("sol.1h.atr_ratio", "gt", D(3)),
        ("sol.1h.tr_multiple", "gt", D(3)),
        ("sol.1h.vix_proxy", "gt", D("2.5")),
    ]


@pytest.mark.parametrize(
    ("regime", "words"),
    [
        ("extreme_vol", "extreme"),
        ("contraction", "contracting"),
        ("vol_collapse", "collapsed"),
        ("unclear", "no regime"),
    ],
)
def test_other_regimes_stand_aside_with_the_reason(regime: str, words: str) -> None:
    decision = decide(context(regime=regime))
    assert decision.action is Action.STAND_ASIDE and words in decision.rationale
    assert decision.regime == Regime(regime) and decision.abstained is None and decision.evidence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"_1h__bb_expansion_age": 48.0}, "1 of 4"),
        ({"_1h__atr_ratio": 1.5, "funding__rate_8h": 0.001, "book__imbalance": 0.7}, "3 of 4"),
        ({"_1h__bb_position": 1.0, "_1h__volume_ratio": 0.4999}, "weak breakout"),
        ({"_1h__bb_position": -1.0, "_1h__volume_ratio": 0.1}, "weak breakout"),
        ({"_1d__natr14": 0.0099}, "dead market"),
        ({"book__depth_usdt": 1_999_999.0}, "thin book"),
        ({"oi__cascade": 1.0}, "liquidations cascade"),
    ],
)
def test_each_obstacle_alone_prevents_the_entry(changes: dict[str, float], words: str) -> None:
    decision = decide(context(**changes))
    assert decision.action is Action.STAND_ASIDE and words in decision.rationale


@pytest.mark.parametrize(
    "changes",
    [
        {"_1h__bb_expansion_age": 47.0},
        {"_1h__bb_position": 1.0, "_1h__volume_ratio": 0.5},
        {"_1h__bb_position": 0.0, "_1h__volume_ratio": 0.1},
        {"_1d__natr14": 0.01},
        {"_1h__bb_expansion_age": 900.0, "book__imbalance": 0.6},
        {"_1h__bb_expansion_age": 900.0, "book__imbalance": 0.4},
        {"_1h__bb_expansion_age": 900.0, "funding__rate_8h": -0.00051},
    ],
)
def test_the_other_side_of_each_threshold_enters(changes: dict[str, float]) -> None:
    assert decide(context(**changes)).action is Action.ENTER


@pytest.mark.parametrize(
    "missing",
    [
        "1h.bb_position",
        "1h.volume_ratio",
        "1d.natr14",
        "book.depth_usdt",
        "1h.atr_ratio",
        "1h.bb_expansion_age",
    ],
)
def test_a_missing_reading_never_helps_an_entry(missing: str) -> None:
    assert decide(context(missing=(missing,))).action is Action.STAND_ASIDE


@pytest.mark.parametrize(("reason", "enters"), [("undefined: no point", False), ("not_asked: hourly history", True)])
def test_a_cascade_that_cannot_be_ruled_out_is_no_entry(reason: str, enters: bool) -> None:
    blind = context(missing=("oi.cascade",)).model_copy(update={"unavailable": {"sol.oi.cascade": reason}})
    decision = decide(blind)
    assert decision.action is (Action.ENTER if enters else Action.STAND_ASIDE)
    assert enters or "cannot be ruled out" in decision.rationale


@pytest.mark.parametrize(
    ("limits", "stop", "target"),
    [
        ({"stop_loss_max": 0.06}, "0.06", "0.09"),
        ({"take_profit_max": 0.1}, "0.0666", "0.0999"),
        ({"reward_risk_min": 2}, "0.075", "0.15"),
        ({"take_profit_min": 0.13}, "0.08", "0.13"),
        ({"stop_loss_min": 0.03, "stop_loss_max": 0.03, "take_profit_min": 0.05}, "0.03", "0.05"),
    ],
)
def test_stop_and_target_stay_within_the_limits(limits: dict[str, Any], stop: str, target: str) -> None:
    plan = decide(context(limits=limits)).plan
    assert plan is not None
    assert (plan.stop_loss, plan.take_profit) == (D(stop), D(target))
    low = D(str(limits.get("reward_risk_min", 1.5)))
    assert plan.take_profit / plan.stop_loss >= low


def test_an_open_pair_is_held_when_nothing_speaks_against_it() -> None:
    for pair in (open_pair(), open_pair(cycle_pnl=D("0.05")), unbalanced()):
        decision = decide(context(pair))
        assert decision.action is Action.HOLD and decision.pair_id == "pair-1" and decision.plan is None


def test_an_open_pair_is_never_entered_again() -> None:
    assert decide(context(open_pair(), _1h__atr_ratio=2.5)).action is Action.HOLD


GAIN = D("0.001")
#: name -> (pair, context changes, leaves?)
EXITS: dict[str, tuple[Any, dict[str, Any], bool]] = {
    "48 h": (open_pair(opened_at=NOW - 48 * HOUR), {}, True),
    "just under 48 h": (open_pair(opened_at=NOW - 48 * HOUR + 1), {}, False),
    "collapse on two bars": (open_pair(), {"_1h__atr_ratio": 1.43, "_1h__atr_ratio_prev": 1.43}, True),
    "collapse that is called contraction": (
        open_pair(),
        {"_1h__atr_ratio": 0.7, "_1h__atr_ratio_prev": 0.9, "regime": "contraction"},
        True,
    ),
    "one bar below": (open_pair(), {"_1h__atr_ratio": 1.43, "_1h__atr_ratio_prev": 1.45}, False),
    "at the level": (open_pair(), {"_1h__atr_ratio": 1.44, "_1h__atr_ratio_prev": 1.44}, False),
    "collapse, level 1.5": (
        open_pair(atr_ratio_entry=D("2.4")),
        {"_1h__atr_ratio": 1.49, "_1h__atr_ratio_prev": 1.49},
        True,
    ),
    "collapse, unbalanced": (unbalanced(), {"_1h__atr_ratio": 1.0, "_1h__atr_ratio_prev": 1.0}, False),
    "collapse, entry ratio unknown": (
        open_pair(atr_ratio_entry=None),
        {"_1h__atr_ratio": 1.0, "_1h__atr_ratio_prev": 1.0},
        False,
    ),
    "extreme with profit": (open_pair(cycle_pnl=GAIN), {"regime": "extreme_vol"}, True),
    "extreme, unbalanced, with profit": (unbalanced(cycle_pnl=GAIN), {"regime": "extreme_vol"}, True),
    "extreme at zero": (open_pair(cycle_pnl=D(0)), {"regime": "extreme_vol"}, False),
    "extreme with loss": (open_pair(), {"regime": "extreme_vol"}, False),
    "cascade with profit": (open_pair(cycle_pnl=GAIN), {"oi__cascade": 1.0}, True),
    "cascade, unbalanced, with profit": (unbalanced(cycle_pnl=GAIN), {"oi__cascade": 1.0}, True),
    "cascade with loss": (open_pair(), {"oi__cascade": 1.0}, False),
    "proxy 2.51": (open_pair(cycle_pnl=GAIN), {"_1h__vix_proxy": 2.51}, True),
    "proxy 2.5": (open_pair(cycle_pnl=GAIN), {"_1h__vix_proxy": 2.5}, False),
    "outside the bands": (open_pair(cycle_pnl=GAIN), {"_1h__bb_position": -1.0}, True),
    "outside the bands with loss": (open_pair(), {"_1h__bb_position": 1.0}, False),
    "RSI high, bearish divergence": (
        open_pair(cycle_pnl=GAIN),
        {"_1h__rsi14": 70.01, "_1h__rsi_divergence": -1.0},
        True,
    ),
    "RSI low, bullish divergence": (open_pair(cycle_pnl=GAIN), {"_1h__rsi14": 29.99, "_1h__rsi_divergence": 1.0}, True),
    "RSI high without divergence": (open_pair(cycle_pnl=GAIN), {"_1h__rsi14": 85.0}, False),
    "RSI high, the wrong divergence": (
        open_pair(cycle_pnl=GAIN),
        {"_1h__rsi14": 85.0, "_1h__rsi_divergence": 1.0},
        False,
    ),
    "RSI at 70": (open_pair(cycle_pnl=GAIN), {"_1h__rsi14": 70.0, "_1h__rsi_divergence": -1.0}, False),
    "RSI with loss": (open_pair(), {"_1h__rsi14": 85.0, "_1h__rsi_divergence": -1.0}, False),
    "funding flip": (
        open_pair(entered_on_funding=True, funding_rate_entry=D("0.0008")),
        {"funding__rate_8h": -0.00031},
        True,
    ),
    "funding flip too small": (
        open_pair(entered_on_funding=True, funding_rate_entry=D("0.0008")),
        {"funding__rate_8h": -0.0003},
        False,
    ),
    "funding flip, not entered on it": (
        open_pair(funding_rate_entry=D("0.0008")),
        {"funding__rate_8h": -0.002},
        False,
    ),
    "adverse funding, neutral": (open_pair(), {"funding__rate_8h": 0.01}, False),
    # net long 156.25 of 312.5: half of N at 120.25 is 0.50104 N, so 0.0006 becomes 0.0003006
    "adverse funding, unbalanced": (unbalanced(), {"funding__rate_8h": 0.0006}, True),
    "adverse funding, too small": (unbalanced(), {"funding__rate_8h": 0.00059}, False),
    "funding received while unbalanced": (unbalanced(), {"funding__rate_8h": -0.01}, False),
}


@pytest.mark.parametrize(("pair", "changes", "leaves"), EXITS.values(), ids=EXITS.keys())
def test_exits(pair: Any, changes: dict[str, Any], leaves: bool) -> None:
    decision = decide(context(pair, **changes))
    assert decision.action is (Action.EXIT if leaves else Action.HOLD), decision.rationale
    assert decision.pair_id == "pair-1"


def test_blindness_closes_nothing() -> None:
    from traders.volatility_gamma.catalogue import catalogue

    everything = tuple(name.removeprefix("sol.") for name in catalogue("sol"))
    for pair in (open_pair(cycle_pnl=GAIN), unbalanced(cycle_pnl=GAIN)):
        assert decide(context(pair, missing=everything, regime="unclear")).action is Action.HOLD
    assert decide(context(missing=everything, regime="unclear")).action is Action.STAND_ASIDE


def test_adverse_funding_by_hand() -> None:
    """Rate 0.0008, net long 156.25 at mark 120.25; N = 15,000 x 5 / 2 = 37,500: 0.0008 x 18,789.0625 / 37,500."""
    pair = unbalanced()
    assert adverse_funding(context(pair, funding__rate_8h=0.0008), pair) == D("0.0008") * D("18789.0625") / D(37500)
    mirrored = pair.model_copy(
        update={
            "legs": (
                pair.legs[0].model_copy(update={"side": "short"}),
                pair.legs[1].model_copy(update={"side": "long"}),
            )
        }
    )
    found = adverse_funding(context(mirrored, funding__rate_8h=0.0008), mirrored)
    assert found is not None and found < 0
    assert adverse_funding(context(pair, missing=("funding.rate_8h",)), pair) is None
