"""ATR, RSI, bands and kin against hand-worked tables and against independent recursions, and their refusals."""

import numpy as np
import pytest
import talib

from indicators import atr_calculator, bollinger_bands, rsi, series, volume
from indicators.errors import IndicatorError
from indicators.realised_volatility import realised_volatility
from indicators.vix_proxy import trailing_median, vix_proxy


def walk_bars(n: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """High, low, close of a seeded random walk with gaps between bars."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, n)))
    opened = close * np.exp(random.normal(0, 0.005, n))
    high = np.maximum(opened, close) * np.exp(np.abs(random.normal(0, 0.004, n)))
    low = np.minimum(opened, close) * np.exp(-np.abs(random.normal(0, 0.004, n)))
    return high, low, close


def wilder_atr(high: np.ndarray, low: np.ndarray, close: np.ndarray, n: int) -> list[float]:
    """Wilder's definition, bar by bar."""
    out = [float("nan")] * len(close)
    ranges: list[float] = []
    value = 0.0
    for i in range(1, len(close)):
        ranges.append(max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])))
        if len(ranges) == n:
            value = sum(ranges) / n
        elif len(ranges) > n:
            value = (value * (n - 1) + ranges[-1]) / n
        if len(ranges) >= n:
            out[i] = value
    return out


def wilder_rsi(close: np.ndarray, n: int) -> list[float]:
    out = [float("nan")] * len(close)
    gain = loss = 0.0
    for i in range(1, len(close)):
        up, down = max(close[i] - close[i - 1], 0.0), max(close[i - 1] - close[i], 0.0)
        if i <= n:
            gain, loss = gain + up / n, loss + down / n
        else:
            gain, loss = (gain * (n - 1) + up) / n, (loss * (n - 1) + down) / n
        if i >= n:
            out[i] = 100 * gain / (gain + loss)
    return out


def test_true_range_and_atr_by_hand() -> None:
    """TR: 3 (gap up from 10 to 13), 2, 4 (gap down from 12 to 8); ATR(2): 2.5, then (2.5 + 4) / 2 = 3.25."""
    high, low, close = [11, 13, 13, 9], [9, 12, 11, 8], [10, 12.5, 12, 8.5]
    assert atr_calculator.true_range(high, low, close).tolist()[1:] == [3, 2, 4]
    assert np.isnan(atr_calculator.true_range(high, low, close)[0])
    found = atr_calculator.atr(high, low, close, 2)
    assert np.isnan(found[:2]).all()
    assert found[2:].tolist() == [2.5, 3.25]
    assert atr_calculator.natr(high, low, close, 2)[3] == pytest.approx(3.25 / 8.5)
    assert atr_calculator.true_range_multiple(high, low, close, 2)[3] == pytest.approx(4 / 2.5)


@pytest.mark.parametrize("n", [14, 50])
def test_atr_is_wilders(n: int) -> None:
    bars = walk_bars(400)
    np.testing.assert_allclose(atr_calculator.atr(*bars, n), wilder_atr(*bars, n), rtol=1e-12)


def test_rsi_is_wilders() -> None:
    close = walk_bars(400)[2]
    np.testing.assert_allclose(rsi.rsi(close), wilder_rsi(close, 14), rtol=1e-10)


def test_rsi_by_hand() -> None:
    """n = 2: changes +1, -1 -> 50; then +2: gain (0.5 + 2) / 2 = 1.25, loss 0.25 -> 100 x 1.25 / 1.5 = 83.33."""
    found = rsi.rsi([10, 11, 10, 12], 2)
    assert np.isnan(found[:2]).all()
    assert found[2:].tolist() == pytest.approx([50, 250 / 3])


def test_rsi_of_a_price_that_does_not_move_is_unknown_not_zero() -> None:
    assert np.isnan(rsi.rsi(np.full(60, 7.0))).all()
    assert talib.RSI(np.full(60, 7.0))[-1] == 0.0  # what is kept out
    falling = np.linspace(100, 50, 60)
    assert rsi.rsi(falling)[-1] == 0.0
    rested = rsi.rsi(np.concatenate([falling, np.full(14, 50.0)]))
    assert rested[-2] == 0.0  # the last fall is still among the last 14 changes
    assert np.isnan(rested[-1])


def test_ratio_is_nan_until_both_are_there_and_for_a_dead_market() -> None:
    found = atr_calculator.atr_ratio(*walk_bars(120))
    assert np.isnan(found[:50]).all() and np.isfinite(found[50:]).all()
    dead = np.full(100, 5.0)
    assert np.isnan(atr_calculator.atr_ratio(dead, dead, dead)).all()


def test_wilders_ratio_has_a_ceiling() -> None:
    """Section 4: after one endless bar the ratio tends to (1/14) / (1/50) = 3.57 and cannot exceed it."""
    high, low, close = (np.full(400, value) for value in (100.5, 99.5, 100.0))
    high[-1] = 1e9
    assert atr_calculator.atr_ratio(high, low, close)[-1] == pytest.approx(50 / 14, rel=1e-4)


def test_too_short_is_nan_of_the_same_length() -> None:
    for n in (0, 1, 5, 14):
        bars = tuple(column[:n] for column in walk_bars(20))
        assert atr_calculator.atr(*bars).shape == (n,)
        assert np.isnan(atr_calculator.atr(*bars)).all()
        assert np.isnan(rsi.rsi(bars[2])).all()
        found = bollinger_bands.bands(bars[2])
        assert np.isnan(found.middle).all() and found.middle.shape == (n,)
        width = bollinger_bands.bandwidth(found)
        mean = bollinger_bands.bandwidth_mean(width, 20)
        event = bollinger_bands.expansion_event(width, mean)
        assert not event.any() and np.isnan(bollinger_bands.expansion_age(event)).all()
        assert np.isnan(volume.volume_ratio(np.ones(n))).all()
        assert np.isnan(vix_proxy(np.ones(n))).all()


def test_nan_gaps_and_mixed_columns_are_refused() -> None:
    high, low, close = walk_bars(30)
    holed = close.copy()
    holed[7] = np.nan
    with pytest.raises(IndicatorError, match=r"close\[7\] is nan"):
        rsi.rsi(holed)
    with pytest.raises(IndicatorError, match=r"close\[7\]"):
        atr_calculator.atr(high, low, holed)
    with pytest.raises(IndicatorError, match=r"close\[7\]"):
        bollinger_bands.bands(holed)
    with pytest.raises(IndicatorError, match="29 values, high has 30"):
        atr_calculator.atr(high, low[:-1], close)
    with pytest.raises(IndicatorError, match=r"high .* is below low"):
        atr_calculator.atr(low, high, close)
    with pytest.raises(IndicatorError, match="2 dimensions"):
        rsi.rsi(np.ones((3, 3)))  # type: ignore[arg-type]
    with pytest.raises(IndicatorError, match="bars 1 and 2 are 7200000 ms apart"):
        series.require_even([0, 3_600_000, 10_800_000], 3_600_000)
    with pytest.raises(IndicatorError, match="volume"):
        volume.volume_ratio([1.0, -1.0])
    with pytest.raises(IndicatorError, match="n is 0"):
        atr_calculator.atr(high, low, close, 0)
    series.require_even([0, 1, 2], 1)
    with pytest.raises(IndicatorError, match="infinity"):
        trailing_median([np.inf, 1.0], 3, 1)
    with pytest.raises(IndicatorError, match="2 dimensions"):
        trailing_median(np.ones((2, 2)), 3, 1)
    interrupted = np.array([np.nan, 1.0, np.nan, 2.0])
    with pytest.raises(IndicatorError, match="after its first 1 values"):
        trailing_median(interrupted, 3, 1)


def test_bands_are_talibs() -> None:
    close = walk_bars(300)[2]
    upper, middle, lower = talib.BBANDS(close, timeperiod=20, nbdevup=2, nbdevdn=2, matype=0)
    found = bollinger_bands.bands(close)
    np.testing.assert_allclose(found.upper, upper, rtol=1e-10)
    np.testing.assert_allclose(found.middle, middle, rtol=1e-10)
    np.testing.assert_allclose(found.lower, lower, rtol=1e-10)


def test_bands_by_hand() -> None:
    """1, 3, 5, 7: mean 4, population variance (9 + 1 + 1 + 9) / 4 = 5; bw = 4 sqrt(5) / 4."""
    found = bollinger_bands.bands([1, 3, 5, 7], 4)
    assert found.middle[3] == 4
    assert found.upper[3] == pytest.approx(4 + 2 * 5**0.5)
    assert bollinger_bands.bandwidth(found)[3] == pytest.approx(5**0.5)
    assert bollinger_bands.position([1, 3, 5, 7], found)[3] == 0
    assert np.isnan(bollinger_bands.position([1, 3, 5, 7], found)[2])
    shot = [10.0] * 19 + [30.0]
    assert bollinger_bands.position(shot, bollinger_bands.bands(shot))[-1] == 1
    assert bollinger_bands.position([-x for x in shot], bollinger_bands.bands([-x for x in shot]))[-1] == -1


def test_mean_bandwidth_leaves_the_bar_itself_out() -> None:
    assert bollinger_bands.bandwidth_mean([1, 2, 3, 10], 3)[3] == 2
    assert np.isnan(bollinger_bands.bandwidth_mean([1, 2, 3, 10], 3)[:3]).all()
    assert bollinger_bands.MEAN_BARS == {"1h": 480, "4h": 120, "1d": 20}


@pytest.mark.parametrize(
    ("below", "last", "fires"),
    [
        (6, 1.1, True),  # six bars below, then above and rising
        (5, 1.1, False),  # the run is too short
        (7, 1.1, True),
        (6, 1.0, False),  # equal to the mean is not above it
        (6, 0.9, False),
    ],
)
def test_expansion_needs_a_run_of_six_below(below: int, last: float, fires: bool) -> None:
    mean = np.ones(12)
    width = np.full(12, 1.2)
    width[11 - below : 11] = 0.8
    width[11] = last
    run = bollinger_bands.squeeze_run(width, mean)
    assert run[10] == below
    assert bool(bollinger_bands.expansion_event(width, mean)[11]) is fires


def test_equality_ends_a_run() -> None:
    width = np.array([0.8] * 3 + [1.0] + [0.8] * 4 + [1.1])
    run = bollinger_bands.squeeze_run(width, np.ones(9))
    assert run.tolist() == [1, 2, 3, 0, 1, 2, 3, 4, 0]
    assert not bollinger_bands.expansion_event(width, np.ones(9)).any()


def test_the_run_must_end_on_the_bar_before() -> None:
    width = np.array([0.8] * 6 + [1.0, 1.1])
    assert not bollinger_bands.expansion_event(width, np.ones(8)).any()


def test_expansion_must_rise_even_where_the_mean_falls() -> None:
    """bw 0.8 is below a mean of 1.0, then above a mean of 0.7 without having risen."""
    width, mean = np.array([0.8] * 7), np.array([1.0] * 6 + [0.7])
    assert not bollinger_bands.expansion_event(width, mean)[6]
    width[6] = 0.81
    assert bollinger_bands.expansion_event(width, mean)[6]


def test_age_counts_from_the_last_event() -> None:
    event = np.array([False, True, False, False, True, False])
    age = bollinger_bands.expansion_age(event)
    assert np.isnan(age[0])
    assert age[1:].tolist() == [0, 1, 2, 0, 1]


def test_divergence_by_hand() -> None:
    close = np.array([1, 2, 3, 2, 4, 0.5])
    strength = np.array([50, 60, 80, 55, 70, 52.0])
    # bar 4: a new high over 3 bars, RSI 70 below 80; bar 5: a new low, RSI 52 below 55 is a new low as well
    assert rsi.divergence(close, strength, 3)[3:].tolist() == [0, -1, 0]
    strength[5] = 56
    assert rsi.divergence(close, strength, 3)[5] == 1
    assert np.isnan(rsi.divergence(close, strength, 3)[:3]).all()


def test_volume_ratio_by_hand() -> None:
    assert volume.volume_ratio([2, 4, 6, 2], 3)[3] == 0.5
    assert np.isnan(volume.volume_ratio([0, 0, 5], 2)[2])
    assert volume.weak_breakout(0.49) is True
    assert volume.weak_breakout(0.5) is False
    assert volume.weak_breakout(None) is None


def test_trailing_median_by_hand() -> None:
    values = [np.nan, 5, 1, 3, 9, 2]
    found = trailing_median(values, 3, 2)
    assert np.isnan(found[:3]).all()
    assert found[3:].tolist() == [3, 3, 3]  # of (5, 1), (5, 1, 3), (1, 3, 9)
    assert vix_proxy(values, 3, 2)[4] == 3
    with pytest.raises(IndicatorError, match="least"):
        trailing_median(values, 3, 4)


def test_median_needs_180_days() -> None:
    natr = np.linspace(1, 2, 180 * 24 + 1)
    assert np.isnan(trailing_median(natr)[:-1]).all()
    assert trailing_median(natr)[-1] == np.median(natr[:-1])


def test_realised_volatility_by_hand() -> None:
    """Log returns +1 %, -1 % an hour: root mean square 0.01 x sqrt(8760) = 93.59 % a year."""
    close = 100 * np.exp([0, 0.01, 0, 0.01, 0])
    found = realised_volatility(close, 4)
    assert np.isnan(found[:4]).all()
    assert found[4] == pytest.approx(0.9359487, abs=1e-6)
    with pytest.raises(IndicatorError, match="bars_a_year"):
        realised_volatility(close, 4, 0)
