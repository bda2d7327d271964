"""Due times."""

import pytest

from orchestrator.schedule.ticks import due_at_or_before, parse_duration


@pytest.mark.parametrize(("text", "ms"), [("90s", 90_000), ("15m", 900_000), ("2h", 7_200_000), ("1.5h", 5_400_000)])
def test_durations(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize("text", ["", "15", "m", "-5m", "0s", "five minutes", "1w"])
def test_bad_durations_say_how(text: str) -> None:
    with pytest.raises(ValueError, match="write it as"):
        parse_duration(text)


def test_due_times_are_aligned_and_never_in_the_future() -> None:
    quarter = 900_000
    assert due_at_or_before(quarter * 7 + 1, quarter) == quarter * 7
    assert due_at_or_before(quarter * 7, quarter) == quarter * 7
