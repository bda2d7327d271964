"""Walk, depth and imbalance on books small enough to add up by hand."""

from decimal import Decimal

import pytest

from indicators.basis import basis
from indicators.errors import IndicatorError
from indicators.order_book import depth_within, imbalance_within, imbalances, mid_price, spread, walk

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


Book = tuple[list[tuple[float, float]], list[tuple[float, float]]]


def lean(bid: float) -> Book:
    """A book around 0.5 of which the share `bid` is bids: 0.495 and 0.505 reach 1 % and hold nothing."""
    return [(0.499, bid / 0.499), (0.495, 0.0)], [(0.501, (1 - bid) / 0.501), (0.505, 0.0)]


def test_a_book_of_one_coin_below_1_usdt() -> None:
    """Mid 0.5, half a USDT of each side."""
    bids, asks = lean(0.5)
    assert spread(bids, asks) == pytest.approx(0.004)
    assert depth_within(bids, asks) == pytest.approx(1.0)
    assert imbalance_within(bids, asks) == pytest.approx(0.5)


def test_a_side_that_holds_nothing_leans_fully() -> None:
    assert imbalance_within(*lean(1.0)) == pytest.approx(1.0)
    assert imbalance_within(*lean(0.0)) == 0.0


def test_nothing_near_mid_leans_nowhere() -> None:
    empty = [(99.9, 0.0), (99.0, 0.0)], [(100.1, 0.0), (101.0, 0.0)]
    assert depth_within(*empty) == 0.0
    assert imbalance_within(*empty) is None


def test_a_price_of_0_is_no_price() -> None:
    nothing = [(0.0, 1.0)], [(0.0, 1.0)]
    assert spread(*nothing) is None
    assert depth_within(*nothing) is None


def test_imbalances_are_the_median_and_the_range() -> None:
    """0.3, 0.5 and 0.9: median 0.5, range 0.6."""
    found = imbalances([lean(0.9), lean(0.3), lean(0.5)])
    assert found == (pytest.approx(0.5), pytest.approx(0.6))
    assert imbalances([lean(0.4), lean(0.5)]) == (pytest.approx(0.45), pytest.approx(0.1))


def test_one_snapshot_or_one_that_does_not_reach_gives_no_median() -> None:
    assert imbalances([]) is None
    assert imbalances([lean(0.5)]) is None
    assert imbalances([lean(0.5), lean(0.6), (BIDS[:2], ASKS)]) is None


def test_imbalances_look_one_per_cent_deep_unless_told_otherwise() -> None:
    """Of the second level, 2 % away, only 0.03 sees anything."""
    book: Book = ([(99.9, 1.0), (98.0, 9.0), (95.0, 0.0)], [(100.1, 1.0), (102.0, 0.0), (105.0, 0.0)])
    near, far = imbalances([book] * 2), imbalances([book] * 2, 0.03)
    assert near == (pytest.approx(99.9 / 200), 0.0)
    assert far == (pytest.approx((99.9 + 882) / (99.9 + 882 + 100.1)), 0.0)
