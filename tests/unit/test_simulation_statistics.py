"""Figures and their intervals against hand-worked numbers."""

import math

import numpy as np
import pytest

from orchestrator.simulation.statistics import (
    daily_returns,
    deflated_sharpe,
    interval,
    max_drawdown,
    mean,
    sharpe,
    win_rate,
)

DAY = 86_400_000


def test_sharpe_by_hand() -> None:
    """Returns 1, 2, 3 %: mean 0.02, sample deviation 0.01, so 2 a day, 2 sqrt(365) a year."""
    assert sharpe(np.array([0.01, 0.02, 0.03])) == pytest.approx(2 * math.sqrt(365))
    assert math.isnan(sharpe(np.array([0.01, 0.01]))) and math.isnan(sharpe(np.array([])))


def test_daily_returns_carry_a_day_without_a_point() -> None:
    curve = [(DAY // 2, 110.0), (DAY - 1, 100.0), (2 * DAY + 5, 50.0)]
    assert daily_returns(curve, 0, 4 * DAY, 100.0).tolist() == [0.0, 0.0, -0.5, 0.0]


def test_drawdown_counts_from_the_high_before() -> None:
    assert max_drawdown([(1, 120.0), (2, 90.0), (3, 130.0), (4, 117.0)], 100.0) == pytest.approx(0.25)
    assert max_drawdown([], 100.0) == 0


def test_an_interval_of_the_mean_is_the_textbook_one() -> None:
    """Mean of 400 standard normals: +-1.96/20 about it, whatever the seed."""
    values = np.random.default_rng(3).standard_normal(400)
    found = interval(values.tolist(), mean, seed=1)
    assert found is not None
    half = (found[1] - found[0]) / 2
    assert half == pytest.approx(1.96 * values.std() / 20, rel=0.08)
    assert found[0] < values.mean() < found[1]
    assert found == interval(values.tolist(), mean, seed=1)
    assert interval(values[:7].tolist(), mean, seed=1) is None


def test_blocks_widen_the_interval_of_a_series_that_clusters() -> None:
    values = np.repeat(np.random.default_rng(4).standard_normal(60), 5).tolist()
    single, blocks = interval(values, mean, seed=1), interval(values, mean, seed=1, block=5)
    assert single is not None and blocks is not None
    assert blocks[1] - blocks[0] > 1.6 * (single[1] - single[0])


def test_win_rate_leaves_out_what_earned_nothing() -> None:
    assert win_rate(np.array([1.0, 0.0, -1.0, 2.0])) == 0.5


def test_deflated_sharpe_of_one_trial_is_the_probabilistic_one() -> None:
    """Normal returns, daily Sharpe s: Phi(s sqrt(n - 1) / sqrt(1 + s^2 / 2)), Bailey and Lopez de Prado."""
    returns = np.random.default_rng(5).standard_normal(5000) * 0.01 + 0.0002
    s = returns.mean() / returns.std(ddof=1)
    z = s * math.sqrt(4999) / math.sqrt(1 + s * s / 2)
    expected = 0.5 * (1 + math.erf(z / math.sqrt(2)))
    assert deflated_sharpe(returns, 1, 0.0) == pytest.approx(expected, abs=0.01)
    # picked as the best of a hundred, the same series proves less
    assert deflated_sharpe(returns, 100, 0.02) < deflated_sharpe(returns, 10, 0.02) < deflated_sharpe(returns, 1, 0.0)


def test_deflated_sharpe_of_the_published_example() -> None:
    """Bailey and Lopez de Prado (2014): 1250 days, a ratio of 2.5 a year of 250 days, skewness -3, kurtosis 10.

    The best of 100 with a variance of 1/2 a year: 0.9004. Kurtosis 10 = skewness^2 + 1 leaves only a series of two
    values, the higher with p = 0.916.
    """
    highs = 1145
    values = np.r_[np.ones(highs), np.full(1250 - highs, 0.0)]
    standard = (values - values.mean()) / values.std()
    assert (standard**3).mean() == pytest.approx(-3, abs=0.02) and (standard**4).mean() == pytest.approx(10, abs=0.1)
    returns = standard + 2.5 / math.sqrt(250)
    assert deflated_sharpe(returns, 100, math.sqrt(0.5 / 250)) == pytest.approx(0.9004, abs=0.002)
