"""What every array of this room must be: one-dimensional, finite, equally long; and windows over it.

Values are taken by windows that look only at the bars in them, so that a value does not depend on where the history
begins (Wilder's averages do, by definition) and never on bars that come after.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indicators.errors import IndicatorError

Array = NDArray[np.float64]


def checked(**named: ArrayLike) -> tuple[Array, ...]:
    """The arguments as contiguous float64 arrays, in order.

    Raises IndicatorError for a NaN or infinity (with its index), more than one dimension, or lengths that differ.
    TA-Lib would answer a single NaN with RSI 0.0 for every later bar.
    """
    arrays: list[Array] = []
    first, length = "", -1
    for name, values in named.items():
        array = np.ascontiguousarray(values, dtype=np.float64)
        if array.ndim != 1:
            raise IndicatorError(f"{name} has {array.ndim} dimensions; pass one value a bar")
        finite = np.isfinite(array)
        if not finite.all():
            bad = np.flatnonzero(~finite)
            raise IndicatorError(
                f"{name}[{bad[0]}] is {array[bad[0]]} ({bad.size} such value(s)); fill or cut the gap before"
            )
        if length < 0:
            first, length = name, array.size
        elif array.size != length:
            raise IndicatorError(f"{name} has {array.size} values, {first} has {length}; pass the same bars")
        arrays.append(array)
    return tuple(arrays)


def checked_lead(name: str, values: ArrayLike) -> tuple[Array, int]:
    """As `checked` for a derived series that may begin with NaN: the array and how many NaN lead it."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise IndicatorError(f"{name} has {array.ndim} dimensions; pass one value a bar")
    finite = np.isfinite(array)
    lead = int(finite.argmax()) if finite.any() else array.size
    if lead and not np.isnan(array[:lead]).all():
        raise IndicatorError(f"{name} begins with an infinity; only NaN may lead a derived series")
    if not finite[lead:].all():
        checked(**{f"{name} (after its first {lead} values)": array[lead:]})
    return array, lead


def column(values: Sequence[float]) -> Array:
    """A column of Python numbers as an array: several times as fast as `np.asarray`, which looks at every type."""
    return np.fromiter(values, np.float64, len(values))


def require_even(times: Sequence[int] | NDArray[np.int64], interval_ms: int) -> None:
    """Raises IndicatorError, naming the place, unless bar times (UTC ms) rise by exactly `interval_ms`."""
    steps = np.diff(np.asarray(times, dtype=np.int64))
    wrong = steps != interval_ms
    if wrong.any():
        at = int(wrong.argmax())
        raise IndicatorError(
            f"bars {at} and {at + 1} are {steps[at]} ms apart, {interval_ms} expected (open times {times[at]} and "
            f"{times[at + 1]}); fetch the missing bars or cut the series after the gap"
        )


def positive(name: str, value: int) -> int:
    """A window length. Raises IndicatorError below 1."""
    if value < 1:
        raise IndicatorError(f"{name} is {value}; a window holds at least 1 bar")
    return value


def above_zero(name: str, array: Array) -> None:
    """Raises IndicatorError for a price that is not above 0."""
    wrong = array <= 0
    if wrong.any():
        bad = np.flatnonzero(wrong)
        raise IndicatorError(f"{name}[{bad[0]}] is {array[bad[0]]}; a price is above 0")


def nan_like(array: Array) -> Array:
    """NaN, as long as `array`."""
    return np.full(array.size, np.nan)


def ratio(numerator: Array, denominator: Array) -> Array:
    """Element-wise quotient; NaN where either is NaN or the denominator is 0."""
    out = nan_like(numerator)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def lagged(array: Array, bars: int = 1) -> Array:
    """The value `bars` earlier; NaN for the first ones."""
    out = nan_like(array)
    if bars < array.size:
        out[bars:] = array[: array.size - bars]
    return out


def window_sum(array: Array, n: int) -> Array:
    """Sum of the `n` values that end at each bar (itself included); NaN where one is missing or there are fewer."""
    out = nan_like(array)
    if array.size < positive("n", n):
        return out
    # blocks of 1, 2, 4 ... values by doubling, put together as n is in binary: log n additions a bar instead of n,
    # and unlike a running sum nothing of a value's rounding comes from outside its own window
    block, width, start, total = array, 1, 0, np.zeros(array.size - n + 1)
    while True:
        if n & width:
            total = total + block[start : start + total.size]
            start += width
        if width * 2 > n:
            break
        block = block[:-width] + block[width:]
        width *= 2
    out[n - 1 :] = total
    return out


def last_sums(rows: Array, n: int) -> Array:
    """The last `window_sum` of each row of exactly `n` values, all rows at once: added in the same order."""
    block, width, start, total = rows, 1, 0, np.zeros(rows.shape[0])
    while True:
        if n & width:
            total = total + block[:, start]
            start += width
        if width * 2 > n:
            return total
        block = block[:, :-width] + block[:, width:]
        width *= 2


def window_mean(array: Array, n: int) -> Array:
    """Mean of the `n` values that end at each bar; NaN where one is missing or there are fewer."""
    return window_sum(array, n) / n


def window_max(array: Array, n: int) -> Array:
    """Maximum of the `n` values that end at each bar; NaN where one is missing or there are fewer."""
    out = nan_like(array)
    if array.size < positive("n", n):
        return out
    block, width = array, 1
    while width * 2 <= n:
        block = np.maximum(block[:-width], block[width:])
        width *= 2
    bars = array.size - n + 1
    out[n - 1 :] = np.maximum(block[:bars], block[n - width : n - width + bars])
    return out


def window_min(array: Array, n: int) -> Array:
    """Minimum of the `n` values that end at each bar; NaN where one is missing or there are fewer."""
    return -window_max(-array, n)


def window_deviation(array: Array, n: int) -> tuple[Array, Array]:
    """(mean, population standard deviation) of the `n` values that end at each bar; a still window deviates by 0.

    Deviations are summed from the window's own mean: no digits are lost where the level is far above the movement.
    """
    mean, out = window_mean(array, n), nan_like(array)
    if array.size < n:
        return mean, out
    still = window_max(array, n) == window_min(array, n)
    mean[still] = array[still]
    bars = array.size - n + 1
    centre, squares = mean[n - 1 :], np.zeros(bars)
    for k in range(n):
        from_mean = array[k : k + bars] - centre
        squares += from_mean * from_mean
    out[n - 1 :] = np.sqrt(squares / n)
    return mean, out
