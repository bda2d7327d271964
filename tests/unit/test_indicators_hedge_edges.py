"""The arithmetic of a ladder where its branches meet, worked out by hand (E 100, q 1 unless said otherwise)."""

from collections.abc import Callable

import pytest

from indicators.bands import BandSpec, stages_of
from indicators.delta_neutral_hedge import break_even, ladder_costs, liquidation_price, one_ladder, stop_price
from indicators.errors import IndicatorError
from indicators.pair_sizing import ceil_to_step, floor_to_step
from tests.guard_scenario import D


def ladder(*steps: tuple[str, str, str]) -> tuple[BandSpec, ...]:
    return tuple(BandSpec(D(move), leg, D(fraction)) for move, leg, fraction in steps)


DEFAULT = ladder(("0.02", "losing", "0.5"), ("0.04", "both", "1"))


def test_a_break_even_beyond_the_outer_band_is_on_the_prolonged_line() -> None:
    """c 0.005: up (0.5 x 102 + 0.005 x 251) / (0.5 - 0.0075), down (0.5 x 98 - 0.005 x 249) / (0.5 + 0.0075)."""
    assert break_even(DEFAULT, D(100), D(1), D("0.005"), "up") == D("52.255") / D("0.4925")
    assert break_even(DEFAULT, D(100), D(1), D("0.005"), "down") == D("47.755") / D("0.5075")


def test_a_break_even_exactly_at_a_band_is_before_it_acts() -> None:
    """0.4 of the short closed at 104, c 1/1024: 0.4 x (105 - 104) = 0.4 pays (200 + 41.6 + 1.6 x 105) / 1024 = 0.4.

    At 105 the long is cut to match: from there on nothing is won any more.
    """
    bands = ladder(("0.04", "losing", "0.4"), ("0.05", "winning", "0.4"), ("0.06", "both", "1"))
    assert break_even(bands, D(100), D(1), D(1) / 1024, "up") == 105


def test_a_single_band_has_its_break_even_there() -> None:
    assert break_even(ladder(("0.02", "losing", "0.5")), D(100), D(1), D(0), "up") == 102
    assert break_even(ladder(("0.02", "losing", "0.5")), D(100), D(1), D(0), "down") == 98


def test_the_stop_of_a_grid_is_that_after_its_first_band() -> None:
    """Half of the long sold at 102 wins 1; from there on half a coin net short: 1 - 0.5 (S - 100) = -3 at 108."""
    grid = ladder(("0.02", "winning", "0.5"), ("0.03", "winning", "0.75"), ("0.04", "both", "1"))
    assert stop_price(grid, D(100), D(1), D(0), D("0.03"), D(100), "up") == 108
    assert stop_price(grid, D(100), D(1), D(0), D("0.03"), D(100), "down") == 92


def test_a_stage_knows_what_is_left_of_both_legs() -> None:
    """Half of both leaves 1 of 2; a quarter of the winning leg more leaves 0.75."""
    stages = stages_of(ladder(("0.01", "both", "0.5"), ("0.02", "winning", "0.75"), ("0.04", "both", "1")))
    assert [stage.left for stage in stages] == [D(1), D("0.75"), D(0)]
    assert [stage.net for stage in stages] == [D(0), D("-0.25"), D(0)]


def test_a_band_may_close_nothing() -> None:
    first, last = stages_of(ladder(("0.02", "losing", "0"), ("0.04", "both", "1")))
    assert (first.traded, first.left, last.traded) == (0, 2, 2)


@pytest.mark.parametrize(
    ("what", "ask"),
    [
        ("entry", lambda: ladder_costs(DEFAULT, D(100), D(0), D("0.0005"), "up")),
        ("entry", lambda: break_even(DEFAULT, D(0), D(1), D("0.0005"), "up")),
        ("quantity", lambda: break_even(DEFAULT, D(100), D(0), D("0.0005"), "up")),
        ("pair_margin", lambda: one_ladder(DEFAULT, D(100), D(1), D(0), D("0.0005"), "entry")),
        ("entry", lambda: liquidation_price("long", D(0), D(1), D(20), D("0.01"))),
        ("quantity", lambda: liquidation_price("long", D(100), D(0), D(20), D("0.01"))),
        ("step", lambda: ceil_to_step(D(1), D(0))),
        ("step", lambda: floor_to_step(D(1), D(0))),
    ],
)
def test_what_must_be_above_0_is_named(what: str, ask: Callable[[], object]) -> None:
    with pytest.raises(IndicatorError, match=f"{what} is 0; it must be a finite number above 0"):
        ask()
