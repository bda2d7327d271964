"""No value depends on bars that come after it, and a window of history gives what the whole of it gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators import atr_calculator, bollinger_bands, correlation, open_interest, rsi, vix_proxy, volume
from indicators.realised_volatility import realised_volatility

Bars = dict[str, np.ndarray]


def make_bars(seed: int, n: int) -> Bars:
    """Seeded candles of a coin and of a second one, with volume. A failing example prints its seed."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, n)))
    opened = np.concatenate([close[:1], close[:-1]])
    return {
        "close": close,
        "high": np.maximum(opened, close) * (1 + random.random(n) * 0.01),
        "low": np.minimum(opened, close) * (1 - random.random(n) * 0.01),
        "other": 30 * np.exp(np.cumsum(random.normal(0, 0.012, n))),
        "volume": random.random(n) + 0.1,
        "times": np.arange(n) * 300_000,
    }


def hlc(bars: Bars) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return bars["high"], bars["low"], bars["close"]


def width_and_mean(bars: Bars) -> tuple[np.ndarray, np.ndarray]:
    width = bollinger_bands.bandwidth(bollinger_bands.bands(bars["close"], 5))
    return width, bollinger_bands.bandwidth_mean(width, 12)


def expansion(bars: Bars) -> np.ndarray:
    return bollinger_bands.expansion_event(*width_and_mean(bars), 2)


def returns(bars: Bars) -> tuple[np.ndarray, np.ndarray]:
    return correlation.log_returns(bars["close"]), correlation.log_returns(bars["other"])


#: name -> (function, exact bars of history needed for the last value; None: Wilder's memory never ends)
SERIES: dict[str, tuple[Callable[[Bars], Any], int | None]] = {
    "true_range": (lambda b: atr_calculator.true_range(*hlc(b)), 2),
    "atr": (lambda b: atr_calculator.atr(*hlc(b), 5), None),
    "atr_ratio": (lambda b: atr_calculator.atr_ratio(*hlc(b), 3, 7), None),
    "natr": (lambda b: atr_calculator.natr(*hlc(b), 5), None),
    "tr_multiple": (lambda b: atr_calculator.true_range_multiple(*hlc(b), 5), None),
    "rsi": (lambda b: rsi.rsi(b["close"], 4), None),
    "divergence": (lambda b: rsi.divergence(b["close"], rsi.rsi(b["close"], 4), 6), None),
    "upper": (lambda b: bollinger_bands.bands(b["close"], 5).upper, 5),
    "bandwidth": (lambda b: width_and_mean(b)[0], 5),
    "bandwidth_mean": (lambda b: width_and_mean(b)[1], 17),
    "squeeze_run": (lambda b: bollinger_bands.squeeze_run(*width_and_mean(b)), None),
    "expansion_event": (expansion, None),
    "expansion_age": (lambda b: bollinger_bands.expansion_age(expansion(b)), None),
    "position": (lambda b: bollinger_bands.position(b["close"], bollinger_bands.bands(b["close"], 5)), 5),
    "volume_ratio": (lambda b: volume.volume_ratio(b["volume"], 6), 7),
    "correlation": (lambda b: correlation.correlation(*returns(b), 9), 10),
    "beta": (lambda b: correlation.beta(*returns(b), 9), 10),
    "spread_z": (lambda b: correlation.spread_z(b["close"], b["other"], 6, 9), 11),
    "realised_volatility": (lambda b: realised_volatility(b["close"], 8), 9),
    "vix_proxy": (lambda b: vix_proxy.vix_proxy(b["volume"], 12, 12), 13),
    "glitches": (lambda b: open_interest.glitches(b["times"], b["volume"]), None),
    "change_over": (lambda b: open_interest.change_over(b["times"], b["volume"], 900_000), None),
}


@pytest.mark.parametrize("name", SERIES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 70), cut=st.data())
def test_a_value_never_depends_on_later_bars(name: str, seed: int, n: int, cut: st.DataObject) -> None:
    function, _ = SERIES[name]
    bars = make_bars(seed, n)
    whole = function(bars)
    assert len(whole) == n
    keep = cut.draw(st.integers(0, n))
    part = function({key: column[:keep] for key, column in bars.items()})
    np.testing.assert_array_equal(part, whole[:keep])


@pytest.mark.parametrize("name", [name for name, (_, needed) in SERIES.items() if needed is not None])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(20, 70))
def test_the_last_window_gives_exactly_the_vectorised_value(name: str, seed: int, n: int) -> None:
    function, needed = SERIES[name]
    assert needed is not None
    bars = make_bars(seed, n)
    live = function({key: column[-needed:] for key, column in bars.items()})
    whole = function(bars)
    assert np.isfinite(whole[-1])
    assert live[-1] == whole[-1]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_wilders_memory_is_gone_after_a_thousand_bars(seed: int) -> None:
    """(49/50)^950 = 5e-9: a live window of 1,000 bars shows the four digits that the whole history shows."""
    bars = make_bars(seed, 3000)
    live = {key: column[-1000:] for key, column in bars.items()}
    assert atr_calculator.atr_ratio(*hlc(live))[-1] == pytest.approx(atr_calculator.atr_ratio(*hlc(bars))[-1], rel=1e-6)
    assert rsi.rsi(live["close"])[-1] == pytest.approx(rsi.rsi(bars["close"])[-1], abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-6, 1e6))
def test_ratios_do_not_depend_on_the_unit_of_price(seed: int, scale: float) -> None:
    bars = make_bars(seed, 60)
    scaled = {key: column * scale for key, column in bars.items()}
    for name in ("atr_ratio", "natr", "tr_multiple", "bandwidth", "beta"):
        function = SERIES[name][0]
        np.testing.assert_allclose(function(scaled), function(bars), rtol=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(0.001, 10), min_size=1, max_size=40),
    bars=st.integers(1, 12),
    least=st.integers(1, 12),
)
def test_trailing_median_is_numpys(values: list[float], bars: int, least: int) -> None:
    least = min(least, bars)
    found = vix_proxy.trailing_median(values, bars, least)
    for i in range(len(values)):
        before = values[max(0, i - bars) : i]
        assert np.isnan(found[i]) if len(before) < least else found[i] == pytest.approx(np.median(before), rel=1e-15)
