"""Figures with their uncertainty. Resampling is seeded: the same cycles give the same interval.

Sources: stationary figures by the ordinary bootstrap over cycles; daily returns in blocks of five days, since
volatility clusters; the deflated Sharpe ratio is Bailey and Lopez de Prado (2014).
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DAY_MS = 86_400_000
DAYS_A_YEAR = 365
_BLOCK = 5
_EULER = 0.5772156649015329
Interval = tuple[float, float] | None


def interval(
    values: Sequence[float], figure: Callable[[Array], float], *, seed: int, draws: int = 2000, block: int = 1
) -> Interval:
    """The middle 95 % of a figure over resampled values; None for fewer than 8 values or an undefined figure."""
    if len(values) < 8:
        return None
    data = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    blocks = math.ceil(data.size / block)
    starts = random.integers(0, data.size, size=(draws, blocks))
    picks = (starts[:, :, None] + np.arange(block)).reshape(draws, -1)[:, : data.size] % data.size
    found = np.array([figure(data[pick]) for pick in picks])
    found = found[np.isfinite(found)]
    if found.size < draws // 2:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def array(values: Sequence[float]) -> Array:
    """As the figures below take them."""
    return np.asarray(values, dtype=np.float64)


def mean(values: Array) -> float:
    """Arithmetic mean; NaN of nothing."""
    return float(values.mean()) if values.size else math.nan


def win_rate(values: Array) -> float:
    """Share above 0; NaN of nothing."""
    return float((values > 0).mean()) if values.size else math.nan


def sharpe(returns: Array) -> float:
    """Mean over standard deviation of daily returns, a year of 365 days, no risk-free rate; NaN without variation."""
    deviation = float(returns.std(ddof=1)) if returns.size > 1 else 0.0
    return float(returns.mean()) / deviation * math.sqrt(DAYS_A_YEAR) if deviation > 0 else math.nan


def daily_returns(curve: Sequence[tuple[int, float]], start: int, end: int, capital: float) -> Array:
    """Returns of whole UTC days from equity at the end of each; days without a point keep the last equity."""
    days = np.arange(start // DAY_MS, max(start // DAY_MS + 1, -(-end // DAY_MS)))
    equity = np.full(days.size, np.nan)
    for at, value in curve:
        place = at // DAY_MS - int(days[0])
        if 0 <= place < days.size:
            equity[place] = value
    last = capital
    for i, value in enumerate(equity):
        last = equity[i] = last if math.isnan(value) else value
    whole = np.r_[capital, equity]
    returns: Array = np.diff(whole) / whole[:-1]
    return returns


def max_drawdown(curve: Sequence[tuple[int, float]], capital: float) -> float:
    """Largest fall from an earlier high, as a fraction of that high."""
    values = np.array([capital, *(value for _, value in curve)])
    highs = np.maximum.accumulate(values)
    return float(((highs - values) / highs).max())


def deflated_sharpe(returns: Array, trials: int, deviation_of_trials: float) -> float:
    """Probability that the true Sharpe ratio is above 0, having been picked as the best of `trials`.

    `deviation_of_trials` is the standard deviation of the (daily, not annualised) Sharpe ratios of all trials.
    """
    n = returns.size
    deviation = float(returns.std(ddof=1)) if n > 2 else 0.0
    if deviation <= 0:
        return math.nan
    ratio = float(returns.mean()) / deviation
    centred = (returns - returns.mean()) / deviation
    skew, kurtosis = float((centred**3).mean()), float((centred**4).mean())
    normal = NormalDist()
    expected = 0.0
    if trials > 1:
        expected = deviation_of_trials * (
            (1 - _EULER) * normal.inv_cdf(1 - 1 / trials) + _EULER * normal.inv_cdf(1 - 1 / (trials * math.e))
        )
    spread = math.sqrt(max(1e-12, 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2))
    return normal.cdf((ratio - expected) * math.sqrt(n - 1) / spread)
