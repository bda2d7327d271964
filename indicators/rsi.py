"""Relative strength index (Wilder, as TA-Lib) and its divergence from price (domain.md sections 6 and 8)."""

import numpy as np
import talib
from numpy.typing import ArrayLike

from indicators.series import Array, checked, checked_lead, lagged, nan_like, positive, window_max, window_min

PERIOD = 14
DIVERGENCE_BARS = 20


def rsi(close: ArrayLike, n: int = PERIOD) -> Array:
    """RSI(n), 0..100, one value a bar; NaN for the first n bars.

    TA-Lib answers a price that never moves with 0.0, the strongest possible fall: where it says 0.0 and none of the
    last n closes has changed, the value is NaN. NaN in the input raises IndicatorError.
    """
    (c,) = checked(close=close)
    if c.size <= positive("n", n):
        return nan_like(c)
    result: Array = talib.RSI(c, timeperiod=n)
    still = window_max(c, n + 1) == window_min(c, n + 1)
    result[(result == 0.0) & still] = np.nan
    return result


def divergence(close: ArrayLike, rsi_values: ArrayLike, n: int = DIVERGENCE_BARS) -> Array:
    """-1 (bearish) where close is above the previous n closes and RSI makes no such high, 1 (bullish) for lows, else 0.

    NaN until n bars of RSI lie before the bar.
    """
    (c,) = checked(close=close)
    strength, _ = checked_lead("rsi_values", rsi_values)
    if c.size != strength.size:
        checked(close=c, rsi_values=np.zeros(strength.size))  # an error that names them
    strongest = lagged(window_max(strength, n))
    bearish = (c > lagged(window_max(c, n))) & (strength <= strongest)
    bullish = (c < lagged(window_min(c, n))) & (strength >= lagged(window_min(strength, n)))
    undefined = np.isnan(strength) | np.isnan(strongest)
    return np.where(undefined, np.nan, bullish.astype(np.float64) - bearish)


def latest_divergence(close: Array, rsi_values: Array, n: int = DIVERGENCE_BARS) -> float:
    """The last value of `divergence` alone, which is all that a decision needs: the same number at once."""
    bars = positive("n", n) + 1
    # what may begin with NaN, and nothing else, has to be met wherever it is
    usual = close.size == rsi_values.size > bars + PERIOD and bool(np.isfinite(close).all())
    if usual and bool(np.isnan(rsi_values[:PERIOD]).all() and np.isfinite(rsi_values[PERIOD:]).all()):
        close, rsi_values = close[-bars:], rsi_values[-bars:]
    return float(divergence(close, rsi_values, n)[-1])
