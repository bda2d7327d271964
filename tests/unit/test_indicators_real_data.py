"""On real candles: the published anchors. Our period (2022-12 .. 2024-12) is shorter than the one they were measured
on (.. 2025-12), so shares are held to loose bounds; the beta vector names its own 720 hours and is held exactly."""

from typing import Any

import numpy as np
import pytest

from indicators import atr_calculator, bollinger_bands, correlation, vix_proxy
from indicators.series import require_even
from tests.market_files import candles

pytestmark = pytest.mark.data


def columns(frame: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return frame["high"].to_numpy(), frame["low"].to_numpy(), frame["close"].to_numpy()


def resampled(frame: Any, rule: str, hours: int) -> Any:
    """UTC-aligned bars of complete hours."""
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    grouped = frame.set_index("date").resample(rule)
    return grouped.agg(rules)[grouped["close"].count() == hours].reset_index()


@pytest.mark.parametrize(("coin", "above", "below"), [("SOL", 0.0093, 0.098), ("AVAX", 0.0068, 0.094)])
def test_share_of_hours_with_expanding_and_contracting_atr(coin: str, above: float, below: float) -> None:
    frame = candles(coin)
    require_even(frame["date"].dt.as_unit("ms").astype("int64").tolist(), 3_600_000)
    ratio = atr_calculator.atr_ratio(*columns(frame))
    defined = ratio[np.isfinite(ratio)]
    assert defined.size == len(frame) - 50
    assert (defined > 1.5).mean() == pytest.approx(above, rel=0.35)
    assert (defined < 0.8).mean() == pytest.approx(below, rel=0.1)
    assert 0 < (defined > 2.0).mean() < 0.0006  # measured 0.01 to 0.04 % of bars
    assert defined.max() < 3


@pytest.mark.parametrize(
    ("coin", "rule", "hours", "above", "below"),
    [
        ("SOL", "4h", 4, 0.0134, 0.098),
        ("AVAX", "4h", 4, 0.0178, 0.125),
        ("SOL", "1D", 24, 0.047, 0.059),
        ("AVAX", "1D", 24, 0.053, 0.22),
    ],
)
def test_share_on_4h_and_1d(coin: str, rule: str, hours: int, above: float, below: float) -> None:
    ratio = atr_calculator.atr_ratio(*columns(resampled(candles(coin), rule, hours)))
    defined = ratio[np.isfinite(ratio)]
    assert (defined > 2.0).sum() == 0
    assert above / 2.5 < (defined > 1.5).mean() < above * 2.5
    assert below / 2 < (defined < 0.8).mean() < below * 2


@pytest.mark.parametrize("coin", ["SOL", "AVAX"])
def test_true_range_beyond_three_atr_is_one_bar_in_seventy(coin: str) -> None:
    multiple = atr_calculator.true_range_multiple(*columns(candles(coin)))
    assert np.mean(multiple[np.isfinite(multiple)] > 3) == pytest.approx(0.014, abs=0.003)


@pytest.mark.parametrize("coin", ["SOL", "AVAX"])
def test_below_its_mean_is_no_squeeze_signal(coin: str) -> None:
    """bw is below its mean 60 % of the time; the expansion event is some hundred times rarer."""
    width = bollinger_bands.bandwidth(bollinger_bands.bands(columns(candles(coin))[2]))
    mean = bollinger_bands.bandwidth_mean(width, bollinger_bands.MEAN_BARS["1h"])
    defined = np.isfinite(mean)
    assert np.mean(width[defined] < mean[defined]) == pytest.approx(0.60, abs=0.03)
    events = bollinger_bands.expansion_event(width, mean)
    assert 0.005 < events[defined].mean() < 0.03


@pytest.mark.parametrize("coin", ["SOL", "AVAX"])
def test_vix_proxy_begins_after_half_a_year_and_sits_around_one(coin: str) -> None:
    natr = atr_calculator.natr(*columns(candles(coin)))
    proxy = vix_proxy.vix_proxy(natr)
    assert np.flatnonzero(np.isfinite(proxy))[0] == 14 + 180 * 24
    assert 0.7 < np.nanmedian(proxy) < 1.4
    at = 12_000
    assert proxy[at] == natr[at] / np.median(natr[at - 8760 : at])


def test_golden_beta_and_correlation_of_the_first_720_hours() -> None:
    sol, avax = candles("SOL"), candles("AVAX")
    assert str(sol["date"][720]) == "2023-01-11 00:00:00+00:00"
    assert (sol["date"] == avax["date"]).all()
    y, x = (correlation.log_returns(frame["close"].to_numpy()) for frame in (sol, avax))
    found_beta, found = correlation.beta(y, x, 720), correlation.correlation(y, x, 720)
    assert np.flatnonzero(np.isfinite(found_beta))[0] == 720
    assert round(float(found_beta[720]), 7) == 1.1935254
    assert round(float(found[720]), 7) == 0.6412870


def test_spread_z_is_a_z() -> None:
    z = correlation.spread_z(*(columns(candles(coin))[2] for coin in ("SOL", "AVAX")))
    assert np.flatnonzero(np.isfinite(z))[0] == 721
    assert np.abs(np.nanmean(z)) < 0.2
    assert 0.8 < np.nanstd(z) < 2
