"""The model of liquidation levels: its prices against domain.md section 10, its weights by hand."""

from typing import Any

import numpy as np
import pytest

from indicators.errors import IndicatorError
from indicators.liquidation_levels import MIX, largest, liquidation_levels, within


def flat(price: float, bars: int = 3, volume: Any = 1.0) -> list[Any]:
    same = np.full(bars, price)
    return [same, same, same, np.broadcast_to(np.asarray(volume, dtype=float), (bars,))]


def test_prices_are_those_of_the_liquidation_table() -> None:
    """domain.md section 10: 5x mmr .005 96.4824/143.2836, 8x .01 106.0606/133.6634, for E = 120."""
    for leverage, rate, long, short in ((5, 0.005, 96.4824, 143.2836), (8, 0.01, 106.0606, 133.6634)):
        found = liquidation_levels(*flat(120.0), 1000.0, mix={leverage: 1.0}, maintenance=rate)
        assert [(one.side, round(one.price, 4), one.coins, one.share) for one in found] == [
            ("long", long, 1000.0, 1.0),
            ("short", short, 1000.0, 1.0),
        ]


def test_each_side_adds_to_the_open_interest_in_shares_of_the_mix() -> None:
    found = liquidation_levels(*flat(120.0), 5000.0)
    for side in ("long", "short"):
        own = [one for one in found if one.side == side]
        assert sum(one.coins for one in own) == pytest.approx(5000)
        assert sorted(round(one.share, 9) for one in own) == sorted(MIX.values())
    assert all(one.price < 120 for one in found if one.side == "long")
    assert all(one.price > 120 for one in found if one.side == "short")
    assert [one.coins for one in found] == sorted((one.coins for one in found), reverse=True)


def test_volume_weighs_entries_and_a_touched_position_is_gone() -> None:
    """10x: entered at 100 (long 90.4523, short 109.4527) and 120 (108.5427, 131.3433), volumes 1 and 3, last 115."""
    high, low = np.array([100.0, 120.0, 115.0]), np.array([100.0, 120.0, 115.0])
    found = liquidation_levels(high, low, low, [1.0, 3.0, 0.0], 800.0, mix={10: 1.0})
    assert [(one.side, round(one.price, 4), round(one.coins)) for one in found] == [
        ("short", 131.3433, 800),  # the short of 100 was touched at 120: the other holds everything
        ("long", 108.5427, 600),
        ("long", 90.4523, 200),
    ]
    own = liquidation_levels(high, [100.0, 108.0, 115.0], [100.0, 120.0, 115.0], [1.0, 3.0, 0.0], 800.0, mix={10: 1.0})
    assert len([one for one in own if one.side == "long"]) == 2  # its own bar's low: what came first is not known
    later = liquidation_levels(high, [100.0, 120.0, 108.0], low, [1.0, 3.0, 0.0], 800.0, mix={10: 1.0})
    longs = [one for one in later if one.side == "long"]
    assert [(round(one.price, 4), round(one.coins)) for one in longs] == [(90.4523, 800)]


def test_the_last_bar_counts_at_its_close() -> None:
    """A close beyond a level means it was passed, whatever the extremes of later bars say: there are none."""
    found = liquidation_levels([120.0, 121.0], [119.0, 96.0], [120.0, 96.0], [1.0, 0.0], 100.0, mix={5: 1.0})
    assert largest(found, "long") is None and largest(found, "short") is not None


def test_within() -> None:
    found = liquidation_levels(*flat(120.0), 1000.0)
    assert within(found, "long", 120.0, 0.02) == pytest.approx(100)  # 50x alone lies within 2 %
    assert within(found, "short", 120.0, 0.5) == pytest.approx(1000)
    assert within((), "long", 120.0, 0.02) == 0
    with pytest.raises(IndicatorError, match="reach"):
        within(found, "long", 120.0, 0.0)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_extreme_units_change_nothing_but_the_unit(scale: float) -> None:
    usual, scaled = liquidation_levels(*flat(1.0), 7.0), liquidation_levels(*flat(scale), 7.0)
    assert [one.coins for one in scaled] == pytest.approx([one.coins for one in usual])
    assert [one.price / scale for one in scaled] == pytest.approx([one.price for one in usual])


def test_no_volume_leaves_nothing() -> None:
    assert liquidation_levels(*flat(120.0, volume=0.0), 10.0) == ()
    assert largest((), "long") is None


BAD: dict[str, tuple[list[Any], float, dict[str, Any], str]] = {
    "no bars": ([[], [], [], []], 1.0, {}, "no bars"),
    "a gap": ([[1.0, np.nan], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]], 1.0, {}, r"high\[1\]"),
    "zero price": (flat(0.0), 1.0, {}, "above 0"),
    "mixed columns": ([[1.0], [2.0], [1.5], [1.0]], 1.0, {}, "below low"),
    "negative volume": (flat(120.0, volume=-1.0), 1.0, {}, "volume"),
    "unequal": ([[1.0], [1.0], [1.0], [1.0, 1.0]], 1.0, {}, "same bars"),
    "no open interest": (flat(120.0), 0.0, {}, "open_interest"),
    "unknown open interest": (flat(120.0), float("nan"), {}, "open_interest"),
    "empty mix": (flat(120.0), 1.0, {"mix": {}}, "sum to 1"),
    "mix of a half": (flat(120.0), 1.0, {"mix": {5: 0.5}}, "sum to 1"),
    "unlevered": (flat(120.0), 1.0, {"mix": {1: 1.0}}, "leverages"),
    "liquidated at once": (flat(120.0), 1.0, {"mix": {200: 1.0}}, "leverages"),
    "no width": (flat(120.0), 1.0, {"width": 0.0}, "width"),
}


@pytest.mark.parametrize(("columns", "total", "changes", "match"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_an_error(columns: list[Any], total: float, changes: dict[str, Any], match: str) -> None:
    with pytest.raises(IndicatorError, match=match):
        liquidation_levels(columns[0], columns[1], columns[2], columns[3], total, **changes)
