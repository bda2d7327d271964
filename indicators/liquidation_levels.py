"""Where liquidations *might* lie: a model, not data. No venue publishes the positions of others.

Assumed: the open interest was opened over the bars handed in, in proportion to their volume, at each bar's typical
price (high + low + close) / 3, on isolated margin at the leverages of a mix that is a guess (`MIX`). Every contract has
a long and a short, so each side holds the whole open interest. Liquidation prices are those of domain.md section 7
(maintenance amount 0); a position whose price was touched by a later bar is gone, and the ones that are left are scaled
up so that each side again adds to the open interest. The figure says where liquidations would cluster if that were so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indicators.errors import IndicatorError
from indicators.series import Array, above_zero, checked

#: Leverage -> share of open interest. A guess: nobody publishes it. It sums to 1.
MIX: Mapping[int, float] = MappingProxyType({3: 0.15, 5: 0.25, 10: 0.30, 20: 0.20, 50: 0.10})
MAINTENANCE = 0.005
#: Clusters are this wide, as a fraction of the current price.
WIDTH = 0.005

Side = Literal["long", "short"]


@dataclass(frozen=True, slots=True)
class LiquidationLevel:
    """Coins of one side that the model liquidates around `price` (mean by coins); `share` of that side's total."""

    side: Side
    price: float
    coins: float
    share: float


def liquidation_levels(
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    volume: ArrayLike,
    open_interest: float,
    *,
    mix: Mapping[int, float] = MIX,
    maintenance: float = MAINTENANCE,
    width: float = WIDTH,
) -> tuple[LiquidationLevel, ...]:
    """Modelled clusters of both sides, largest first; longs lie below the last close, shorts above it.

    `open_interest` in coins. Empty when a history without volume, or one that touched everything, leaves nothing.
    Raises IndicatorError for no bars, gaps (NaN), prices not above 0, negative volume, and a mix that makes no sense.
    """
    h, lo, c, v = checked(high=high, low=low, close=close, volume=volume)
    for name, prices in (("high", h), ("low", lo), ("close", c)):
        above_zero(name, prices)
    _check(h, lo, v, open_interest, mix, maintenance, width)
    if not v.sum() > 0:
        return ()
    entries = h / 3 + lo / 3 + c / 3
    weights = v / v.max()
    after_low = _extreme_after(lo, np.minimum, np.inf)
    after_high = _extreme_after(h, np.maximum, -np.inf)
    last = float(c[-1])
    below, above = np.minimum(after_low, last), np.maximum(after_high, last)
    longs, shorts = _Held(), _Held()
    for leverage, share in mix.items():
        at = entries * (1 - 1 / leverage) / (1 - maintenance)
        longs.add(at, weights * share, at < below)
        at = entries * (1 + 1 / leverage) / (1 + maintenance)
        shorts.add(at, weights * share, at > above)
    found = longs.clusters("long", last, open_interest, width) + shorts.clusters("short", last, open_interest, width)
    return tuple(sorted(found, key=lambda level: (-level.coins, level.price)))


def largest(levels: tuple[LiquidationLevel, ...], side: Side) -> LiquidationLevel | None:
    """The side's cluster with most coins; None when the model leaves the side without any."""
    return next((level for level in levels if level.side == side), None)


def within(levels: tuple[LiquidationLevel, ...], side: Side, price: float, reach: float) -> float:
    """Coins of a side that the model liquidates within `reach` (fraction) of `price`."""
    if not (0 < price < math.inf and reach > 0):
        raise IndicatorError(f"price {price}, reach {reach}; both must be above 0")
    return sum((one.coins for one in levels if one.side == side and abs(one.price / price - 1) <= reach), 0.0)


class _Held:
    """Positions of one side that still stand: liquidation prices and weights."""

    def __init__(self) -> None:
        self._prices: list[Array] = []
        self._weights: list[Array] = []

    def add(self, prices: Array, weights: Array, alive: NDArray[np.bool_]) -> None:
        self._prices.append(prices[alive])
        self._weights.append(weights[alive])

    def clusters(self, side: Side, last: float, total: float, width: float) -> list[LiquidationLevel]:
        prices, weights = np.concatenate(self._prices) / last, np.concatenate(self._weights)
        whole = weights.sum()
        if not whole > 0:
            return []
        _, cluster = np.unique(np.floor(np.abs(prices - 1) / width), return_inverse=True)
        held = np.bincount(cluster, weights=weights)
        sums = np.bincount(cluster, weights=weights * prices)
        return [
            LiquidationLevel(side, float(at / own) * last, float(own / whole) * total, float(own / whole))
            for at, own in zip(sums, held, strict=True)
            if own > 0
        ]


def _extreme_after(values: Array, pick: np.ufunc, nothing: float) -> Array:
    """The lowest (highest) value of the bars after each bar; `nothing` for the last."""
    reverse = pick.accumulate(values[::-1])[::-1]
    return np.concatenate([reverse[1:], [nothing]])


def _check(
    high: Array, low: Array, volume: Array, total: float, mix: Mapping[int, float], maintenance: float, width: float
) -> None:
    if not high.size:
        raise IndicatorError("no bars: the model needs a history of prices and volumes")
    if (high < low).any():
        at = int(np.flatnonzero(high < low)[0])
        raise IndicatorError(f"bar {at}: high {high[at]} is below low {low[at]}; the columns are mixed up or damaged")
    if (volume < 0).any():
        raise IndicatorError(f"volume[{int(np.flatnonzero(volume < 0)[0])}] is below 0; a volume is 0 or more")
    if not 0 < total < math.inf:
        raise IndicatorError(f"open_interest is {total} coins; it must be a finite number above 0")
    if not (0 < width < 1 and 0 <= maintenance < 1):
        raise IndicatorError(f"width {width}, maintenance {maintenance}; fractions below 1 are needed")
    if not mix or not math.isclose(sum(mix.values()), 1, rel_tol=1e-9) or min(mix.values()) < 0:
        raise IndicatorError(f"the mix {dict(mix)} must be shares of 0 or more that sum to 1")
    if min(mix) <= 1 or 1 / max(mix) <= maintenance:
        raise IndicatorError(
            f"leverages {min(mix)} to {max(mix)}: each is above 1, and 1 / leverage above maintenance {maintenance}"
        )
