"""Realised volatility of closed bars, a year (for options: positive gamma P&L needs it above the implied one)."""

import math

from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from indicators.correlation import log_returns
from indicators.errors import IndicatorError
from indicators.series import Array, nan_like, positive

HOURS_A_YEAR = 8760


def realised_volatility(close: ArrayLike, n: int, bars_a_year: float = HOURS_A_YEAR) -> Array:
    """Root mean square of the last n log returns x sqrt(bars a year), a fraction; NaN for the first n bars.

    The mean return is taken as 0: over short windows its estimate is noise. `bars_a_year`: 8760 for 1h, 365 for 1d.
    """
    if not bars_a_year > 0:
        raise IndicatorError(f"bars_a_year is {bars_a_year}; it must be above 0")
    returns = log_returns(close)
    out = nan_like(returns)
    if returns.size > positive("n", n):
        windows = sliding_window_view(returns[1:], n)
        out[n:] = ((windows * windows).mean(axis=1) ** 0.5) * math.sqrt(bars_a_year)
    return out
