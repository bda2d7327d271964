"""The order book near the mid. It never picks a side for this trader (domain.md section 6, signal 4)."""

from data_fetchers.snapshot import OrderBook, Unavailable
from indicators.order_book import depth_within, imbalance_within, mid_price, spread
from traders.volatility_gamma.readings.notebook import Notebook, reason_of

#: Of mid: domain.md sections 4 and 6.
NEAR = 0.01
_SHALLOW = "too_shallow: the fetched book does not reach 1 % on both sides"
_ONE_SIDED = "empty: a side of the book is empty"


def read_book(notebook: Notebook, prefix: str, source: OrderBook | Unavailable) -> None:
    """`p.book.*`: mid, spread, depth and imbalance within 1 % of mid."""
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
