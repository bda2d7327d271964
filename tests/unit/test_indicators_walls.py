"""Clusters and walls on books small enough to add up by hand."""

import pytest

from indicators.errors import IndicatorError
from indicators.walls import CLUSTER, clusters, nearest, walls

Levels = list[tuple[float, float]]


def even(side: int, coins: float = 10.0, steps: int = 21) -> Levels:
    """One level in the middle of each 5 bp cluster around mid 100: 0.025, 0.075, ... and so on."""
    return [(100 + side * (0.025 + 0.05 * number), coins) for number in range(steps)]


def with_at(levels: Levels, number: int, coins: float) -> Levels:
    return [(price, coins if at == number else own) for at, (price, own) in enumerate(levels)]


def test_clusters_are_five_basis_points_of_mid_and_edges_belong_to_the_nearer() -> None:
    bids = [(99.99, 1.0), (99.95, 2.0), (99.94, 3.0), (98.9, 7.0)]
    asks = [(100.01, 4.0), (101.0, 5.0), (101.01, 6.0)]
    first, second = clusters(bids, asks, "bid")
    assert (first.distance, second.distance) == (0.0, CLUSTER)
    assert first.notional == pytest.approx(99.99 + 2 * 99.95) and second.notional == pytest.approx(3 * 99.94)
    assert first.price == pytest.approx((99.99 + 2 * 99.95) / 3)
    near, far = clusters(bids, asks, "ask")
    assert near.notional == pytest.approx(4 * 100.01)
    assert far.distance == pytest.approx(0.0095) and far.notional == pytest.approx(505)


def test_a_wall_holds_four_medians_of_the_other_clusters() -> None:
    """Others hold 10 coins at about 100 each; their median lies at 99.475, so at 99.775 it takes 39.9."""
    asks = even(1)
    assert walls(with_at(even(-1), 4, 39.8), asks, "bid") == []
    (found,) = walls(with_at(even(-1), 4, 40.0), asks, "bid") or []
    assert found.cluster.distance == pytest.approx(0.002) and found.cluster.price == pytest.approx(99.775)
    assert found.multiple == pytest.approx(4 * 99.775 / 99.475, rel=1e-3)
    assert walls(with_at(even(-1), 4, 40.0), asks, "ask") == []


def test_a_wall_is_not_measured_against_itself() -> None:
    """Others 1, 1, 2, 3, 3: median 2, so 9 is a wall; among all six the median would be 2.5."""
    coins = {0: 1.0, 4: 1.0, 8: 9.0, 12: 2.0, 16: 3.0, 20: 3.0}
    bids = [(price, coins[at]) for at, (price, _) in enumerate(even(-1)) if at in coins]
    bids.insert(4, (99.2, 3.0))  # number 20 lies beyond 1 %
    (found,) = walls(bids, even(1), "bid") or []
    assert found.cluster.notional == pytest.approx(9 * 99.575)


def test_two_walls_nearest_first() -> None:
    asks = with_at(with_at(even(1), 15, 200.0), 7, 90.0)
    found = walls(even(-1), asks, "ask") or []
    assert [round(wall.cluster.distance, 4) for wall in found] == [0.0035, 0.0075]
    assert nearest(found) == found[0] and nearest([]) is None


def test_an_even_book_has_no_wall_and_a_shallow_or_sparse_one_cannot_tell() -> None:
    assert walls(even(-1), even(1), "bid") == []
    assert walls(even(-1)[:19], even(1), "bid") is None  # ends 0.925 % below the mid
    assert walls(even(-1)[:19], even(1), "ask") == []
    sparse = [even(-1)[at] for at in (0, 3, 8, 12, 20)]
    assert walls(sparse, even(1), "bid") is None


@pytest.mark.parametrize(
    ("bids", "asks", "match"),
    [
        ([], even(1), "empty"),
        (even(-1), [], "empty"),
        (even(1), even(-1), "crossed"),
        ([(float("nan"), 1.0)], even(1), r"bids\[0\]"),
        (even(-1), [(100.025, 1.0), (101.5, float("inf"))], r"asks\[1\]"),
        (even(-1), [(100.025, 0.0)], r"asks\[0\]"),
        ([(-1.0, 1.0)], even(1), r"bids\[0\]"),
        ([(1e300, 1e300)], even(1), r"bids\[0\]"),
    ],
)
def test_what_is_no_book_is_an_error(bids: Levels, asks: Levels, match: str) -> None:
    with pytest.raises(IndicatorError, match=match):
        walls(bids, asks, "bid")


def test_widths_and_multiples_that_make_no_sense() -> None:
    for reach, width in ((0.01, 0.0), (0.01, 0.02), (1.0, 0.1), (float("nan"), 0.1)):
        with pytest.raises(IndicatorError, match="width"):
            clusters(even(-1), even(1), "bid", reach, width)
    with pytest.raises(IndicatorError, match="multiple"):
        walls(even(-1), even(1), "bid", 1.0)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_walls_do_not_depend_on_the_unit_of_price(scale: float) -> None:
    bids = [(price * scale, coins) for price, coins in with_at(even(-1), 4, 80.0)]
    asks = [(price * scale, coins) for price, coins in even(1)]
    (found,) = walls(bids, asks, "bid") or []
    assert found.cluster.distance == pytest.approx(0.002)
