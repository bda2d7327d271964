"""The pure part of each fetcher: answers in, points out. Expected values are worked out by hand."""

from typing import Any

import pytest

from data_fetchers.fetch_open_interest import point_of
from data_fetchers.fetch_orderbook import levels, reaches
from data_fetchers.fundingratehistory import hours_of, settlements, with_intervals
from data_fetchers.longshortratio import ratios
from data_fetchers.parsing import iso, millis, not_negative, number, positive

H = 3_600_000
T = 1_740_816_000_000  # 2025-03-01T08:00Z


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("142.12345678901", 142.12345678901),
        ("-0.00927", -0.00927),
        (0, 0.0),
        ("", None),
        ("abc", None),
        (None, None),
        (True, None),
        ([1], None),
        ("nan", None),
        (float("inf"), None),
        ("1e999", None),
        (10**400, None),
    ],
)
def test_number(value: Any, found: float | None) -> None:
    assert number(value) == found


def test_bounds() -> None:
    assert positive("0") is None
    assert not_negative("0") == 0.0
    assert not_negative("-0.1") is None
    assert millis(str(T)) == T
    assert millis(T // 1000) is None
    assert millis(T * 1000) is None
    assert millis(None) is None


def test_iso() -> None:
    assert iso(T) == "2025-03-01T08:00:00Z"
    assert iso(T + 3) == "2025-03-01T08:00:00.003Z"


def settled(*hours: float) -> list[tuple[int, float]]:
    return [(T + int(hour * H), 0.0001) for hour in hours]


@pytest.mark.parametrize(
    ("times", "declared", "intervals"),
    [
        (settled(0, 8, 16), None, [8, 8, 8]),
        (settled(0, 1, 2), None, [1, 1, 1]),
        # from 8 h to 4 h: the settlement at 16 h covers 8 h, the next covers 4
        (settled(0, 8, 16, 20, 24), None, [8, 8, 8, 4, 4]),
        # back to 8 h at the end, declared by the venue
        (settled(0, 4, 8, 16), 8.0, [4, 4, 4, 8]),
        # one record missing: still 4 h each
        (settled(0, 4, 8, 16, 20, 24), None, [4, 4, 4, 4, 4, 4]),
        (settled(0, 4, 8, 16), 4.0, [4, 4, 4, 4]),
        # two missing
        (settled(0, 4, 16, 20), None, [4, 4, 4, 4]),
        (settled(0), 8.0, [8]),
        (settled(0), None, []),
        ([], 8.0, []),
        # two days apart tells nothing
        (settled(0, 48), None, []),
        # stamps a little off the hour
        ([(T + 3, 0.0001), (T + 8 * H - 900, 0.0001)], None, [8, 8]),
    ],
)
def test_funding_intervals(times: list[tuple[int, float]], declared: float | None, intervals: list[float]) -> None:
    points = with_intervals(times, declared)
    assert [point.interval_hours for point in points] == intervals


def test_settlements_are_sorted_once_each_and_sound() -> None:
    rows = [
        {"timestamp": T + 8 * H, "fundingRate": -0.00927},
        {"timestamp": T, "fundingRate": "0.00010001"},
        {"timestamp": T, "fundingRate": "0.00010001"},
        {"timestamp": None, "fundingRate": 0.1},
        {"timestamp": T + H, "fundingRate": None},
        {"timestamp": T + H, "fundingRate": "nan"},
        {"timestamp": T + H, "fundingRate": 0.26},
        {"timestamp": T + H, "fundingRate": -1e9},
        "row",
        None,
    ]
    assert settlements(rows) == [(T, 0.00010001), (T + 8 * H, -0.00927)]
    assert settlements("<html>") == settlements(None) == settlements([]) == []


@pytest.mark.parametrize(
    ("text", "hours"), [("8h", 8), ("1h", 1), ("0h", None), ("25h", None), ("8", None), (None, None), ("xh", None)]
)
def test_declared_hours(text: Any, hours: float | None) -> None:
    assert hours_of(text) == hours


def test_levels_best_first_whatever_the_order() -> None:
    bids = levels([[99.5, 1], [100.25, "2.5"], [99.5, 3]], 1.0, best_high=True)
    assert bids == ((100.25, 2.5), (99.5, 3.0))
    asks = levels([(101, 1), (100.5, 4)], 0.1, best_high=False)
    assert asks == ((100.5, 0.4), (101.0, 0.1))


@pytest.mark.parametrize(
    "level", [[100, 0], [0, 5], [-1, 5], [None, 5], [100, None], ["x", 5], [100], "100", None, [float("nan"), 1]]
)
def test_an_unsound_level_is_dropped(level: Any) -> None:
    assert levels([level, [99, 1]], 1.0, best_high=True) == ((99.0, 1.0),)
    assert levels(level, 1.0, best_high=True) in ((), ((99.0, 1.0),))


def test_reach_needs_one_percent_on_both_sides() -> None:
    assert reaches(((99.99, 1), (98.9, 1)), ((100.01, 1), (101.1, 1)))
    assert not reaches(((99.99, 1), (99.1, 1)), ((100.01, 1), (101.1, 1)))
    assert not reaches(((99.99, 1), (98.9, 1)), ((100.01, 1), (100.9, 1)))
    assert not reaches((), ((100.01, 1), (101.1, 1)))


def test_ratios_of_both_spellings() -> None:
    rows = [
        {"timestamp": str(T + H), "longShortRatio": "1.9559"},
        {"timestamp": T, "longShortRatio": "0.1960"},
        {"timestamp": T, "longShortRatio": "0.1960"},
        {"timestamp": T, "longShortRatio": None},
        {"timestamp": 5, "longShortRatio": "1"},
        {"longShortRatio": "1"},
        [T, "1"],
        {},
    ]
    assert [(point.time, point.ratio) for point in ratios(rows)] == [(T, 0.1960), (T + H, 1.9559)]
    assert [point.ratio for point in ratios([{"timestamp": T, "buySellRatio": "1.5586"}])] == [1.5586]
    assert ratios("<html>") == ratios(None) == ()


def test_open_interest_counts_coins() -> None:
    row = {"timestamp": T, "openInterestAmount": 20403.637, "openInterestValue": 150570784.07809979}
    point = point_of(row, 1.0, "binanceusdm")
    assert point is not None
    assert (point.time, point.coins, point.quote) == (T, 20403.637, 150570784.07809979)
    # OKX: amount is contracts, baseVolume coins
    okx = point_of({"timestamp": T, "openInterestAmount": 500.0, "baseVolume": 50.0}, 0.1, "okx")
    assert okx is not None
    assert (okx.coins, okx.quote) == (50.0, None)
    contracts = point_of({"timestamp": T, "openInterestAmount": 500.0}, 0.1, "gate")
    assert contracts is not None
    assert contracts.coins == 50.0
    assert point_of({"timestamp": None, "openInterestAmount": 5.0}, 1.0, "bybit") is None
    assert point_of({"timestamp": T, "openInterestAmount": None}, 1.0, "bybit") is None
    assert point_of("<html>", 1.0, "bybit") is None
    late = point_of({"openInterestAmount": 5.0}, 1.0, "bybit", otherwise=T)
    assert late is not None
    assert late.time == T
