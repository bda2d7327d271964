"""The last value alone is, to the last bit, the last of its series: on walks, grids, still and broken columns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators import atr_calculator, bollinger_bands, cascade, correlation, rsi, vix_proxy
from indicators.errors import IndicatorError
from indicators.series import Array

SEEDS = st.integers(0, 2**32 - 1)


def walk(bars: int, seed: int) -> Array:
    """A random walk; for some seeds on a coarse grid, in steps that stay for 50 bars, or without any movement."""
    noise = np.random.default_rng(seed)
    prices = 100 * np.exp(np.cumsum(noise.normal(0, 0.008 * (1 + (np.arange(bars) // 300) % 3), bars)))
    match seed % 5:
        case 1:
            return np.round(prices, 1)
        case 2:
            return np.resize(np.repeat(prices[::50], 50), bars)
        case 3 if seed % 3 == 0:
            return np.full(bars, 7.0)
    return prices


def outcome(work: Callable[[], Any]) -> Any:
    """What it gives, bit for bit with NaN equal to itself, or the error it raises."""
    try:
        return np.asarray(work(), dtype=np.float64).tobytes()
    except IndicatorError as error:
        return str(error)


@settings(max_examples=120)
@given(bars=st.integers(1, 4000), seed=SEEDS, mean_bars=st.sampled_from(sorted(bollinger_bands.MEAN_BARS.values())))
def test_bollinger(bars: int, seed: int, mean_bars: int) -> None:
    close = walk(bars, seed)

    def whole() -> list[float]:
        found = bollinger_bands.bands(close)
        width = bollinger_bands.bandwidth(found)
        mean = bollinger_bands.bandwidth_mean(width, mean_bars)
        age = bollinger_bands.expansion_age(bollinger_bands.expansion_event(width, mean))
        run = bollinger_bands.squeeze_run(width, mean)
        return [one[-1] for one in (*found, width, bollinger_bands.position(close, found), mean, run, age)]

    assert outcome(lambda: bollinger_bands.latest(close, mean_bars)) == outcome(whole)


def test_bollinger_what_began_long_ago() -> None:
    """An expansion 3,000 bars back, and a squeeze that has lasted since: beyond the first look at the last bars."""
    noise = np.random.default_rng(5)
    close = 100 + np.cumsum(np.r_[noise.normal(0, 0.02, 900), noise.normal(0, 1, 30), np.zeros(0)])
    close = np.r_[close, close[-1] + np.geomspace(20, 0.001, 3000) * np.where(np.arange(3000) % 2, 0.1, -0.1)]
    found = bollinger_bands.latest(close, 20)
    width = bollinger_bands.bandwidth(bollinger_bands.bands(close))
    mean = bollinger_bands.bandwidth_mean(width, 20)
    assert found.run == bollinger_bands.squeeze_run(width, mean)[-1] > 2500
    event = bollinger_bands.expansion_event(width, mean)
    assert found.age == bollinger_bands.expansion_age(event)[-1] > 2900


@pytest.mark.parametrize("price", [0.0, -1.0, 1e-200, 1e300, np.nan])
def test_bollinger_of_no_price(price: float) -> None:
    """What is wrong far back is as wrong as it is at the end."""
    close = walk(3000, 4)
    close[100:140] = price

    def whole() -> list[float]:
        found = bollinger_bands.bands(close)
        width = bollinger_bands.bandwidth(found)
        mean = bollinger_bands.bandwidth_mean(width, 20)
        age = bollinger_bands.expansion_age(bollinger_bands.expansion_event(width, mean))
        run = bollinger_bands.squeeze_run(width, mean)
        return [one[-1] for one in (*found, width, bollinger_bands.position(close, found), mean, run, age)]

    with np.errstate(all="ignore"):
        assert outcome(lambda: bollinger_bands.latest(close, 20)) == outcome(whole)


@settings(max_examples=80)
@given(bars=st.integers(2, 1600), seed=SEEDS, other=SEEDS, n=st.sampled_from([5, 72, 720]))
def test_correlation_beta_and_spread(bars: int, seed: int, other: int, n: int) -> None:
    y, x = walk(bars, seed), walk(bars, other)
    returns = correlation.log_returns(y), correlation.log_returns(x)

    def whole() -> list[float]:
        return [correlation.correlation(*returns, n)[-1], correlation.beta(*returns, n)[-1]]

    assert outcome(lambda: correlation.latest(*returns, n)) == outcome(whole)
    assert outcome(lambda: correlation.latest_spread_z(y, x, *returns)) == outcome(
        lambda: correlation.spread_z(y, x)[-1]
    )


@settings(max_examples=120)
@given(bars=st.integers(1, 300), seed=SEEDS)
def test_divergence_and_range_multiple(bars: int, seed: int) -> None:
    close = walk(bars, seed)
    strength = rsi.rsi(close)
    assert outcome(lambda: rsi.latest_divergence(close, strength)) == outcome(
        lambda: rsi.divergence(close, strength)[-1]
    )
    high, low = close * 1.01, close * 0.98
    average = atr_calculator.atr(high, low, close)
    assert outcome(lambda: atr_calculator.latest_range_multiple(high, low, close, average)) == outcome(
        lambda: atr_calculator.true_range_multiple(high, low, close)[-1]
    )
    assert outcome(lambda: atr_calculator.of_price(average, close)) == outcome(
        lambda: atr_calculator.natr(high, low, close)
    )


@settings(max_examples=40)
@given(
    bars=st.integers(1, 400), seed=SEEDS, asked=st.lists(st.integers(0, 399), max_size=60), window=st.integers(1, 90)
)
def test_medians_at_single_bars(bars: int, seed: int, asked: list[int], window: int) -> None:
    """Few are worked out alone, many as a series; either way each is that of the series."""
    natr = np.r_[np.full(min(bars, 14), np.nan), walk(bars, seed)][:bars]
    least = 1 + window // 2
    series = vix_proxy.trailing_median(natr, window, least)
    places = np.array([place for place in asked if place < bars], dtype=np.int64)
    found = vix_proxy.Medians(natr, window, least).among(places)
    assert found.tobytes() == series[places].tobytes()


def test_medians_beyond_the_last_bar() -> None:
    with pytest.raises(IndicatorError, match="least"):
        vix_proxy.Medians([1.0], 1, 2)
    for place in (-1, 1):
        with pytest.raises(IndexError, match="of 1"):
            vix_proxy.Medians([1.0], 1, 1).at(place)


@settings(max_examples=80)
@given(bars=st.integers(1, 120), seed=SEEDS, points=st.integers(0, 400), late=st.integers(-3, 3))
def test_cascade(bars: int, seed: int, points: int, late: int) -> None:
    """With open interest that ends before, at or after the bars do, and jumps of all three at the end."""
    noise, close = np.random.default_rng(seed), walk(bars, seed)
    times = np.arange(bars) * float(cascade.BAR_MS)
    close[-2:] *= noise.choice([1.0, 0.9, 1.2])
    volume = noise.random(bars) + 0.1
    volume[-1:] *= noise.choice([1.0, 20.0])
    when = times[-1] + late * 300_000 - 300_000.0 * np.arange(points)[::-1]
    coins = 1e6 * (1 - 0.03 * noise.random(points))
    columns = (times, close * 1.01, close * 0.98, close, volume, when, coins)
    assert outcome(lambda: cascade.latest_active(*columns)) == outcome(
        lambda: cascade.active(cascade.cascade(*columns))[-1]
    )
