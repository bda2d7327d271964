"""Pages of a long list."""

import pytest

from orchestrator.dashboard.paging import Paging


@pytest.mark.parametrize(
    ("given", "number"),
    [(None, 1), ("", 1), ("0", 1), ("3", 3), ("-2", 1), ("2.5", 1), ("٣", 1), ("9" * 40, 1), ("9999999", 100_000)],
)
def test_whatever_is_no_page_number_is_page_1(given: str | None, number: int) -> None:
    assert Paging.of(given, 50).number == number


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2), (101, 3)])
def test_every_row_is_on_one_page(total: int, pages: int) -> None:
    first = Paging(1, 50).with_total(total)
    assert first.pages == pages
    assert [Paging(number, 50).offset for number in range(1, pages + 1)] == [50 * n for n in range(pages)]
