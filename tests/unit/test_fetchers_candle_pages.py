"""Paging arithmetic, checked against counts worked out by hand."""

import pytest

from data_fetchers.candle_pages import Page, accept, last_closed, missing, page_bars, plan

H = 3_600_000
T = 1_740_823_200_000  # 2025-03-01T10:00Z


@pytest.mark.parametrize(
    ("now", "last"),
    [(T - 1, T - 2 * H), (T, T - H), (T + 1, T - H), (T + H - 1, T - H), (T + H, T)],
)
def test_a_bar_counts_once_its_close_has_passed(now: int, last: int) -> None:
    assert last_closed(now, H) == last


def test_pages_cover_the_range_once() -> None:
    pages = plan(T, T + 8999 * H, H, 1000)
    assert pages[0] == Page(T, 1000)
    assert pages[-1] == Page(T + 8000 * H, 1000)
    assert len(pages) == 9
    assert plan(T, T + 2 * H, H, 2) == [Page(T, 2), Page(T + 2 * H, 1)]
    assert plan(T, T, H, 300) == [Page(T, 1)]


def test_page_sizes_stay_under_the_silent_caps() -> None:
    assert page_bars("binanceusdm", H) == 1000
    assert page_bars("bybit", H) == 1000
    assert page_bars("okx", H) == 300
    assert page_bars("bitget", H) == 200
    assert page_bars("bitget", 24 * H) == 90  # its history answers 90 days at most
    assert page_bars("somewhere", H) == 200


def test_missing_runs() -> None:
    assert missing([T, T + H, T + 2 * H], T, T + 2 * H, H) == []
    assert missing([], T, T + 2 * H, H) == [(T, T + 2 * H)]
    assert missing([T + H, T + 4 * H], T, T + 5 * H, H) == [
        (T, T),
        (T + 2 * H, T + 3 * H),
        (T + 5 * H, T + 5 * H),
    ]


GOOD = [T, 10.0, 12.0, 9.0, 11.0, 5.0]


def test_order_duplicates_and_the_running_bar() -> None:
    later = [T + H, 11.0, 11.0, 11.0, 11.0, 0.0]
    running = [T + 2 * H, 11.0, 11.0, 11.0, 11.0, 1.0]
    early = [T - H, 11.0, 11.0, 11.0, 11.0, 1.0]
    found = accept([running, later, GOOD, GOOD, early], T, T + H, H)
    assert found == {T: (10.0, 12.0, 9.0, 11.0, 5.0), T + H: (11.0, 11.0, 11.0, 11.0, 0.0)}


@pytest.mark.parametrize(
    "row",
    [
        [T + 1, *GOOD[1:]],
        [None, *GOOD[1:]],
        ["soon", *GOOD[1:]],
        [T / 1000, *GOOD[1:]],
        [T, None, 12.0, 9.0, 11.0, 5.0],
        [T, 10.0, float("nan"), 9.0, 11.0, 5.0],
        [T, 10.0, float("inf"), 9.0, 11.0, 5.0],
        [T, 10.0, 12.0, 0.0, 11.0, 5.0],
        [T, 10.0, 12.0, -9.0, 11.0, 5.0],
        [T, 10.0, 8.0, 9.0, 8.5, 5.0],
        [T, 13.0, 12.0, 9.0, 11.0, 5.0],
        [T, 10.0, 12.0, 9.0, 8.0, 5.0],
        [T, 10.0, 12.0, 9.0, 11.0, -5.0],
        [T, 10.0, 12.0, 9.0, 11.0, None],
        [T, 10.0, 12.0, 9.0],
        "T,10,12,9,11,5",
        {"time": T},
        None,
    ],
)
def test_an_unsound_row_is_dropped_not_mended(row: object) -> None:
    assert accept([row], T, T, H) == {}
    assert accept([row, GOOD], T, T, H) == {T: (10.0, 12.0, 9.0, 11.0, 5.0)}


@pytest.mark.parametrize("answer", [None, {}, "<html>", 5, {"code": -1}])
def test_no_list_is_no_bars(answer: object) -> None:
    assert accept(answer, T, T, H) == {}
