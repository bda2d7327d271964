"""Walk, depth and imbalance on books small enough to add up by hand."""

from decimal import Decimal

import pytest

from indicators.basis import basis
from indicators.errors import IndicatorError
from indicators.order_book import depth_within, imbalance_within, mid_price, spread, walk

BIDS = [(99.9, 10.0), (99.5, 20.0), (99.0, 30.0), (98.0, 500.0)]
ASKS = [(100.1, 5.0), (100.5, 10.0), (101.0, 15.0), (102.0, 500.0)]


def test_walk_averages_over_levels() -> None:
    assert walk(ASKS, 5.0) == 100.1
    assert walk(ASKS, 10.0) == pytest.approx((5 * 100.1 + 5 * 100.5) / 10)
    levels = [(Decimal("100.1"), Decimal(5)), (Decimal("100.5"), Decimal(10))]
    assert walk(levels, Decimal(15)) == Decimal("1505.5") / 15


def test_walk_of_a_book_too_shallow_is_none() -> None:
    assert walk(ASKS[:2], 15.0001) is None
    assert walk([], 1.0) is None
    with pytest.raises(IndicatorError, match="quantity"):
        walk(ASKS, 0.0)


def test_depth_and_imbalance_within_one_per_cent() -> None:
    """Mid 100: 99.0 and 101.0 are in, 98 and 102 are out."""
    bid = 999.0 + 1990.0 + 2970.0
    ask = 500.5 + 1005.0 + 1515.0
    assert depth_within(BIDS, ASKS) == pytest.approx(bid + ask)
    assert imbalance_within(BIDS, ASKS) == pytest.approx(bid / (bid + ask))


def test_decimal_books_stay_exact() -> None:
    bids = [(Decimal("99.9"), Decimal(10)), (Decimal(99), Decimal(10))]
    asks = [(Decimal("100.1"), Decimal(10)), (Decimal(101), Decimal(10))]
    assert depth_within(bids, asks) == Decimal(4000)
    assert imbalance_within(bids, asks) == Decimal(1989) / 4000


@pytest.mark.parametrize(
    ("bids", "asks"),
    [(BIDS[:2], ASKS), (BIDS, ASKS[:2]), ([], ASKS), (BIDS, []), ([], [])],
)
def test_a_book_that_does_not_reach_is_unavailable(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]]
) -> None:
    assert depth_within(bids, asks) is None
    assert imbalance_within(bids, asks) is None


def test_mid_spread_basis() -> None:
    assert mid_price(BIDS, ASKS) == pytest.approx(100.0)
    assert spread(BIDS, ASKS) == pytest.approx(0.002)
    assert spread([], ASKS) is None
    assert basis(Decimal("100.3"), Decimal(100)) == Decimal("0.003")
    with pytest.raises(IndicatorError, match="index"):
        basis(1.0, 0.0)
