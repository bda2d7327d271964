"""Walls in an order book: places where far more rests than anywhere near (domain.md section 4, tactic 4).

Levels within 1 % of the mid are summed into clusters 5 basis points of mid wide, counted outwards from the mid. A wall
is a cluster with at least `MULTIPLE` times the median notional of its side's other clusters that hold anything; a side
with fewer than `LEAST_CLUSTERS` of those others says nothing. The multiple is this project's choice: in recorded books
of 1,000 levels the largest cluster of an even side is 2 to 3 medians, of an uneven one 5 to 12.
A wall is an order that may be withdrawn. It shows neither liquidations nor stops, and picks no side for this trader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from indicators.errors import IndicatorError

CLUSTER = 0.0005
REACH = 0.01
MULTIPLE = 4.0
LEAST_CLUSTERS = 5

Array = NDArray[np.float64]
Levels = Sequence[tuple[float, float]] | Array
Side = Literal["bid", "ask"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """`distance`: nearer edge from the mid, fraction of mid; `price`: mean by quantity; `notional`: quote currency."""

    side: Side
    distance: float
    price: float
    notional: float


@dataclass(frozen=True, slots=True)
class Wall:
    """A cluster that stands out, and how many medians of the others it holds."""

    cluster: Cluster
    multiple: float


def clusters(bids: Levels, asks: Levels, side: Side, reach: float = REACH, width: float = CLUSTER) -> list[Cluster]:
    """The clusters of one side that hold anything, nearest first; levels beyond `reach` are left out.

    Levels are (price, base quantity), best first. Raises IndicatorError for an empty side, a crossed book, a price or
    quantity that is not finite and above 0, and widths that make no clusters.
    """
    if not 0 < width <= reach < 1:
        raise IndicatorError(f"width {width}, reach {reach}; 0 < width <= reach < 1 is needed")
    book = _sides(bids, asks)
    mid = _middle(book)
    count = round(reach / width)
    price, amount = book[side].T
    # a price on an edge belongs to the cluster nearer to the mid; 1e-9 of a cluster is rounding of the division
    at = np.maximum(0, np.ceil(np.abs(price / mid - 1) / width - 1e-9) - 1)
    near = at < count
    place = at[near].astype(np.int64)
    notional = np.bincount(place, (price * amount)[near], count)
    quantity = np.bincount(place, amount[near], count)
    return [
        Cluster(side, at * width, float(notional[at] / quantity[at]), float(notional[at]))
        for at in range(count)
        if notional[at] > 0
    ]


def walls(bids: Levels, asks: Levels, side: Side, multiple: float = MULTIPLE) -> list[Wall] | None:
    """The walls of one side, nearest first: empty when none stands out, None when it cannot be told.

    It cannot where the fetched book ends within 1 % of the mid, or fewer than `LEAST_CLUSTERS` other clusters hold
    anything. Raises IndicatorError as `clusters`, and for a multiple that is not above 1.
    """
    if not multiple > 1:
        raise IndicatorError(f"multiple is {multiple}; a wall holds more than its neighbours, so above 1")
    found = clusters(bids, asks, side)  # has looked at every level, so the mid is sound
    last = bids[-1][0] if side == "bid" else asks[-1][0]
    if abs(last / ((bids[0][0] + asks[0][0]) / 2) - 1) < REACH - 1e-12 or len(found) <= LEAST_CLUSTERS:
        return None
    standing: list[Wall] = []
    ordered = sorted(cluster.notional for cluster in found)
    # leaving one out moves the median to a neighbour at most: what does not reach the lower of the two is no wall
    least = multiple * ordered[(len(ordered) - 2) // 2]
    for at, cluster in enumerate(found):
        if cluster.notional < least:
            continue
        usual = median(other.notional for number, other in enumerate(found) if number != at)
        if cluster.notional >= multiple * usual:
            standing.append(Wall(cluster, cluster.notional / usual))
    return standing


def nearest(found: Sequence[Wall]) -> Wall | None:
    """The wall nearest to the mid; None when there is none."""
    return min(found, key=lambda wall: wall.cluster.distance, default=None)


def _sides(bids: Levels, asks: Levels) -> dict[Side, Array]:
    """Arrays of (levels, 2); an array is taken as it is."""
    return {
        "bid": np.asarray(bids, dtype=np.float64).reshape(-1, 2),
        "ask": np.asarray(asks, dtype=np.float64).reshape(-1, 2),
    }


def _middle(book: dict[Side, Array]) -> float:
    if not all(side.size for side in book.values()):
        raise IndicatorError("a side of the book is empty; walls are measured from the mid")
    for name, side in book.items():
        with np.errstate(all="ignore"):
            if (side > 0).all() and np.isfinite(side[:, 0] * side[:, 1]).all():
                continue
            wrong = ~((side > 0).all(axis=1) & np.isfinite(side).all(axis=1) & np.isfinite(side.prod(axis=1)))
        number = int(wrong.argmax())
        price, amount = side[number].tolist()
        raise IndicatorError(f"{name}s[{number}] is {price} x {amount}; both must be finite and above 0")
    bid, ask = float(book["bid"][0, 0]), float(book["ask"][0, 0])
    if bid >= ask:
        raise IndicatorError(f"crossed book: bid {bid} is not below ask {ask}")
    return (bid + ask) / 2
