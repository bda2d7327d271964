"""What a book says: average price of an order, depth and imbalance near the mid (domain.md sections 4 and 6).

Levels are (price, quantity in base), best first, all float or all Decimal; nothing is converted.
"""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from statistics import median
from typing import TypeVar

from indicators.errors import IndicatorError

Number = TypeVar("Number", float, Decimal)


def walk(levels: Sequence[tuple[Number, Number]], quantity: Number) -> Number | None:
    """Average price at which `quantity` base units trade against `levels`; None when the book is too shallow.

    Raises IndicatorError unless quantity is above 0.
    """
    if not quantity > 0:
        raise IndicatorError(f"quantity is {quantity}; an order is above 0")
    left = quantity
    paid = quantity * 0
    for price, available in levels:
        taken = min(left, available)
        paid += taken * price
        left -= taken
        if left <= 0:
            return paid / quantity
    return None


def mid_price(bids: Sequence[tuple[Number, Number]], asks: Sequence[tuple[Number, Number]]) -> Number | None:
    """Mean of best bid and best ask; None when a side is empty."""
    if not bids or not asks:
        return None
    return (bids[0][0] + asks[0][0]) / 2


def spread(bids: Sequence[tuple[Number, Number]], asks: Sequence[tuple[Number, Number]]) -> Number | None:
    """(best ask - best bid) / mid as a fraction; None when a side is empty."""
    mid = mid_price(bids, asks)
    return None if mid is None or not mid > 0 else (asks[0][0] - bids[0][0]) / mid


def depth_within(
    bids: Sequence[tuple[Number, Number]], asks: Sequence[tuple[Number, Number]], share: float | Decimal = 0.01
) -> Number | None:
    """Notional (quote currency) of both sides within `share` of the mid; None when a side does not reach that far."""
    sides = _within(bids, asks, share)
    return None if sides is None else sides[0] + sides[1]


def imbalance_within(
    bids: Sequence[tuple[Number, Number]], asks: Sequence[tuple[Number, Number]], share: float | Decimal = 0.01
) -> Number | None:
    """bid / (bid + ask) by notional within `share` of the mid, 0..1; None when a side does not reach that far."""
    sides = _within(bids, asks, share)
    if sides is None or not sides[0] + sides[1] > 0:
        return None
    return sides[0] / (sides[0] + sides[1])


def imbalances(
    books: Sequence[tuple[Sequence[tuple[float, float]], Sequence[tuple[float, float]]]], share: float = 0.01
) -> tuple[float, float] | None:
    """(median, largest minus smallest) imbalance of several snapshots as (bids, asks), each as `imbalance_within`.

    None for fewer than two snapshots, and when one of them does not reach: a median of those that happen to reach
    would be another quantity. A wide range says that the lean of a single snapshot means little.
    """
    found = [imbalance_within(bids, asks, share) for bids, asks in books]
    known = [value for value in found if value is not None]
    if len(known) < max(2, len(found)):
        return None
    return median(known), max(known) - min(known)


def _within(
    bids: Sequence[tuple[Number, Number]], asks: Sequence[tuple[Number, Number]], share: float | Decimal
) -> tuple[Number, Number] | None:
    """(bid notional, ask notional) within the band, or None when the fetched book ends inside it."""
    mid = mid_price(bids, asks)
    if mid is None or not mid > 0:
        return None
    width = mid * type(mid)(str(share))
    low, high = mid - width, mid + width
    if bids[-1][0] > low or asks[-1][0] < high:
        return None
    zero = mid * 0
    # best first, so the band is the beginning of each side: found by halving, not by looking at every level
    bid = sum((price * quantity for price, quantity in bids[: bisect_right(bids, -low, key=_falling)]), zero)
    ask = sum((price * quantity for price, quantity in asks[: bisect_right(asks, high, key=_rising)]), zero)
    return bid, ask


def _rising(level: tuple[Number, Number]) -> Number:
    return level[0]


def _falling(level: tuple[Number, Number]) -> Number:
    return -level[0]
