"""Average true range and what is made of it. Wilder's smoothing, as TA-Lib (domain.md sections 4, 6 and 8).

A simple-mean ATR exceeds twice its slow self five to thirty times as often as Wilder's: the two are never mixed.
Each function takes one value a bar, closed bars only, oldest first, and gives an array of the same length with NaN
where the value is not defined yet (ATR n needs n + 1 bars). NaN, unequal lengths, high < low: IndicatorError.

Wilder's averages never forget: two histories that end alike differ by what they differed when the shorter one began,
times ((n - 1) / n) for every bar since. After 1,000 bars that is 5e-9 for ATR 50, after 300 it is 0.6 %, and for
ATR 14 it is 1e-6 after 200.
"""

import numpy as np
import talib
from numpy.typing import ArrayLike

from indicators.errors import IndicatorError
from indicators.series import Array, above_zero, checked, lagged, nan_like, positive, ratio

FAST = 14
SLOW = 50


def true_range(high: ArrayLike, low: ArrayLike, close: ArrayLike) -> Array:
    """max(high, previous close) - min(low, previous close), in price; NaN for the first bar."""
    h, lo, c = _bars(high, low, close)
    previous = lagged(c)
    return np.maximum(h, previous) - np.minimum(lo, previous)


def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = FAST) -> Array:
    """Wilder's ATR(n), in price: mean of the first n true ranges, then (previous x (n - 1) + TR) / n."""
    h, lo, c = _bars(high, low, close)
    if c.size <= positive("n", n):
        return nan_like(c)
    result: Array = talib.ATR(h, lo, c, timeperiod=n)
    return result


def atr_ratio(high: ArrayLike, low: ArrayLike, close: ArrayLike, fast: int = FAST, slow: int = SLOW) -> Array:
    """ATR(fast) / ATR(slow), the volatility signal; NaN until both exist and where ATR(slow) is 0."""
    return ratio(atr(high, low, close, fast), atr(high, low, close, slow))


def natr(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = FAST) -> Array:
    """ATR(n) / close as a *fraction* of price (TA-Lib's NATR is in per cent)."""
    (c,) = checked(close=close)
    above_zero("close", c)  # before high and low are looked at
    return of_price(atr(high, low, close, n), c)


def of_price(average: Array, close: ArrayLike) -> Array:
    """As `natr`, of an ATR that is known already."""
    (c,) = checked(close=close)
    above_zero("close", c)
    return ratio(average, c)


def true_range_multiple(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = FAST) -> Array:
    """True range of a bar over the ATR(n) *before* it; above 3 the market is extreme (domain.md section 4)."""
    return ratio(true_range(high, low, close), lagged(atr(high, low, close, n)))


def latest_range_multiple(high: Array, low: Array, close: Array, average: Array) -> float:
    """The last value of `true_range_multiple` alone, of the ATR of the same bars: the same number at once."""
    if close.size < 2:
        return float("nan")
    last = true_range(high[-2:], low[-2:], close[-2:])[-1:]
    return float(ratio(last, average[-2:-1])[0])


def _bars(high: ArrayLike, low: ArrayLike, close: ArrayLike) -> tuple[Array, Array, Array]:
    h, lo, c = checked(high=high, low=low, close=close)
    upside_down = h < lo
    if upside_down.any():
        at = int(upside_down.argmax())
        raise IndicatorError(f"bar {at}: high {h[at]} is below low {lo[at]}; the columns are mixed up or damaged")
    return h, lo, c
