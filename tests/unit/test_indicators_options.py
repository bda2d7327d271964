"""Black-76 and Whalley-Wilmott: the vector of domain.md section 10, put-call parity, finite differences."""

import math

import pytest

from indicators.errors import IndicatorError
from indicators.options import (
    black_76,
    break_even_move,
    gamma_step_pnl,
    hedge_to_edge,
    total,
    whalley_wilmott,
)

WEEK = 7 / 365


def test_golden_call() -> None:
    call = black_76("call", 120, 120, WEEK, 0.8)
    assert round(call.price, 6) == 5.301049
    assert round(call.delta, 7) == 0.5220877
    assert round(call.gamma, 8) == 0.02996194
    assert round(call.theta_day, 7) == -0.3782592
    assert round(break_even_move(call.gamma, -call.theta_day), 7) == 5.0248697
    assert round(whalley_wilmott(100 * call.gamma, 120, 0.0005, 1e-4), 4) == 20.0660


def test_break_even_step_earns_nothing() -> None:
    call = black_76("call", 120, 120, WEEK, 0.8)
    step = break_even_move(call.gamma, -call.theta_day)
    assert gamma_step_pnl(call.gamma, call.theta, step, 1 / 365) == pytest.approx(0, abs=1e-12)
    assert (
        gamma_step_pnl(call.gamma, call.theta, 1.1 * step, 1 / 365)
        > 0
        > gamma_step_pnl(call.gamma, call.theta, 0.9 * step, 1 / 365)
    )


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("strike", [100.0, 120.0, 150.0])
def test_greeks_are_the_derivatives(kind: str, strike: float) -> None:
    def price(future: float = 120.0, years: float = 0.1, volatility: float = 0.7) -> float:
        return black_76(kind, future, strike, years, volatility, 0.04).price  # type: ignore[arg-type]

    found = black_76(kind, 120, strike, 0.1, 0.7, 0.04)  # type: ignore[arg-type]
    h = 1e-3
    assert found.delta == pytest.approx((price(120 + h) - price(120 - h)) / (2 * h), rel=1e-6)
    assert found.gamma == pytest.approx((price(120 + h) - 2 * price() + price(120 - h)) / h**2, rel=1e-3)
    assert found.vega == pytest.approx((price(volatility=0.7 + 1e-5) - price(volatility=0.7 - 1e-5)) / 2e-5, rel=1e-6)
    assert found.theta == pytest.approx(-(price(years=0.1 + 1e-6) - price(years=0.1 - 1e-6)) / 2e-6, rel=1e-5)


def test_put_call_parity_and_sums() -> None:
    call, put = black_76("call", 130, 120, 0.2, 0.6, 0.03), black_76("put", 130, 120, 0.2, 0.6, 0.03)
    assert call.price - put.price == pytest.approx(math.exp(-0.006) * 10)
    book = total([call.scaled(2), put.scaled(-1)])
    assert book.delta == pytest.approx(2 * call.delta - put.delta)
    assert book.gamma == pytest.approx(call.gamma)


def test_hedge_back_to_the_edge() -> None:
    assert hedge_to_edge(52.2, -50.0, 20.0) == 0
    assert hedge_to_edge(52.2, 0.0, 20.0) == pytest.approx(-32.2)
    assert hedge_to_edge(-52.2, 0.0, 20.0) == pytest.approx(32.2)


def test_discounting_narrows_the_band() -> None:
    assert whalley_wilmott(3, 120, 0.0005, 1e-4, 0.05, 1.0) == pytest.approx(
        whalley_wilmott(3, 120, 0.0005, 1e-4) * math.exp(-0.05 / 3)
    )


def test_unusable_inputs_are_named() -> None:
    for change in ({"future": 0.0}, {"strike": -1.0}, {"years": 0.0}, {"volatility": math.nan}):
        with pytest.raises(IndicatorError, match=next(iter(change))):
            black_76("call", **{"future": 120.0, "strike": 120.0, "years": 1.0, "volatility": 0.5, **change})
    with pytest.raises(IndicatorError, match="kind"):
        black_76("straddle", 1, 1, 1, 1)  # type: ignore[arg-type]
    with pytest.raises(IndicatorError, match="gamma"):
        break_even_move(0.0, 1.0)
    with pytest.raises(IndicatorError, match="cost"):
        break_even_move(1.0, -1.0)
    with pytest.raises(IndicatorError, match="spot"):
        whalley_wilmott(1, 0, 0.1, 0.1)
    with pytest.raises(IndicatorError, match="cost"):
        whalley_wilmott(1, 1, -0.1, 0.1)
