"""Correlation, beta and the spread's z: the vector of domain.md section 10 and numpy's own functions."""

import numpy as np
import pytest

from indicators import correlation
from indicators.errors import IndicatorError

AVAX = [0.01, -0.02, 0.015, 0, -0.005]
SOL = [0.008, -0.018, 0.012, 0.002, -0.006]


def two_walks(n: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(11)
    common = random.normal(0, 0.01, n)
    return (
        150 * np.exp(np.cumsum(common + random.normal(0, 0.004, n))),
        30 * np.exp(np.cumsum(0.8 * common + random.normal(0, 0.006, n))),
    )


def test_golden_beta_and_correlation() -> None:
    """The page's beta is that of SOL on AVAX."""
    assert round(float(correlation.beta(SOL, AVAX, 5)[-1]), 7) == 0.8666667
    # 0.99309004: the page's seventh digit is one too high
    assert correlation.correlation(SOL, AVAX, 5)[-1] == pytest.approx(0.9930901, abs=1e-7)


def test_log_returns() -> None:
    found = correlation.log_returns([100, 110, 99])
    assert np.isnan(found[0])
    assert found[1:].tolist() == pytest.approx([np.log(1.1), np.log(0.9)])
    with pytest.raises(IndicatorError, match=r"close\[1\]"):
        correlation.log_returns([1, 0])


def test_against_numpy_at_every_bar() -> None:
    y, x = (correlation.log_returns(close) for close in two_walks(120))
    n = 72
    r, b = correlation.correlation(y, x, n), correlation.beta(y, x, n)
    assert np.isnan(r[:n]).all() and np.isnan(b[:n]).all()  # the first return does not exist
    for i in range(n, 120):
        ys, xs = y[i - n + 1 : i + 1], x[i - n + 1 : i + 1]
        assert r[i] == pytest.approx(np.corrcoef(ys, xs)[0, 1], rel=1e-9)
        assert b[i] == pytest.approx(np.polyfit(xs, ys, 1)[0], rel=1e-9)


def test_a_price_that_stands_still_has_no_correlation() -> None:
    moving = correlation.log_returns(two_walks(20)[0])
    still = correlation.log_returns(np.full(20, 3.0))
    assert np.isnan(correlation.correlation(moving, still, 10)).all()
    assert np.isnan(correlation.beta(moving, still, 10)).all()
    assert correlation.beta(still, moving, 10)[-1] == 0


def test_spread_z_uses_the_beta_of_the_bar_before() -> None:
    y, x = two_walks(60)
    n, beta_n = 10, 30
    found = correlation.spread_z(y, x, n, beta_n)
    assert np.isnan(found[: beta_n + 1]).all() and np.isfinite(found[beta_n + 1 :]).all()
    returns_y, returns_x = np.diff(np.log(y)), np.diff(np.log(x))
    for i in (beta_n + 1, 45, 59):
        slope = np.polyfit(returns_x[i - 1 - beta_n : i - 1], returns_y[i - 1 - beta_n : i - 1], 1)[0]
        spreads = (np.log(y) - slope * np.log(x))[i - n + 1 : i + 1]
        assert found[i] == pytest.approx((spreads[-1] - spreads.mean()) / spreads.std(), rel=1e-8)


def test_lengths_must_agree() -> None:
    with pytest.raises(IndicatorError, match="x has 4 values"):
        correlation.correlation(SOL, AVAX[:4], 3)
