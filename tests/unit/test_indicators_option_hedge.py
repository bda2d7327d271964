"""Option books hedged with the perpetual, against domain.md section 10 and laws that hold for any model."""

import math
from typing import Any

import pytest

from indicators.errors import IndicatorError
from indicators.option_hedge import OptionLeg, option_sheet

WEEK = 7 / 365


def call(quantity: float = 1.0, **changes: Any) -> OptionLeg:
    values = {"kind": "call", "strike": 120.0, "years": WEEK, "volatility": 0.8, "quantity": quantity}
    return OptionLeg(**(values | changes))


def put(quantity: float = 1.0) -> OptionLeg:
    return call(quantity, kind="put")


def test_the_golden_call_and_a_hundred_of_them() -> None:
    """domain.md section 10: call 5.301049, delta .5220877, theta a day -.3782592, step 5.0248697, band 20.0660."""
    one = option_sheet([call()], 120.0)
    assert one.greeks.price == pytest.approx(5.301049, abs=5e-7)
    assert one.perpetual == pytest.approx(-0.5220877, abs=5e-8)
    assert one.greeks.theta_day == pytest.approx(-0.3782592, abs=5e-8)
    assert one.break_even_day == pytest.approx(5.0248697, abs=5e-7)
    many = option_sheet([call(100.0)], 120.0)
    assert many.band == pytest.approx(20.0660, abs=5e-5)
    assert many.to_trade == pytest.approx(20.0660 - 52.20877, abs=5e-5)
    assert option_sheet([call(100.0)], 120.0, held=-52.0).to_trade == 0
    assert option_sheet([call(100.0)], 120.0, held=-80.0).to_trade == pytest.approx(27.79123 - 20.0660, abs=5e-5)


def test_a_straddle_at_the_money_is_nearly_neutral_and_has_twice_the_gamma() -> None:
    one, both = option_sheet([call()], 120.0), option_sheet([call(), put()], 120.0)
    assert both.greeks.gamma == pytest.approx(2 * one.greeks.gamma)
    assert abs(both.greeks.delta) == pytest.approx(2 * 0.5220877 - 1, abs=1e-6)


def test_call_less_put_is_the_future_and_earns_nothing_when_hedged() -> None:
    """Put-call parity at rate 0: no gamma, no theta, no P&L anywhere on the grid."""
    sheet = option_sheet([call(3.0), put(-3.0)], 117.0)
    assert sheet.greeks.gamma == pytest.approx(0, abs=1e-12) and sheet.break_even_day is None
    assert all(abs(row.net) < 1e-9 for row in sheet.grid)


def test_the_grid_earns_beyond_the_break_even_move_and_pays_theta_within() -> None:
    sheet = option_sheet([call(10.0), put(10.0)], 120.0, moves=(-0.05, -0.01, 0.0, 0.01, 0.05))
    assert sheet.break_even_day is not None and 0.01 < sheet.break_even_day / 120 < 0.05
    assert [row.net > 0 for row in sheet.grid] == [True, False, False, False, True]
    still = sheet.grid[2]
    # at the money the value goes with the root of the time left: 20 x 5.301049 x (1 - sqrt(6 / 7)) in the first day
    assert still.perpetual == 0 and still.net == pytest.approx(-20 * 5.301049 * (1 - math.sqrt(6 / 7)), rel=1e-3)
    for row in sheet.grid:
        assert row.net == pytest.approx(row.predicted, abs=0.12 * 10 * 5.3)


def test_a_small_step_is_what_gamma_and_theta_say() -> None:
    sheet = option_sheet([call(10.0)], 120.0, moves=(0.001, -0.001), days=0.001)
    for row in sheet.grid:
        assert row.net == pytest.approx(row.predicted, rel=0.02)


def test_at_expiry_the_payoff_alone_counts() -> None:
    sheet = option_sheet([call(2.0)], 120.0, moves=(-0.1, 0.1), days=7)
    down, up = sheet.grid
    assert down.options == pytest.approx(-2 * 5.301049, abs=1e-5)
    assert up.options == pytest.approx(2 * (12 - 5.301049), abs=1e-5)
    assert up.perpetual == pytest.approx(-2 * 0.5220877 * 12, abs=1e-5)


def test_sold_options_have_no_break_even_move() -> None:
    sheet = option_sheet([call(-1.0)], 120.0)
    assert sheet.greeks.gamma < 0 and sheet.break_even_day is None and sheet.perpetual > 0
    assert min(row.net for row in sheet.grid) < 0 < next(row.net for row in sheet.grid if row.move == 0)


@pytest.mark.parametrize(
    ("legs", "changes", "match"),
    [
        ([], {}, "no legs"),
        ([call(volatility=0.0)], {}, "volatility"),
        ([call(years=0.0)], {}, "expires"),
        ([call(strike=-1.0)], {}, "strike"),
        ([call(kind="future")], {}, "call or put"),
        ([call()], {"future": 0.0}, "future"),
        ([call()], {"future": math.nan}, "future"),
        ([call()], {"days": -1.0}, "days"),
        ([call()], {"held": math.inf}, "held"),
        ([call()], {"moves": (-1.0,)}, "move"),
        ([call()], {"moves": (math.nan,)}, "move"),
        ([call()], {"risk_aversion": 0.0}, "risk_aversion"),
    ],
)
def test_bad_input_is_an_error(legs: list[OptionLeg], changes: dict[str, Any], match: str) -> None:
    values = {"future": 120.0} | changes
    with pytest.raises(IndicatorError, match=match):
        option_sheet(legs, **values)
