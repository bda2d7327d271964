"""When the next decision is due, told from those before; and whether a process lives."""

import os
from pathlib import Path

import pytest

from orchestrator.dashboard.status import Schedule, process_alive, spacing

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


def test_a_process_lives_or_not(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    assert not process_alive(lock)
    for text, alive in (
        (str(os.getpid()), True),
        ("1", True),
        ("", False),
        ("x", False),
        ("0", False),
        ("-1", False),
        ("9" * 30, False),
    ):
        lock.write_text(text)
        assert process_alive(lock) is alive, text
    lock.write_text(str(2**22 + 1))  # above the largest there can be
    assert not process_alive(lock)
