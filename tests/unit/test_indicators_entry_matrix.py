"""Regime, signals and factors at, above and below each threshold of domain.md sections 4 and 6."""

from decimal import Decimal
from typing import Any

import pytest

from indicators.entry_matrix import (
    EntrySignals,
    band_factor,
    classify_regime,
    collapse_level,
    entry_signals,
    size_factor,
)
from tests.limits_table import TABLE
from traders.contract.constraints import parse_limits
from traders.contract.decision import Regime

LIMITS = parse_limits({key: value for key, (value, _) in TABLE.items()}, where="the test")
CALM: dict[str, Any] = {
    "atr_ratio": 1.6,
    "atr_ratio_prev": 1.6,
    "tr_multiple": 1.0,
    "natr": 0.008,
    "natr_median": 0.009,
    "vix_proxy": 0.9,
    "collapse_level": None,
}


def regime(**changes: Any) -> str:
    return classify_regime(**{**CALM, **changes}, limits=LIMITS)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "low_vol_expanding"),
        ({"atr_ratio": 1.5}, "unclear"),
        ({"atr_ratio": 1.5001}, "low_vol_expanding"),
        ({"natr": 0.009}, "low_vol_expanding"),
        ({"natr": 0.0091}, "high_vol_sustained"),
        ({"natr": 0.0091, "atr_ratio": 1.0}, "high_vol_sustained"),
        ({"atr_ratio": 0.8}, "unclear"),
        ({"atr_ratio": 0.7999}, "contraction"),
        ({"atr_ratio": 0.7, "natr": 0.02}, "contraction"),
        ({"atr_ratio": 3.0}, "low_vol_expanding"),
        ({"atr_ratio": 3.0001}, "extreme_vol"),
        ({"tr_multiple": 3.0}, "low_vol_expanding"),
        ({"tr_multiple": 3.0001}, "extreme_vol"),
        ({"vix_proxy": 2.5}, "low_vol_expanding"),
        ({"vix_proxy": 2.5001}, "extreme_vol"),
        # extreme comes before contraction, contraction before collapse
        ({"atr_ratio": 0.7, "tr_multiple": 3.5}, "extreme_vol"),
        ({"atr_ratio": 0.7, "atr_ratio_prev": 0.7, "collapse_level": 1.28}, "contraction"),
        ({"atr_ratio": 1.2, "atr_ratio_prev": 1.2, "collapse_level": 1.28}, "vol_collapse"),
        ({"atr_ratio": 1.28, "atr_ratio_prev": 1.2, "collapse_level": 1.28}, "unclear"),
        ({"atr_ratio": 1.2, "atr_ratio_prev": 1.28, "collapse_level": 1.28}, "unclear"),
        ({"atr_ratio": 1.2, "atr_ratio_prev": None, "collapse_level": 1.28}, "unclear"),
        ({"atr_ratio": 1.2, "atr_ratio_prev": 1.2}, "unclear"),
    ],
)
def test_regime(changes: dict[str, Any], expected: str) -> None:
    assert regime(**changes) == expected
    exact = {key: Decimal(repr(value)) if isinstance(value, float) else value for key, value in changes.items()}
    assert regime(**exact) == expected
    assert Regime(expected)


@pytest.mark.parametrize("missing", ["atr_ratio", "tr_multiple", "natr", "natr_median", "vix_proxy"])
@pytest.mark.parametrize("value", [None, float("nan")])
@pytest.mark.parametrize("natr", [0.008, 0.02])
def test_a_missing_reading_never_gives_an_entry_regime(missing: str, value: float | None, natr: float) -> None:
    assert regime(**{"natr": natr, missing: value}) == "unclear"


def test_what_is_known_still_warns_when_the_rest_is_missing() -> None:
    nothing = dict.fromkeys(CALM)
    assert classify_regime(**nothing, limits=LIMITS) == "unclear"
    assert classify_regime(**{**nothing, "tr_multiple": 3.1}, limits=LIMITS) == "extreme_vol"
    assert classify_regime(**{**nothing, "atr_ratio": 0.5}, limits=LIMITS) == "contraction"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((1.5, 48, 0.0005, 0.5), (False, False, False, False)),
        ((1.51, 47, 0.00051, 0.6), (True, True, True, True)),
        ((2.0, 0, -0.0006, 0.4), (True, True, True, True)),
        ((2.0, 3, -0.0005, 0.4001), (True, True, False, False)),
        ((None, None, None, None), (None, None, None, None)),
    ],
)
def test_signals(arguments: tuple[float | None, ...], expected: tuple[bool | None, ...]) -> None:
    found = entry_signals(*arguments, limits=LIMITS)
    assert (found.volatility, found.bollinger, found.funding, found.imbalance) == expected


def test_two_of_four_the_ratio_among_them() -> None:
    assert EntrySignals(True, True, False, None).enough(LIMITS)
    assert not EntrySignals(True, False, False, None).enough(LIMITS)
    assert not EntrySignals(False, True, True, True).enough(LIMITS)
    assert not EntrySignals(None, True, True, True).enough(LIMITS)
    assert EntrySignals(None, True, True, True).count == 3


@pytest.mark.parametrize(
    ("name", "ratio", "factor"),
    [
        ("low_vol_expanding", 2.0, "0.5"),
        ("low_vol_expanding", 2.01, "1"),
        ("high_vol_sustained", 2.01, "0.5"),
        ("high_vol_sustained", 1.6, "0.25"),
        ("low_vol_expanding", None, "0"),
        ("unclear", 2.5, "0"),
        ("extreme_vol", 3.5, "0"),
        ("contraction", 0.5, "0"),
        ("vol_collapse", 1.2, "0"),
    ],
)
def test_size_factor(name: str, ratio: float | None, factor: str) -> None:
    assert size_factor(name, ratio, LIMITS) == Decimal(factor)
    assert size_factor(Regime(name), ratio, LIMITS) == Decimal(factor)


def test_band_factor() -> None:
    assert band_factor("high_vol_sustained", LIMITS) == Decimal("0.75")
    assert {band_factor(name, LIMITS) for name in Regime if name is not Regime.HIGH_VOL_SUSTAINED} == {Decimal(1)}


@pytest.mark.parametrize(("ratio", "level"), [("1.5", "1.2"), ("1.6", "1.28"), ("1.875", "1.5"), ("2.5", "1.5")])
def test_collapse_level(ratio: str, level: str) -> None:
    assert collapse_level(Decimal(ratio), LIMITS) == Decimal(level)
    assert collapse_level(float(ratio), LIMITS) == Decimal(level)


def test_collapse_level_of_an_unknown_entry_ratio_is_the_earlier_warning() -> None:
    assert collapse_level(float("nan"), LIMITS) == Decimal("1.5")
