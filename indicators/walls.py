"""Walls in an order book: places where far more rests than anywhere near (domain.md section 4, tactic 4).

Levels within 1 % of the mid are summed into clusters 5 basis points of mid wide, counted outwards from the mid. A wall
is a cluster with at least `MULTIPLE` times the median notional of its side's other clusters that hold anything; a side
with fewer than `LEAST_CLUSTERS` of those others says nothing. The multiple is this project's choice: in recorded books
of 1,000 levels the largest cluster of an even side is 2 to 3 medians, of an uneven one 5 to 12.
A wall is an order that may be withdrawn. It shows neither liquidations nor stops, and picks no side for this trader.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from indicators.errors import IndicatorError
from indicators.order_book import mid_price

CLUSTER = 0.0005
REACH = 0.01
MULTIPLE = 4.0
LEAST_CLUSTERS = 5

Levels = Sequence[tuple[float, float]]
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
    mid = _middle(bids, asks)
    count = round(reach / width)
    notional, quantity = [0.0] * count, [0.0] * count
    for price, amount in bids if side == "bid" else asks:
        # a price on an edge belongs to the cluster nearer to the mid; 1e-9 of a cluster is rounding of the division
        at = max(0, math.ceil(abs(price / mid - 1) / width - 1e-9) - 1)
        if at < count:
            notional[at] += price * amount
            quantity[at] += amount
    return [
        Cluster(side, at * width, notional[at] / quantity[at], notional[at]) for at in range(count) if notional[at] > 0
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
    for at, cluster in enumerate(found):
        usual = median(other.notional for number, other in enumerate(found) if number != at)
        if cluster.notional >= multiple * usual:
            standing.append(Wall(cluster, cluster.notional / usual))
    return standing


def nearest(found: Sequence[Wall]) -> Wall | None:
    """The wall nearest to the mid; None when there is none."""
    return min(found, key=lambda wall: wall.cluster.distance, default=None)


def _middle(bids: Levels, asks: Levels) -> float:
    mid = mid_price(bids, asks)
    if mid is None:
        raise IndicatorError("a side of the book is empty; walls are measured from the mid")
    for name, levels in (("bids", bids), ("asks", asks)):
        for number, (price, amount) in enumerate(levels):
            if not (0 < price < math.inf and 0 < amount < math.inf and price * amount < math.inf):
                raise IndicatorError(f"{name}[{number}] is {price} x {amount}; both must be finite and above 0")
    if bids[0][0] >= asks[0][0]:
        raise IndicatorError(f"crossed book: bid {bids[0][0]} is not below ask {asks[0][0]}")
    return float(mid)
