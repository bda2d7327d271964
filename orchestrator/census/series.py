"""Every series an entry or exit condition rests on, over a whole history of one time frame (domain.md section 6).

A history with gaps is worked out piece by piece: no indicator looks across a gap, and after one it warms up again.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indicators import atr_calculator, bollinger_bands, rsi, vix_proxy, volume
from indicators.regime_history import classify_history
from orchestrator.simulation.history import Bars, Market
from traders.contract.limits import Limits

Array = NDArray[np.float64]
_REGIMES = (
    "low_vol_expanding",
    "high_vol_sustained",
    "unclear",
    "contraction",
    "extreme_vol",
)


def series_of(bars: Bars, timeframe: str, limits: Limits) -> dict[str, Array]:
    """Name -> one value a bar, NaN where undefined. `regime` (1h only) is an index into `regime_names`."""
    if not len(bars):
        return {}
    breaks = np.flatnonzero(np.diff(bars.time) != bars.interval_ms) + 1
    pieces = [_piece(part, timeframe, limits) for part in _split(bars, breaks)]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def regime_names() -> tuple[str, ...]:
    """What the values of `regime` mean. A collapse needs an open pair and does not occur here."""
    return _REGIMES


def funding_on(bars: Bars, market: Market) -> Array:
    """The last settled rate per 8 h at each bar's close; NaN before the first."""
    closes = bars.time + bars.interval_ms
    place = np.searchsorted(market.funding_time, closes, side="right") - 1
    rates = market.funding_rate * 8 / market.funding_interval_hours
    if not rates.size:
        return np.full(len(bars), np.nan)
    return np.where(place >= 0, rates[np.maximum(place, 0)], np.nan)


def _split(bars: Bars, breaks: NDArray[np.intp]) -> list[Bars]:
    edges = [0, *breaks.tolist(), len(bars)]
    return [bars.part(start, end) for start, end in pairwise(edges)]


def _piece(bars: Bars, timeframe: str, limits: Limits) -> dict[str, Array]:
    high, low, close = bars.high, bars.low, bars.close
    found = bollinger_bands.bands(close)
    width = bollinger_bands.bandwidth(found)
    mean = bollinger_bands.bandwidth_mean(width, bollinger_bands.MEAN_BARS[timeframe])
    event = bollinger_bands.expansion_event(width, mean)
    strength = rsi.rsi(close)
    natr = atr_calculator.natr(high, low, close)
    with np.errstate(all="ignore"):
        values: dict[str, Array] = {
            "atr_ratio": atr_calculator.atr_ratio(high, low, close),
            "tr_multiple": atr_calculator.true_range_multiple(high, low, close),
            "natr14": natr,
            "bb_bandwidth/mean": width / mean,
            "bb_squeeze_run": bollinger_bands.squeeze_run(width, mean),
            "bb_expansion": np.where(np.isnan(mean), np.nan, event.astype(np.float64)),
            "bb_expansion_age": bollinger_bands.expansion_age(event),
            "bb_position": bollinger_bands.position(close, found),
            "rsi14": strength,
            "rsi_divergence": rsi.divergence(close, strength),
            "volume_ratio": volume.volume_ratio(bars.volume),
        }
        if timeframe == "1h":
            median = vix_proxy.trailing_median(natr)
            values["natr14/median_1y"] = natr / median
            values["vix_proxy"] = natr / median
            values["regime"] = _regimes(values, natr, median, limits)
    return values


def _regimes(values: Mapping[str, Array], natr: Array, median: Array, limits: Limits) -> Array:
    names = classify_history(
        atr_ratio=values["atr_ratio"],
        tr_multiple=values["tr_multiple"],
        natr=natr,
        natr_median=median,
        vix_proxy=values["vix_proxy"],
        limits=limits,
    )
    index = {name: float(place) for place, name in enumerate(_REGIMES)}
    found = np.array([index.get(str(name), np.nan) for name in names])
    # without its year a bar has no regime to count, whatever the other readings say
    unknown = np.isnan(values["atr_ratio"]) | np.isnan(values["tr_multiple"]) | np.isnan(median)
    return np.where(unknown, np.nan, found)
