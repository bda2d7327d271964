"""No value depends on bars that come after it, and a window of history gives what the whole of it gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators import atr_calculator, bollinger_bands, cascade, correlation, open_interest, rsi, vix_proxy, volume
from indicators.basis import basis
from indicators.entry_matrix import classify_regime
from indicators.errors import IndicatorError
from indicators.funding import rate_per_8h
from indicators.rate_history import basis_history, rates_per_8h
from indicators.realised_volatility import parkinson_volatility, realised_volatility
from indicators.regime_history import classify_history
from indicators.series import window_deviation, window_max, window_min, window_sum
from tests.trader_samples import constraints

LIMITS = constraints().limits

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


def regimes(b: Bars) -> Any:
    natr = atr_calculator.natr(*hlc(b), 5)
    median = vix_proxy.trailing_median(natr, 12, 6)
    return classify_history(
        atr_ratio=atr_calculator.atr_ratio(*hlc(b), 3, 7),
        tr_multiple=atr_calculator.true_range_multiple(*hlc(b), 5),
        natr=natr,
        natr_median=median,
        vix_proxy=natr / median,
        limits=LIMITS,
        collapse_level=1.1,
    )


def cascades(b: Bars) -> Any:
    """Bars of 15 minutes, and open interest at the close of each."""
    times = np.arange(b["close"].size) * cascade.BAR_MS
    return cascade.active(cascade.cascade(times, *hlc(b), b["volume"], times + cascade.BAR_MS, 1 + b["volume"] / 9))


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
    "parkinson": (lambda b: parkinson_volatility(b["high"], b["low"], 8), 8),
    "regime": (regimes, None),
    "cascade": (cascades, None),
    "oi_states": (lambda b: open_interest.states(b["volume"] / 20 - 0.03, b["close"] - 100, b["high"] - b["low"]), 1),
    "oi_change_between": (
        lambda b: open_interest.change_between(b["times"], 1 + b["volume"] / 9, b["times"] - 600_000, b["times"]),
        None,
    ),
    "basis": (lambda b: basis_history(b["close"], b["other"]), 1),
    "rates_per_8h": (lambda b: rates_per_8h(b["volume"] - 0.5, b["other"]), 1),
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


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bars=st.integers(60, 400), n=st.sampled_from([5, 14, 50]))
def test_a_later_start_is_forgotten_at_wilders_rate(seed: int, bars: int, n: int) -> None:
    """The stated tolerance, exactly: a start that was off by d is off by d x ((n - 1) / n)^bars after as many bars."""
    whole = make_bars(seed, 600)
    live = {key: column[-bars:] for key, column in whole.items()}
    found, all_of_it = atr_calculator.atr(*hlc(live), n), atr_calculator.atr(*hlc(whole), n)[-bars:]
    start = found[n] - all_of_it[n]
    assert found[-1] - all_of_it[-1] == pytest.approx(start * ((n - 1) / n) ** (bars - 1 - n), abs=1e-11)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_regimes_of_a_history_are_the_scalar_rules(seed: int) -> None:
    """Every bar against `classify_regime`, with values on, beside and far from the limits, some missing."""
    random = np.random.default_rng(seed)
    edges = np.array([0.79, 0.8, 0.81, 1.1, 1.2, 1.5, 1.5000000000000002, 2.5, 2.6, 3.0, 3.1, np.nan, np.inf, -np.inf])
    ratio, multiple, natr, median, proxy, level = (random.choice(edges, 60) for _ in range(6))
    found = classify_history(
        atr_ratio=ratio,
        tr_multiple=multiple,
        natr=natr,
        natr_median=median,
        vix_proxy=proxy,
        collapse_level=level,
        limits=LIMITS,
    )
    for at in range(60):
        expected = classify_regime(
            atr_ratio=ratio[at],
            atr_ratio_prev=ratio[at - 1] if at else None,
            tr_multiple=multiple[at],
            natr=natr[at],
            natr_median=median[at],
            vix_proxy=proxy[at],
            collapse_level=level[at],
            limits=LIMITS,
        )
        assert found[at] == expected, at


def test_a_regime_of_unequal_columns_is_an_error() -> None:
    columns: dict[str, Any] = {key: [1.0, 1.0] for key in ("tr_multiple", "natr", "natr_median", "vix_proxy")}
    with pytest.raises(IndicatorError, match="tr_multiple has 2"):
        classify_history(atr_ratio=[1.0], limits=LIMITS, **columns)
    with pytest.raises(IndicatorError, match="dimensions"):
        classify_history(atr_ratio=[[1.0]], limits=LIMITS, **columns)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_histories_of_scalar_readings_are_the_scalars(seed: int) -> None:
    random = np.random.default_rng(seed)
    change = random.choice([-0.021, -0.02, 0.0, 0.02, 0.021, np.nan], 30)
    move, usual = random.choice([-2.0, 0.5, 1.0, 2.0, np.nan], 30), random.choice([1.0, 2.0, np.nan], 30)
    found = open_interest.states(change, move, usual)
    for at in range(30):
        expected = open_interest.state(change[at], move[at], usual[at])
        assert np.isnan(found[at]) if expected is None else found[at] == expected
    marks, hours = random.random(9) + 1, random.choice([1.0, 4.0, 8.0], 9)
    assert basis_history(marks, marks[::-1]).tolist() == [basis(*pair) for pair in zip(marks, marks[::-1], strict=True)]
    assert rates_per_8h(marks, hours).tolist() == [rate_per_8h(*pair) for pair in zip(marks, hours, strict=True)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 80), n=st.integers(1, 40), level=st.sampled_from([0, 1e6]))
def test_windows_are_numpys(seed: int, size: int, n: int, level: float) -> None:
    """Doubling blocks against numpy on each window, a missing value in the middle included."""
    random = np.random.default_rng(seed)
    values = random.normal(level, 1, size)
    values[random.integers(0, size)] = np.nan if seed % 2 else values[0]
    mean, deviation = window_deviation(values, n)
    columns = window_sum(values, n), window_max(values, n), window_min(values, n), mean, deviation
    for at in range(size):
        window = values[at - n + 1 : at + 1] if at >= n - 1 else np.array([np.nan])
        expected = window.sum(), window.max(), window.min(), window.mean(), window.std()
        np.testing.assert_allclose([column[at] for column in columns], expected, rtol=1e-9, atol=1e-9 * (1 + level))


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
    np.testing.assert_equal(
        vix_proxy.latest_median(values, bars, least), vix_proxy.trailing_median(values, bars, least)[-1]
    )
    found = vix_proxy.trailing_median(values, bars, least)
    for i in range(len(values)):
        before = values[max(0, i - bars) : i]
        assert np.isnan(found[i]) if len(before) < least else found[i] == pytest.approx(np.median(before), rel=1e-15)


@settings(max_examples=150, deadline=None)
@given(
    coins=st.lists(st.sampled_from([1.0, 1.1, 1.2, 1.4, 2.0, 2.1, 0.7]), max_size=40),
    gaps=st.lists(st.sampled_from([1, 1, 1, 2]), min_size=40, max_size=40),
)
def test_glitches_are_those_of_the_rule_read_point_by_point(coins: list[float], gaps: list[int]) -> None:
    """Point by point as the rule is written: near the last good one, or third in a row on its own level."""
    times = [300_000 * sum(gaps[:at]) for at in range(len(coins))]
    expected, good, run = [], 0, 0
    for at, value in enumerate(coins):
        late = at == 0 or times[at] - times[at - 1] > 450_000
        if late or abs(value / coins[good] - 1) <= 0.25:
            good, run = at, 0
        else:
            run = run + 1 if run and abs(value / coins[at - 1] - 1) <= 0.25 else 1
            good, run = (at, 0) if run == 3 else (good, run)
        expected.append(good != at)
    assert open_interest.glitches(times, coins).tolist() == expected
