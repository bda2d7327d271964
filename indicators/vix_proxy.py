"""A VIX-like reading of one perpetual: NATR against its own year (domain.md section 6)."""

from bisect import bisect_left, insort

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indicators.errors import IndicatorError
from indicators.series import Array, checked_lead, nan_like, ratio

#: Hourly bars: the median is taken over the previous 365 days, and needs at least 180.
YEAR_BARS = 365 * 24
LEAST_BARS = 180 * 24
#: About how many bars of a whole series a single median takes as long as.
_ONE_COSTS = 25


def trailing_median(natr: ArrayLike, bars: int = YEAR_BARS, least: int = LEAST_BARS) -> Array:
    """Median of the up to `bars` values *before* each bar; NaN while there are fewer than `least`.

    `natr` may begin with NaN (its warm-up), which do not count.
    """
    values, lead = checked_lead("natr", natr)
    _windows(bars, least)
    out = nan_like(values)
    ordered: list[float] = []
    listed = values.tolist()
    for i in range(lead, len(listed)):
        count = len(ordered)
        if count >= least:
            middle = count // 2
            out[i] = ordered[middle] if count % 2 else (ordered[middle - 1] + ordered[middle]) / 2
        insort(ordered, listed[i])
        if count == bars:
            del ordered[bisect_left(ordered, listed[i - bars])]
    return out


def latest_median(natr: ArrayLike, bars: int = YEAR_BARS, least: int = LEAST_BARS) -> float:
    """The last value of `trailing_median` alone, which is all that a decision needs: the same number at once."""
    values, lead = checked_lead("natr", natr)
    _windows(bars, least)
    before = values[max(lead, values.size - 1 - bars) : -1]
    return float(np.median(before)) if before.size >= least else np.nan


class Medians:
    """`trailing_median` at single bars: the same numbers. The whole series is made once many of them are asked for."""

    def __init__(self, natr: ArrayLike, bars: int = YEAR_BARS, least: int = LEAST_BARS) -> None:
        self._natr, _ = checked_lead("natr", natr)
        _windows(bars, least)
        self._bars, self._least = bars, least
        self._known: dict[int, float] = {}
        self._whole: Array | None = None

    def at(self, place: int) -> float:
        """Raises IndexError beyond the last bar."""
        if not 0 <= place < self._natr.size:
            raise IndexError(f"bar {place} of {self._natr.size}")
        if self._whole is None and len(self._known) * _ONE_COSTS > self._natr.size:
            self._whole = trailing_median(self._natr, self._bars, self._least)
        if self._whole is not None:
            return float(self._whole[place])
        if place not in self._known:
            self._known[place] = latest_median(self._natr[: place + 1], self._bars, self._least)
        return self._known[place]

    def among(self, places: NDArray[np.int64]) -> Array:
        """At several bars."""
        return np.array([self.at(place) for place in places.tolist()], dtype=np.float64)


def _windows(bars: int, least: int) -> None:
    if not 1 <= least <= bars:
        raise IndicatorError(f"least is {least}, bars is {bars}; 1 <= least <= bars is needed")


def vix_proxy(natr: ArrayLike, bars: int = YEAR_BARS, least: int = LEAST_BARS) -> Array:
    """NATR over its own trailing median; above 2.5 volatility is extreme. NaN where the median is."""
    return ratio(np.ascontiguousarray(natr, dtype=np.float64), trailing_median(natr, bars, least))
