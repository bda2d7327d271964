"""Bollinger bands, squeeze and expansion exactly as domain.md section 6.

bw = (U - L) / M over 20 bars and 2 population standard deviations. Its mean is that of the *previous* 480 (1h), 120
(4h) or 20 (1d) values. Squeeze run: bw < mean on each bar; expansion event: bw > mean and rising, and a run of at
least 6 bars ended on the bar before. Equality is neither. "Below the mean" alone is true 60 % of the time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indicators.series import Array, checked, checked_lead, lagged, ratio, window_deviation, window_mean

PERIOD = 20
DEVIATIONS = 2.0
SQUEEZE_BARS = 6
#: How many previous values the mean bandwidth is taken over, by time frame: 20 days of 1h and 4h bars, 20 of 1d.
MEAN_BARS = {"1h": 480, "4h": 120, "1d": 20}
#: How many bars with a mean `latest` looks at before it looks further back, and closes of which nothing can overflow.
_FIRST_LOOK = 240
_SMALLEST, _LARGEST = 1e-100, 1e100


class Bands(NamedTuple):
    """In price, one value a bar."""

    upper: Array
    middle: Array
    lower: Array


def bands(close: ArrayLike, n: int = PERIOD, deviations: float = DEVIATIONS) -> Bands:
    """Mean of n closes and `deviations` population standard deviations either side; NaN for the first n - 1 bars."""
    (c,) = checked(close=close)
    middle, deviation = window_deviation(c, n)
    spread = deviation * deviations
    return Bands(middle + spread, middle, middle - spread)


def bandwidth(found: Bands) -> Array:
    """(U - L) / M, a fraction; NaN where undefined."""
    return ratio(found.upper - found.lower, found.middle)


def bandwidth_mean(bw: ArrayLike, n: int) -> Array:
    """Mean of the n values *before* each bar; NaN until there are n (`MEAN_BARS` names n by time frame)."""
    array, _ = checked_lead("bw", bw)
    return lagged(window_mean(array, n))


def squeeze_run(bw: ArrayLike, mean: ArrayLike) -> Array:
    """Length of the run of bars with bw < mean that ends at each bar, 0 where it is not below; NaN where undefined."""
    own, limit, defined = _pair(bw, mean)
    below = defined & (own < limit)
    bars = np.arange(own.size)
    last_not_below = np.maximum.accumulate(np.where(below, -1, bars)) if own.size else bars
    return np.where(defined, bars - last_not_below, np.nan)


def expansion_event(bw: ArrayLike, mean: ArrayLike, squeeze_bars: int = SQUEEZE_BARS) -> NDArray[np.bool_]:
    """Whether the bands open out of a squeeze on this bar: bw > mean, bw rising, run >= squeeze_bars until the last."""
    own, limit, defined = _pair(bw, mean)
    run_before = lagged(squeeze_run(own, limit))
    rising = own > lagged(own)
    event: NDArray[np.bool_] = defined & (own > limit) & rising & (run_before >= squeeze_bars)
    return event


def expansion_age(event: NDArray[np.bool_]) -> Array:
    """Bars since the last expansion event (0 on its own bar); NaN while there has been none."""
    bars = np.arange(event.size)
    last = np.maximum.accumulate(np.where(event, bars, -1)) if event.size else bars
    return np.where(last >= 0, (bars - last).astype(np.float64), np.nan)


def position(close: ArrayLike, found: Bands) -> Array:
    """-1 below the lower band, 1 above the upper, 0 between or on them; NaN where undefined."""
    (c,) = checked(close=close)
    side = (c > found.upper).astype(np.float64) - (c < found.lower)
    return np.where(np.isnan(found.middle), np.nan, side)


class Latest(NamedTuple):
    """The last value of each series; NaN where it is not defined. `position` -1, 0 or 1, `run` and `age` in bars."""

    upper: float
    middle: float
    lower: float
    bandwidth: float
    position: float
    mean: float
    run: float
    age: float


def latest(close: ArrayLike, mean_bars: int) -> Latest:
    """The last values of `bands` and all that rests on them, which is all that a decision needs: the same numbers.

    No window looks further back than its own bars, so the last bars are enough; only a run or an age that may have
    begun before them needs more.
    """
    (c,) = checked(close=close)
    defined_from = PERIOD - 1 + mean_bars
    bars = defined_from + _FIRST_LOOK
    # what over- or underflows, or is no price, has to be met wherever it is
    usual = c.size > 0 and bool(c.min() > _SMALLEST and c.max() < _LARGEST)
    while usual and bars < c.size:
        found = _latest(c[-bars:], mean_bars)
        # an event that these bars show is the last there was, since it shows its own squeeze; no later run reaches back
        # beyond it
        if np.isfinite(found.age):
            return found
        bars *= 4
    return _latest(c, mean_bars)


def _latest(c: Array, mean_bars: int) -> Latest:
    """Of these bars alone."""
    found = bands(c)
    width = bandwidth(found)
    mean = bandwidth_mean(width, mean_bars)
    age = expansion_age(expansion_event(width, mean))
    series = (*found, width, position(c, found), mean, squeeze_run(width, mean), age)
    return Latest(*(float(one[-1]) if one.size else np.nan for one in series))


def _pair(bw: ArrayLike, mean: ArrayLike) -> tuple[Array, Array, NDArray[np.bool_]]:
    own, _ = checked_lead("bw", bw)
    limit, _ = checked_lead("mean", mean)
    if own.size != limit.size:
        checked(bw=np.zeros(own.size), mean=np.zeros(limit.size))  # an error that names them
    return own, limit, np.isfinite(own) & np.isfinite(limit)
