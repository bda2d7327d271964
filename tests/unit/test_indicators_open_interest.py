"""Open interest: coins, not USD; glitches dropped; nothing invented."""

import numpy as np
import pytest

from indicators.errors import IndicatorError
from indicators.open_interest import change_over, glitches, state

MINUTE = 60_000


def five(*coins: float) -> tuple[list[int], list[float]]:
    return [i * 5 * MINUTE for i in range(len(coins))], list(coins)


def test_a_spike_of_more_than_a_quarter_is_dropped() -> None:
    assert glitches(*five(100, 101, 127, 102, 103)).tolist() == [False, False, True, False, False]
    assert glitches(*five(100, 70, 101)).tolist() == [False, True, False]
    assert not glitches(*five(100, 125, 100)).any()  # exactly 25 % is a step


def test_a_new_level_is_believed_at_its_third_point() -> None:
    assert glitches(*five(100, 150, 151, 152, 153)).tolist() == [False, True, True, False, False]
    assert glitches(*five(100, 150, 300, 150, 100)).tolist() == [False, True, True, True, False]


def test_only_five_minute_steps_are_judged() -> None:
    assert not glitches([0, 60 * MINUTE], [100, 150]).any()


def test_change_over_an_hour() -> None:
    times = [i * 5 * MINUTE for i in range(14)]
    coins = [100.0 + i for i in range(14)]
    found = change_over(times, coins, 60 * MINUTE)
    assert np.isnan(found[:12]).all()
    assert found[12:].tolist() == pytest.approx([112 / 100 - 1, 113 / 101 - 1])


def test_change_skips_glitches_on_both_ends() -> None:
    times = [i * 5 * MINUTE for i in range(14)]
    coins = [100.0 + i for i in range(14)]
    coins[1] = 500.0
    coins[12] = 10.0
    found = change_over(times, coins, 60 * MINUTE)
    assert np.isnan(found[12])
    assert found[13] == pytest.approx(113 / 100 - 1)  # the last good point at or before an hour ago


def test_change_is_unknown_where_history_has_a_hole() -> None:
    times = [0, 5 * MINUTE, 80 * MINUTE]
    assert np.isnan(change_over(times, [100, 100, 110], 60 * MINUTE)[2])
    assert change_over(times, [100, 100, 110], 60 * MINUTE, 20 * MINUTE)[2] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("times", "coins", "words"),
    [
        ([0, 0], [1, 1], "not after"),
        ([5, 0], [1, 1], "not after"),
        ([0, 1], [1, 0], "coins"),
        ([0, 1], [1, float("nan")], "coins"),
        ([0], [1, 2], "2 values"),
    ],
)
def test_bad_points_are_named(times: list[int], coins: list[float], words: str) -> None:
    with pytest.raises(IndicatorError, match=words):
        change_over(times, coins, 60 * MINUTE)


def test_empty_history_and_zero_span() -> None:
    assert change_over([], [], 1).shape == (0,)
    with pytest.raises(IndicatorError, match="over_ms"):
        change_over([0], [1], 0)


@pytest.mark.parametrize(
    ("change", "move", "atr", "expected"),
    [
        (0.0201, -3.1, 3.0, 1),
        (0.0201, 3.0, 3.0, 0),
        (0.02, 9.0, 3.0, 0),
        (-0.02, 9.0, 3.0, 0),
        (-0.0201, 0.0, 3.0, -1),
        (-0.0201, None, None, -1),
        (0.03, None, 3.0, None),
        (0.03, 4.0, float("nan"), None),
        (None, 4.0, 3.0, None),
        (float("nan"), 4.0, 3.0, None),
    ],
)
def test_state(change: float | None, move: float | None, atr: float | None, expected: int | None) -> None:
    assert state(change, move, atr) == expected
