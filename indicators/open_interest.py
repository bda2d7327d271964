"""Open interest in coins (not USD: its value moves with price) and what its change says (domain.md section 6)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indicators.errors import IndicatorError
from indicators.series import Array, checked, nan_like

FIVE_MINUTES_MS = 300_000
#: A 5-minute step larger than this is a glitch of the feed.
GLITCH_STEP = 0.25
#: So many points in a row on a new level are a new level, not a glitch.
CONFIRMATIONS = 3
FRESH_ABOVE = 0.02
CLOSING_BELOW = -0.02


def glitches(times: ArrayLike, coins: ArrayLike) -> NDArray[np.bool_]:
    """Which points are dropped: a step of at most 5 minutes that leaves the last good point by more than 25 %.

    Looks only backwards: a jump is dropped when it comes, and accepted from the third point in a row on the new level.
    Times UTC ms, strictly rising; coins above 0. Raises IndicatorError otherwise.
    """
    t, c = _points(times, coins)
    dropped = np.zeros(t.size, dtype=np.bool_)
    close_by = np.diff(t) <= FIVE_MINUTES_MS * 1.5
    done = 0
    for jump in (np.flatnonzero(close_by & (np.abs(c[1:] / c[:-1] - 1) > GLITCH_STEP)) + 1).tolist():
        # up to the next jump every point is good, and its follower is measured from it
        done = _drop_after(jump, close_by, c, dropped) if jump >= done else done
    return dropped


def change_over(times: ArrayLike, coins: ArrayLike, over_ms: int, tolerance_ms: int | None = None) -> Array:
    """Relative change of coins over `over_ms` at each point, glitches dropped; NaN where it cannot be known.

    Compared with the last good point at or before `over_ms` ago, at most `tolerance_ms` older (default: a twentieth of
    the span, at least 10 minutes). NaN at glitches.
    """
    t, c = _points(times, coins)
    if over_ms <= 0:
        raise IndicatorError(f"over_ms is {over_ms}; a span is above 0")
    tolerance = max(2 * FIVE_MINUTES_MS, over_ms // 20) if tolerance_ms is None else tolerance_ms
    out = nan_like(c)
    kept = np.flatnonzero(~glitches(t, c))
    if not kept.size:
        return out
    then = t[kept] - over_ms
    at = np.searchsorted(t[kept], then, side="right") - 1
    usable = (at >= 0) & (then - t[kept][np.maximum(at, 0)] <= tolerance)
    before = c[kept][np.maximum(at, 0)]
    out[kept] = np.where(usable, c[kept] / before - 1, np.nan)
    return out


def change_between(times: ArrayLike, coins: ArrayLike, start: ArrayLike, end: ArrayLike) -> Array:
    """Relative change of coins from each `start` to its `end` (UTC ms), glitches dropped; NaN where it is not known.

    A time is answered by the last good point at or before it, at most 10 minutes older: later points are never used.
    """
    t, c = _points(times, coins)
    begins, ends = checked(start=start, end=end)
    good = ~glitches(t, c)
    return _at(t[good], c[good], ends) / _at(t[good], c[good], begins) - 1


def state(change_24h: float | None, price_move_24h: float | None, atr: float | None) -> int | None:
    """1 "fresh": dOI > +2 % and abs(price move) > 1 ATR; -1 "closing": dOI < -2 %; else 0; None when unknown.

    `price_move_24h` and `atr` in the same unit (price).
    """
    if change_24h is None or not math.isfinite(change_24h):
        return None
    if change_24h < CLOSING_BELOW:
        return -1
    if not change_24h > FRESH_ABOVE:
        return 0
    if price_move_24h is None or atr is None or not (math.isfinite(price_move_24h) and math.isfinite(atr)):
        return None
    return int(abs(price_move_24h) > atr)


def states(change_24h: ArrayLike, price_move_24h: ArrayLike, atr: ArrayLike) -> Array:
    """`state` of a whole history: 1, -1 or 0 for each bar, NaN where it is unknown."""
    columns = [np.ascontiguousarray(column, dtype=np.float64) for column in (change_24h, price_move_24h, atr)]
    checked(
        **{name: np.zeros(one.shape) for name, one in zip(("change_24h", "price_move", "atr"), columns, strict=True)}
    )
    change, move, usual = (np.where(np.isfinite(column), column, np.nan) for column in columns)
    fresh = np.where(np.isnan(move) | np.isnan(usual), np.nan, np.abs(move) > usual)
    found = np.where(change < CLOSING_BELOW, -1.0, np.where(change > FRESH_ABOVE, fresh, 0.0))
    return np.where(np.isnan(change), np.nan, found)


def _at(times: Array, coins: Array, when: Array) -> Array:
    """The last value at or before each time, at most two 5-minute steps old; NaN where there is none."""
    if not times.size:
        return nan_like(when)
    at = np.searchsorted(times, when, side="right") - 1
    held = np.maximum(at, 0)
    return np.where((at >= 0) & (when - times[held] <= 2 * FIVE_MINUTES_MS), coins[held], np.nan)


def _drop_after(jump: int, close_by: NDArray[np.bool_], c: Array, dropped: NDArray[np.bool_]) -> int:
    """Marks the points dropped from a jump on; the first place after a point that was taken as good again."""
    good, seen, rival = jump - 1, 0, 0.0
    for i in range(jump, c.size):
        if not close_by[i - 1] or _near(c[i], c[good]):
            return i + 1
        seen = seen + 1 if seen and _near(c[i], rival) else 1
        rival = float(c[i])
        if seen >= CONFIRMATIONS:
            return i + 1
        dropped[i] = True
    return c.size


def _near(value: float, other: float) -> bool:
    return abs(value / other - 1) <= GLITCH_STEP


def _points(times: ArrayLike, coins: ArrayLike) -> tuple[Array, Array]:
    t, c = checked(times=times, coins=coins)
    if (np.diff(t) <= 0).any():
        at = int(np.flatnonzero(np.diff(t) <= 0)[0])
        raise IndicatorError(f"times[{at + 1}] {t[at + 1]:.0f} is not after {t[at]:.0f}; sort and drop doubles")
    if (c <= 0).any():
        raise IndicatorError(f"coins[{int(np.flatnonzero(c <= 0)[0])}] is not above 0; a missing value is left out")
    return t, c
