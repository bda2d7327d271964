"""How SOL and AVAX move together: hourly log returns, 72 h and 720 h windows (domain.md section 6).

The beta of the pair is that of SOL on AVAX (y = SOL, x = AVAX), whichever of them is traded: domain.md section 10.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from indicators.series import (
    Array,
    above_zero,
    checked,
    checked_lead,
    lagged,
    last_sums,
    nan_like,
    positive,
    window_mean,
    window_sum,
)

SHORT = 72
LONG = 720
#: A variance below this share of the mean square is rounding, not movement.
_TINY = 1e-12


def log_returns(close: ArrayLike) -> Array:
    """ln(close / previous close); NaN for the first bar. Raises IndicatorError for a price that is not above 0."""
    (c,) = checked(close=close)
    above_zero("close", c)
    out = nan_like(c)
    out[1:] = np.diff(np.log(c))
    return out


def correlation(y: ArrayLike, x: ArrayLike, n: int) -> Array:
    """Pearson's correlation of the n return pairs that end at each bar; NaN where undefined or one did not move."""
    xy, xx, yy, _, _ = _moments(y, x, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.clip(xy / np.sqrt(xx * yy), -1.0, 1.0)
    return np.where((xx > 0) & (yy > 0), found, np.nan)


def beta(y: ArrayLike, x: ArrayLike, n: int) -> Array:
    """cov(y, x) / var(x) over the n return pairs that end at each bar: how far y moves when x moves by 1."""
    xy, xx, _, _, _ = _moments(y, x, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(xx > 0, xy / xx, np.nan)


def spread_z(y_close: ArrayLike, x_close: ArrayLike, n: int = SHORT, beta_n: int = LONG) -> Array:
    """z of the log-price spread ln y - beta ln x over the last n bars, itself included.

    beta is that of the beta_n returns *ending the bar before*, held over the window, so the bar that is judged does
    not choose its own hedge ratio. Mean and population standard deviation of the n spreads; NaN where undefined.
    """
    yc, xc = checked(y_close=y_close, x_close=x_close)
    hedge = lagged(beta(log_returns(yc), log_returns(xc), beta_n))
    out = nan_like(yc)
    if yc.size < positive("n", n):
        return out
    ys, xs, bars = np.log(yc), np.log(xc), yc.size - n + 1
    held = hedge[n - 1 :]
    centre = (window_mean(ys, n) - hedge * window_mean(xs, n))[n - 1 :]
    squares, largest, last = np.zeros(bars), np.zeros(bars), centre
    for k in range(n):
        spread = ys[k : k + bars] - held * xs[k : k + bars]
        largest = np.maximum(largest, np.abs(spread))
        last = spread - centre
        squares += last * last
    deviation = np.sqrt(squares / n)
    with np.errstate(invalid="ignore", divide="ignore"):
        out[n - 1 :] = np.where(deviation <= _TINY * largest, np.nan, last / deviation)
    return out


def latest(y: Array, x: Array, n: int) -> tuple[float, float]:
    """The last values of `correlation` and `beta` alone, which is all that a decision needs: the same numbers at once.

    Sums over a window take nothing from outside it. `y` and `x` are returns, NaN at most for the first bar.
    """
    ys, _ = checked_lead("y", y)
    xs, _ = checked_lead("x", x)
    if ys.size != xs.size:
        checked(y=np.zeros(ys.size), x=np.zeros(xs.size))  # an error that names them
    if xs.size < positive("n", n):
        return float("nan"), float("nan")
    xs, ys = xs[-n:], ys[-n:]
    xy, xx, yy, _, _ = _centred(last_sums(np.stack([xs, ys, xs * xs, ys * ys, xs * ys]), n)[:, None], n)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.clip(xy / np.sqrt(xx * yy), -1.0, 1.0)
        both = np.where((xx > 0) & (yy > 0), found, np.nan), np.where(xx > 0, xy / xx, np.nan)
    return float(both[0][0]), float(both[1][0])


def latest_spread_z(
    y_close: Array, x_close: Array, returns_y: Array, returns_x: Array, n: int = SHORT, beta_n: int = LONG
) -> float:
    """The last value of `spread_z` alone: the same number at once. `returns_y` and `returns_x` as `log_returns`."""
    yc, xc = checked(y_close=y_close, x_close=x_close)
    if yc.size < max(positive("n", n), beta_n + 2):
        return float("nan")
    _, held = latest(returns_y[-beta_n - 1 : -1], returns_x[-beta_n - 1 : -1], beta_n)
    ys, xs = np.log(yc)[-n:], np.log(xc)[-n:]
    centre = (window_mean(ys, n) - held * window_mean(xs, n))[-1]
    spread = ys - held * xs
    last = spread - centre
    # added one after the other, as `spread_z` adds them
    deviation = np.sqrt(np.add.accumulate(last * last)[-1] / n)
    if deviation <= _TINY * np.abs(spread).max():
        return float("nan")
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(last[-1] / deviation)


def _moments(y: ArrayLike, x: ArrayLike, n: int) -> tuple[Array, Array, Array, Array, Array]:
    """Centred sums over windows of n: xy, xx, yy, and the means of x and y. Returns are near 0: one pass is exact."""
    ys, _ = checked_lead("y", y)
    xs, _ = checked_lead("x", x)
    if ys.size != xs.size:
        checked(y=np.zeros(ys.size), x=np.zeros(xs.size))  # an error that names them
    return _centred(
        (window_sum(xs, n), window_sum(ys, n), window_sum(xs * xs, n), window_sum(ys * ys, n), window_sum(xs * ys, n)),
        n,
    )


def _centred(sums: Iterable[Array], n: int) -> tuple[Array, Array, Array, Array, Array]:
    """Of the sums of x, y, xx, yy, xy."""
    sum_x, sum_y, square_x, square_y, product = sums
    mean_x, mean_y = sum_x / n, sum_y / n
    xx = square_x - n * mean_x * mean_x
    yy = square_y - n * mean_y * mean_y
    xx = np.where(xx <= _TINY * square_x, 0.0, xx)
    yy = np.where(yy <= _TINY * square_y, 0.0, yy)
    return product - n * mean_x * mean_y, xx, yy, mean_x, mean_y
