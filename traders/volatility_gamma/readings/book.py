"""The order book near the mid. It never picks a side for this trader (domain.md section 6, signal 4).

The entry signal rests on `book.imbalance`, that of the newest snapshot alone, as it is defined. Median and range over
all snapshots stand beside it: a lean that is gone a second later is an order somebody took back.
"""

import numpy as np

from data_fetchers.snapshot import OrderBook, Unavailable
from indicators.errors import IndicatorError
from indicators.order_book import depth_within, imbalance_within, imbalances, mid_price, spread
from indicators.walls import Array, Side, nearest, walls
from traders.volatility_gamma.readings.notebook import Notebook, reason_of

#: Of mid: domain.md sections 4 and 6.
NEAR = 0.01
_SHALLOW = "too_shallow: the fetched book does not reach 1 % on both sides"
_SINGLE = "too_short: one snapshot of the book, 2 needed"
_NO_WALL = "none: no cluster of 5 bp holds four times the median of the others"
_CANNOT_TELL = "too_shallow: the fetched book does not reach 1 % on that side, or holds too few levels"
_ONE_SIDED = "empty: a side of the book is empty"


def read_book(notebook: Notebook, prefix: str, source: OrderBook | Unavailable) -> None:
    """`p.book.*`: mid, spread, depth and imbalance within 1 % of mid, its stability, and the nearest walls."""
    if isinstance(source, Unavailable):
        notebook.miss_group(f"{prefix}.book.", reason_of(source))
        return
    if not source.bids or not source.asks:
        notebook.miss_group(f"{prefix}.book.", _ONE_SIDED)
        return
    at, bids, asks = source.as_of, source.bids, source.asks
    notebook.put(f"{prefix}.book.mid", mid_price(bids, asks), at)
    notebook.put(f"{prefix}.book.spread", spread(bids, asks), at)
    notebook.put(f"{prefix}.book.imbalance", imbalance_within(bids, asks, NEAR), at, _SHALLOW)
    notebook.put(f"{prefix}.book.depth_usdt", depth_within(bids, asks, NEAR), at, _SHALLOW)
    found = imbalances([*((shot.bids, shot.asks) for shot in source.earlier), (bids, asks)], NEAR)
    stable = (None, None) if found is None else found
    why = _SHALLOW if source.earlier else _SINGLE
    notebook.put(f"{prefix}.book.imbalance_median", stable[0], at, why)
    notebook.put(f"{prefix}.book.imbalance_range", stable[1], at, why)
    sides = np.asarray(bids), np.asarray(asks)
    _read_wall(notebook, f"{prefix}.book.bid_wall", *sides, at, "bid")
    _read_wall(notebook, f"{prefix}.book.ask_wall", *sides, at, "ask")


def _read_wall(notebook: Notebook, name: str, bids: Array, asks: Array, at: int, side: Side) -> None:
    """How far the nearest wall of a side stands from the mid."""
    try:
        found = walls(bids, asks, side)
    except IndicatorError as error:
        notebook.miss((name,), f"invalid: {error}")
        return
    wall = None if found is None else nearest(found)
    distance = None if wall is None else wall.cluster.distance
    notebook.put(name, distance, at, _CANNOT_TELL if found is None else _NO_WALL)
