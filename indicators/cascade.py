"""A liquidation cascade on 15-minute bars (domain.md section 4, tactic 4): TR > 3 ATR, volume > 3 x mean, OI < -2 %.

All three on one closed bar: its true range over the ATR14 *before* it, its volume over the mean of the 20 bars before
it, and the change of open interest (coins) from its open to its close. A cascade is a reason to stand aside or to take
a profit, never to enter. Thresholds are strict; equality does nothing.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indicators.atr_calculator import true_range_multiple
from indicators.errors import IndicatorError
from indicators.open_interest import change_between
from indicators.series import Array, checked, lagged, require_even
from indicators.volume import volume_ratio

BAR_MS = 900_000
RANGE_ABOVE = 3.0
VOLUME_ABOVE = 3.0
OPEN_INTEREST_BELOW = -0.02
#: Decisions are 900 to 1800 s apart (`monitoring_interval_s`): looking at two bars, no cascade falls between them.
ACTIVE_BARS = 2


def cascade(
    times: ArrayLike,
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    volume: ArrayLike,
    oi_times: ArrayLike,
    oi_coins: ArrayLike,
) -> Array:
    """1 where a bar is a cascade, 0 where it is certainly none, NaN where that cannot be known; one value a bar.

    `times` are open times of closed 15-minute bars (UTC ms) without a gap. One condition that is certainly false makes
    the bar a 0 whatever is not known of the others. Raises IndicatorError for a gap, NaN, or points out of order.
    """
    opened, found, busy = _bars(times, high, low, close, volume)
    return _flags(opened, found, busy, oi_times, oi_coins)


def latest_active(
    times: ArrayLike,
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    volume: ArrayLike,
    oi_times: ArrayLike,
    oi_coins: ArrayLike,
) -> float:
    """The last value of `active(cascade(...))` alone, which is all that a decision needs: the same number at once."""
    opened, found, busy = (one[-ACTIVE_BARS:] for one in _bars(times, high, low, close, volume))
    return float(active(_flags(opened, found, busy, oi_times, oi_coins))[-1])


def active(flags: ArrayLike, bars: int = ACTIVE_BARS) -> Array:
    """1 where one of the last `bars` values is 1, 0 where all are 0, else NaN (as before the first `bars`)."""
    if bars < 1:
        raise IndicatorError(f"bars is {bars}; a window holds at least 1 bar")
    own = np.ascontiguousarray(flags, dtype=np.float64)
    seen = np.vstack([own, *(lagged(own, back) for back in range(1, bars))])
    return np.where((seen == 1).any(axis=0), 1.0, np.where((seen == 0).all(axis=0), 0.0, np.nan))


def _bars(
    times: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike
) -> tuple[Array, Array, Array]:
    """Open times, true range multiples and volume ratios."""
    (opened,) = checked(times=times)
    require_even(opened.astype(np.int64), BAR_MS)
    found = true_range_multiple(high, low, close)
    if opened.size != found.size:
        raise IndicatorError(f"times has {opened.size} values, close has {found.size}; pass the same bars")
    busy = volume_ratio(volume)
    if busy.size != found.size:
        raise IndicatorError(f"volume has {busy.size} values, close has {found.size}; pass the same bars")
    return opened, found, busy


def _flags(opened: Array, found: Array, busy: Array, oi_times: ArrayLike, oi_coins: ArrayLike) -> Array:
    # rounded: 980 / 1000 - 1 is a last binary digit below -0.02, and equality is no fall beyond it
    change = np.round(change_between(oi_times, oi_coins, opened, opened + BAR_MS), 12)
    return _all_of(
        (found > RANGE_ABOVE, np.isnan(found)),
        (busy > VOLUME_ABOVE, np.isnan(busy)),
        (change < OPEN_INTEREST_BELOW, np.isnan(change)),
    )


def _all_of(*conditions: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> Array:
    """Conjunction of (holds, unknown) columns: a false one decides, then an unknown one."""
    false = np.logical_or.reduce([~holds & ~unknown for holds, unknown in conditions])
    unknown = np.logical_or.reduce([unknown for _, unknown in conditions])
    return np.where(false, 0.0, np.where(unknown, np.nan, 1.0))
