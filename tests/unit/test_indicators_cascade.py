"""Cascade state: the three conditions one at a time, unknown parts, and history without a look ahead."""

from typing import Any

import numpy as np
import pytest

from indicators.cascade import BAR_MS, active, cascade
from indicators.errors import IndicatorError
from indicators.open_interest import change_between

STEP = 300_000


def market(bars: int = 40, at: int = 35, *, wide: float = 3.2, busy: float = 3.1, lost: float = -0.025) -> list[Any]:
    """Bars of range 2 and volume 100 around 100; bar `at` has `wide` x 2, `busy` x 100 and loses open interest."""
    times = np.arange(bars) * BAR_MS
    high, low, close = np.full(bars, 101.0), np.full(bars, 99.0), np.full(bars, 100.0)
    volume = np.full(bars, 100.0)
    low[at] = high[at] - 2 * wide
    volume[at] = 100 * busy
    oi_times = np.arange(bars * 3 + 1) * STEP
    coins = np.where(oi_times >= (at + 1) * BAR_MS, 1000.0 * (1 + lost), 1000.0)
    return [times, high, low, close, volume, oi_times, coins]


def state(columns: list[Any]) -> Any:
    return cascade(*columns)


def test_all_three_make_a_cascade_on_their_bar_alone() -> None:
    found = state(market())
    assert found[35] == 1 and np.nansum(found) == 1
    assert (found[:35] == 0).all() and (found[36:] == 0).all()


@pytest.mark.parametrize("change", [{"wide": 3.0}, {"busy": 3.0}, {"lost": -0.02}, {"lost": 0.05}])
def test_each_threshold_is_strict(change: Any) -> None:
    """True range 6 over ATR 2, volume 300 over 100, open interest 980 over 1000: equality is no cascade."""
    assert state(market(**change))[35] == 0


def test_open_interest_that_is_not_known_leaves_only_certain_answers() -> None:
    columns = market()
    found = state([*columns[:5], [], []])
    assert np.isnan(found[35]) and (found[20:35] == 0).all()
    assert np.isnan(found[:15]).all()  # no ATR14 before the bar, no mean volume: nothing is certain there
    late = columns[5] + 20 * 60_000  # the points come 20 minutes after: what is known is too old or not there yet
    assert np.isnan(state([*columns[:5], late[-3:], columns[6][-3:]])[35])


def test_it_never_uses_a_later_point() -> None:
    columns = market()
    early = columns[5] <= 36 * BAR_MS
    cut = [column[:36] for column in columns[:5]]
    assert state([*cut, columns[5][early], columns[6][early]])[35] == 1
    before = columns[5] < 36 * BAR_MS  # without the point at the bar's close the fall has not been seen
    assert state([*cut, columns[5][before], columns[6][before]])[35] == 0


def test_a_glitch_of_the_feed_is_no_cascade() -> None:
    columns = market(lost=0.0)
    coins = columns[6].copy()
    coins[36 * 3] = 600.0  # one point 40 % lower, at the close of bar 35
    assert state([*columns[:6], coins])[35] == 0


def test_change_between_by_hand() -> None:
    times, coins = [0, STEP, 2 * STEP, 3 * STEP], [100.0, 101.0, 102.0, 97.0]
    found = change_between(times, coins, [0, 100, STEP, -1], [3 * STEP, 2 * STEP + 1, 6 * STEP, STEP])
    np.testing.assert_allclose(found[:2], [-0.03, 0.02])
    assert np.isnan(found[2:]).all()  # nothing within 10 minutes of the end; nothing before the start


def test_active_looks_back_over_a_decision_interval() -> None:
    flags = [np.nan, 0.0, 0.0, 1.0, 0.0, 0.0, np.nan, 0.0, 1.0, np.nan]
    expected = [np.nan, np.nan, 0.0, 1.0, 1.0, 0.0, np.nan, np.nan, 1.0, 1.0]
    np.testing.assert_array_equal(active(flags), expected)
    with pytest.raises(IndicatorError, match="bars"):
        active(flags, 0)


def test_short_constant_gapped_and_damaged_input() -> None:
    assert cascade([], [], [], [], [], [], []).size == 0
    assert np.isnan(state([*[column[:5] for column in market()[:5]], [], []])).all()
    flat = market()
    for number in (1, 2, 3):
        flat[number] = np.full(40, 100.0)
    assert np.isnan(state(flat)[35])  # a range of 0 over an ATR of 0 says nothing
    quiet = state(market(wide=1.0, busy=1.0, lost=0.0))
    assert (quiet[21:] == 0).all()
    gapped = market()
    gapped[0] = np.concatenate([gapped[0][:20], gapped[0][20:] + BAR_MS])
    with pytest.raises(IndicatorError, match="ms apart"):
        state(gapped)
    damaged = market()
    damaged[4] = damaged[4].copy()
    damaged[4][3] = np.nan
    with pytest.raises(IndicatorError, match=r"volume\[3\]"):
        state(damaged)
    shorter = market()
    with pytest.raises(IndicatorError, match="same bars"):
        state([shorter[0], *[column[:-1] for column in shorter[1:5]], *shorter[5:]])
    with pytest.raises(IndicatorError, match="same bars"):
        state([*shorter[:4], shorter[4][:-1], *shorter[5:]])
