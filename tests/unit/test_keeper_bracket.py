"""Where the tightened edge of the bracket goes after band 1, and what a closed bar told twice counts for."""

from decimal import Decimal
from typing import Literal

import pytest

from orchestrator.pair_actions import toward_entry
from orchestrator.rebalancer.events import BarClosed, MoveBracket
from orchestrator.rebalancer.state import Holding, PairState, Phase, Rules
from orchestrator.rebalancer.step import step, tightened
from traders.contract.decision import Band

D = Decimal
C = D("0.0005")


def after_band_one(phase: Phase, leverage: int, rule: str = "opposite_band") -> PairState:
    """E 120, N 50,000 a leg, half of the losing leg closed at band 1 (domain.md section 10)."""
    q = D(50_000) / 120
    price = D("122.4") if phase is Phase.UP else D("117.6")
    whole, half = Holding(opened=q, left=q, average=D(120)), Holding(opened=q, left=q / 2, average=D(120))
    rules = {
        "bands": (
            Band(move=D("0.02"), leg="losing", fraction=D("0.5")),
            Band(move=D("0.04"), leg="both", fraction=D(1)),
        ),
        "reversal_rule": rule,
        "stop": D("0.08"),
        "target": D("0.12"),
        "breakeven_at": D("0.1"),
        "trailing_distance": None,
        "deadline": 10**12,
        "collapse_level": D("1.5"),
        "funding_adverse_exit": D("0.0003"),
        "net_delta_max": D("0.35"),
        "imbalance_grace_ms": 5000,
        "cost": C,
        "reopen": False,
    }
    return PairState(
        pair_id="p",
        rules=Rules.model_validate(rules),
        step=D("0.0001"),
        pair_margin=D(100_000) / leverage,
        entry=D(120),
        long=whole if phase is Phase.UP else half,
        short=half if phase is Phase.UP else whole,
        phase=phase,
        bands_hit=1,
        realised=-q / 2 * D("2.4"),
        fees=2 * D(50_000) * C + q / 2 * price * C,
    )


@pytest.mark.parametrize(
    ("phase", "leverage", "stop"),
    [
        (Phase.UP, 5, "115.1940"),
        (Phase.UP, 6, "116.4759"),
        (Phase.UP, 7, "117.3916"),
        (Phase.UP, 8, "118.0783"),
        (Phase.DOWN, 5, "124.7940"),
        (Phase.DOWN, 6, "123.5159"),
        (Phase.DOWN, 7, "122.6030"),
        (Phase.DOWN, 8, "121.9183"),
    ],
)
def test_the_nearer_of_reversal_and_stop_price(phase: Phase, leverage: int, stop: str) -> None:
    up = phase is Phase.UP
    (alone,) = tightened(after_band_one(phase, leverage, rule="none"))
    assert alone.edge == ("lower" if up else "upper")
    nearest = max(D("115.2"), D(stop)) if up else min(D("124.8"), D(stop))
    assert abs(alone.price - nearest) < D("0.0001"), "without a reversal rule the last band, or the stop before it"
    (both,) = tightened(after_band_one(phase, leverage))
    nearer = max(D("117.6"), D(stop)) if up else min(D("122.4"), D(stop))
    assert abs(both.price - nearer) < D("0.0001")
    (entry,) = tightened(after_band_one(phase, leverage, rule="entry"))
    assert entry.price == 120


def test_nothing_is_tightened_while_closing_or_neutral() -> None:
    for phase in (Phase.NEUTRAL, Phase.CLOSING, Phase.FLAT):
        assert tightened(after_band_one(Phase.UP, 5).model_copy(update={"phase": phase})) == ()


@pytest.mark.parametrize(
    ("edge", "price", "expected"),
    [
        ("lower", "117.601", "117.61"),
        ("lower", "117.60", "117.60"),
        ("upper", "122.409", "122.40"),
        ("upper", "122.40", "122.40"),
    ],
)
def test_the_edge_is_rounded_toward_the_entry(edge: Literal["lower", "upper"], price: str, expected: str) -> None:
    assert toward_entry(MoveBracket(edge=edge, price=D(price)), D("0.01")) == D(expected)


def test_a_bar_told_twice_counts_once() -> None:
    """Decisions come every few minutes, bars every hour: two decisions inside one bar are not two closed bars."""
    state = after_band_one(Phase.UP, 5)
    for at, bar, count in ((1, 100, 1), (2, 100, 1), (3, 200, 2), (4, 200, 2)):
        told = BarClosed(at=at, bar=bar, atr_ratio=D("1.2"), funding_rate_8h=None, readings={})
        state, _ = step(state, told)
        assert state.collapsed_bars == count
