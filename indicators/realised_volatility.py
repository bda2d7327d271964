"""Realised volatility of closed bars, a year (for options: positive gamma P&L needs it above the implied one)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from indicators.correlation import log_returns
from indicators.errors import IndicatorError
from indicators.series import Array, above_zero, checked, positive, window_mean

HOURS_A_YEAR = 8760
#: A range of a driftless path without gaps has variance 4 ln 2 times that of its close (Parkinson 1980).
_RANGE_FACTOR = 4 * math.log(2)


def realised_volatility(close: ArrayLike, n: int, bars_a_year: float = HOURS_A_YEAR) -> Array:
    """Root mean square of the last n log returns x sqrt(bars a year), a fraction; NaN for the first n bars.

    The mean return is taken as 0: over short windows its estimate is noise. `bars_a_year`: 8760 for 1h, 365 for 1d.
    """
    returns = log_returns(close)
    return _a_year(returns * returns, n, bars_a_year)


def parkinson_volatility(high: ArrayLike, low: ArrayLike, n: int, bars_a_year: float = HOURS_A_YEAR) -> Array:
    """sqrt(mean(ln(high / low)^2) / (4 ln 2)) of the last n bars x sqrt(bars a year); NaN for the first n - 1 bars.

    About five times as efficient as closes, but blind to gaps between bars, and low where ranges are cut short by
    sparse trading. Raises IndicatorError for prices not above 0 and high below low.
    """
    h, lo = checked(high=high, low=low)
    above_zero("low", lo)
    upside_down = np.flatnonzero(h < lo)
    if upside_down.size:
        at = upside_down[0]
        raise IndicatorError(f"bar {at}: high {h[at]} is below low {lo[at]}; the columns are mixed up or damaged")
    ranges = np.log(h) - np.log(lo)
    return _a_year(ranges * ranges / _RANGE_FACTOR, n, bars_a_year)


def _a_year(variance: Array, n: int, bars_a_year: float) -> Array:
    if not 0 < bars_a_year < math.inf:
        raise IndicatorError(f"bars_a_year is {bars_a_year}; it must be a finite number above 0")
    return np.sqrt(window_mean(variance, positive("n", n)) * bars_a_year)
