"""How often each entry and exit condition holds, in which combinations, and at other thresholds.

Comparisons are strict; only closed candles with a defined value count. The order book and open interest are not in
candle histories, so the imbalance signal and the open-interest states are not counted.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.census.series import funding_on, regime_names, series_of
from orchestrator.simulation.history import Bars, Market, resample, within
from traders.contract.limits import Limits

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
TIMEFRAMES = {"1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000}
_CURVES: dict[str, tuple[str, tuple[float, ...]]] = {
    "atr_ratio": (">", (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.2, 2.5, 3.0)),
    "tr_multiple": (">", (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)),
    "vix_proxy": (">", (1.0, 1.25, 1.5, 2.0, 2.5, 3.0)),
    "abs_funding_8h": (">", (0.0001, 0.0002, 0.0003, 0.0005, 0.0008, 0.0010, 0.0020)),
    "rsi14": (">", (60.0, 65.0, 70.0, 75.0, 80.0)),
    "volume_ratio": ("<", (0.25, 0.5, 0.75, 1.0)),
}


def census(
    market: Market, timeframes: tuple[str, ...], limits: Limits, start: int = 0, end: int = 2**62
) -> dict[str, Any]:
    """TIMEFRAME -> `{bars, first, last, conditions, combinations, curve}`; 4h and 1d resampled from 1h.

    Bars opening in [start, end) are counted; what is before them warms the indicators up. `funding` is one more entry,
    counted by interval and not by candle, where the folder has rates.
    """
    found = {name: _timeframe(market, name, limits, start, end) for name in timeframes}
    rates = within(market, start, end)
    if rates.funding_time.size:
        found["funding"] = _funding(rates, limits)
    return found


def _timeframe(market: Market, name: str, limits: Limits, start: int, end: int) -> dict[str, Any]:
    hours = market.bars["1h"]
    whole = hours if name == "1h" else resample(hours, TIMEFRAMES[name])
    first, last = (int(place) for place in np.searchsorted(whole.time, [start, end]))
    bars = whole.part(first, last)
    if not len(bars):
        return {"bars": 0, "first": None, "last": None, "conditions": {}, "combinations": [], "curve": []}
    values = series_of(whole, name, limits)
    values["abs_funding_8h"] = np.abs(funding_on(whole, market))
    values = {key: series[first:last] for key, series in values.items()}
    masks = _conditions(values, limits, hourly=name == "1h")
    return {
        "bars": len(bars),
        "first": int(bars.time[0]),
        "last": int(bars.time[-1]),
        "conditions": {key: _share(mask, defined) for key, (mask, defined) in masks.items()},
        "combinations": _combinations(masks, bars),
        "curve": _curve(values),
    }


def _conditions(values: dict[str, Array], limits: Limits, *, hourly: bool) -> dict[str, tuple[Mask, Mask]]:
    """Name -> (holds, is defined)."""
    found: dict[str, tuple[Mask, Mask]] = {}

    def put(name: str, key: str, mask: Mask) -> None:
        defined = ~np.isnan(values[key])
        found[name] = (mask & defined, defined)

    with np.errstate(invalid="ignore"):
        ratio, turn = values["atr_ratio"], values["rsi_divergence"]
        for limit in (limits.atr_ratio_reduced, limits.atr_ratio_full, limits.atr_ratio_extreme):
            put(f"atr_ratio>{float(limit)}", "atr_ratio", ratio > float(limit))
        low = float(limits.atr_ratio_contraction)
        put(f"atr_ratio<{low}", "atr_ratio", ratio < low)
        extreme = float(limits.tr_extreme_multiple)
        put(f"tr_multiple>{extreme}", "tr_multiple", values["tr_multiple"] > extreme)
        put("bb_bandwidth<mean", "bb_bandwidth/mean", values["bb_bandwidth/mean"] < 1)
        put("bb_squeeze_run>=6", "bb_squeeze_run", values["bb_squeeze_run"] >= 6)
        put("bb_expansion", "bb_expansion", values["bb_expansion"] == 1)
        active = values["bb_expansion_age"] < limits.bb_active_bars
        put("bb_expansion_active", "bb_expansion", active)
        put("outside_bands", "bb_position", values["bb_position"] != 0)
        put("rsi14>70", "rsi14", values["rsi14"] > 70)
        put("rsi14<30", "rsi14", values["rsi14"] < 30)
        put("rsi14>70 diverging", "rsi_divergence", (values["rsi14"] > 70) & (turn < 0))
        put("rsi14<30 diverging", "rsi_divergence", (values["rsi14"] < 30) & (turn > 0))
        put("volume_ratio<0.5", "volume_ratio", values["volume_ratio"] < 0.5)
        weak = (values["bb_position"] != 0) & (values["volume_ratio"] < 0.5)
        put("weak_breakout", "volume_ratio", weak)
        dislocated = float(limits.funding_extreme)
        put(f"abs_funding_8h>{dislocated}", "abs_funding_8h", values["abs_funding_8h"] > dislocated)
        adverse = float(limits.funding_adverse_exit)
        put(f"abs_funding_8h>{adverse}", "abs_funding_8h", values["abs_funding_8h"] > adverse)
        # the collapse level of the least entry there can be: an entry at a higher ratio has a higher one
        level = float(min(limits.atr_ratio_reduced, limits.atr_collapse_factor * limits.atr_ratio_reduced))
        below = ratio < level
        put(f"atr_ratio<{level} on 2 bars", "atr_ratio", below & np.r_[False, below[:-1]])
        if hourly:
            put("natr14>median_1y", "natr14/median_1y", values["natr14/median_1y"] > 1)
            fade = float(limits.vix_proxy_fade)
            put(f"vix_proxy>{fade}", "vix_proxy", values["vix_proxy"] > fade)
            for place, regime in enumerate(regime_names()):
                put(f"regime={regime}", "regime", values["regime"] == place)
            allowed = values["regime"] <= 1
            signals = 1 + active.astype(int) + (values["abs_funding_8h"] > dislocated)
            wide = ratio > float(limits.atr_ratio_reduced)
            put("entry", "regime", allowed & wide & (signals >= limits.entry_min_signals))
    return found


def _share(mask: Mask, defined: Mask) -> dict[str, Any]:
    count, of = int(mask.sum()), int(defined.sum())
    return {"count": count, "share": count / of if of else None, "defined": of}


def _combinations(masks: dict[str, tuple[Mask, Mask]], bars: Bars) -> list[dict[str, Any]]:
    """Which of the entry signals and vetoes hold together, the most frequent first; bars with none are left out."""
    first = next(name for name in masks if name.startswith("atr_ratio>"))
    wanted = [
        first,
        *(name for name in masks if name.startswith(("bb_expansion_active", "abs_funding", "tr_multiple"))),
    ]
    wanted += [name for name in ("natr14>median_1y", "outside_bands") if name in masks]
    codes = np.zeros(len(bars), dtype=np.int64)
    for bit, name in enumerate(wanted):
        codes |= masks[name][0].astype(np.int64) << bit
    counted = Counter(codes.tolist())
    counted.pop(0, None)
    return [
        {"conditions": [name for bit, name in enumerate(wanted) if code >> bit & 1], "count": count}
        for code, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    ]


def _curve(values: dict[str, Array]) -> list[dict[str, Any]]:
    rows = []
    for key, (sign, thresholds) in _CURVES.items():
        if key not in values:
            continue
        with np.errstate(invalid="ignore"):
            rows += [
                {"condition": f"{key}{sign}", "threshold": limit, "count": _beyond(values[key], sign, limit)}
                for limit in thresholds
            ]
    return rows


def _beyond(series: Array, sign: str, limit: float) -> int:
    return int((series > limit).sum() if sign == ">" else (series < limit).sum())


def _funding(market: Market, limits: Limits) -> dict[str, Any]:
    """Settled intervals: dislocated, and with the sign changed."""
    rates = market.funding_rate * 8 / market.funding_interval_hours
    extreme = float(limits.funding_extreme)
    flip = np.r_[False, np.sign(rates[1:]) * np.sign(rates[:-1]) < 0]
    far = flip & (np.abs(rates) > float(limits.funding_flip_min))
    every = np.ones(rates.size, dtype=bool)
    conditions = {
        f"abs_rate_8h>{extreme}": np.abs(rates) > extreme,
        f"abs_rate_8h>{float(limits.funding_adverse_exit)}": np.abs(rates) > float(limits.funding_adverse_exit),
        "sign_change": flip,
        f"flip beyond {float(limits.funding_flip_min)}": far,
    }
    thresholds = _CURVES["abs_funding_8h"][1]
    return {
        "bars": int(rates.size),
        "first": int(market.funding_time[0]),
        "last": int(market.funding_time[-1]),
        "conditions": {name: _share(mask, every) for name, mask in conditions.items()},
        "combinations": [],
        "curve": [
            {"condition": "abs_rate_8h>", "threshold": limit, "count": int((np.abs(rates) > limit).sum())}
            for limit in thresholds
        ],
    }
