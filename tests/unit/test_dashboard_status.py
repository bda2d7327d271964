"""When the next decision is due, told from those before; and whether a process lives."""

import pytest

from orchestrator.dashboard.status import Schedule, spacing

MINUTE = 60_000


@pytest.mark.parametrize(
    ("minutes", "every"),
    [
        ([], None),
        ([15], None),
        ([15, 15], None),
        ([0, 15, 30, 45], 15),
        ([45, 30, 15, 0], 15),
        ([0, 7, 15, 30, 45], 15),
        ([0, 15, 55, 60, 75, 90], 15),
        ([0, 15, 120, 135], 15),
        ([0, 30], 30),
    ],
)
def test_spacing(minutes: list[int], every: int | None) -> None:
    assert spacing(minute * MINUTE for minute in minutes) == (None if every is None else every * MINUTE)


def test_next_due_is_a_multiple_of_the_interval() -> None:
    assert Schedule(True, 15 * MINUTE, 45 * MINUTE).next_due == 60 * MINUTE
    assert Schedule(True, 15 * MINUTE, 52 * MINUTE).next_due == 60 * MINUTE, "the last one came with a price move"
    assert Schedule(False, 15 * MINUTE, 45 * MINUTE).next_due is None
    assert Schedule(False, 15 * MINUTE, 45 * MINUTE, workers=("a",)).next_due == 60 * MINUTE
    assert Schedule(True, None, 45 * MINUTE).next_due is None
