"""Volume against its own past (domain.md section 6: below half its 20-bar mean a breakout is weak)."""

from numpy.typing import ArrayLike

from indicators.errors import IndicatorError
from indicators.series import Array, checked, lagged, ratio, window_mean

PERIOD = 20
WEAK_BELOW = 0.5


def volume_ratio(volume: ArrayLike, n: int = PERIOD) -> Array:
    """Volume of a bar over the mean of the n bars before it; NaN for the first n bars and after n empty ones."""
    (v,) = checked(volume=volume)
    negative = v < 0
    if negative.any():
        at = int(negative.argmax())
        raise IndicatorError(f"volume[{at}] is {v[at]}; a volume is 0 or more")
    return ratio(v, lagged(window_mean(v, n)))


def weak_breakout(ratio_now: float | None) -> bool | None:
    """Whether a breakout lacks volume; None when the ratio is unavailable."""
    return None if ratio_now is None else ratio_now < WEAK_BELOW
