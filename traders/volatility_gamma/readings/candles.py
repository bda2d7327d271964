"""Readings of one time frame's closed candles: volatility, Bollinger bands, RSI, volume (domain.md section 6)."""

from collections.abc import Callable

import numpy as np

from data_fetchers.snapshot import Candles, MarketData, Unavailable
from indicators import atr_calculator, bollinger_bands, rsi, vix_proxy, volume
from indicators.errors import IndicatorError
from indicators.series import Array, require_even
from traders.volatility_gamma.readings.notebook import NOT_ASKED, UNDEFINED, Notebook, reason_of

_LONGEST_ATR = atr_calculator.SLOW
_BAND_BARS = bollinger_bands.PERIOD


class Bars:
    """The columns of one time frame as arrays."""

    def __init__(self, candles: Candles) -> None:
        self.count = len(candles.time)
        self.as_of = candles.as_of
        self.high = np.asarray(candles.high, dtype=np.float64)
        self.low = np.asarray(candles.low, dtype=np.float64)
        self.close = np.asarray(candles.close, dtype=np.float64)
        self.volume = np.asarray(candles.volume, dtype=np.float64)


def read_candles(notebook: Notebook, prefix: str, data: MarketData | Unavailable, timeframe: str) -> Bars | None:
    """Every `p.{tf}.*` reading; the bars, for others that rest on them, or None when there are none to use."""
    source = data if isinstance(data, Unavailable) else data.candles.get(timeframe)
    start = f"{prefix}.{timeframe}."
    if source is None or isinstance(source, Unavailable):
        notebook.miss_group(start, NOT_ASKED if source is None else reason_of(source))
        return None
    if not source.time:
        notebook.miss_group(start, "empty: no closed bar")
        return None
    try:
        require_even(source.time, source.interval_ms)
    except IndicatorError as error:
        notebook.miss_group(start, f"gap: {error}")
        return None
    page = _Page(notebook, start, Bars(source))
    page.put("close", page.bars.close, 1)
    page.attempt(("atr14", "atr50", "atr_ratio", "natr14", "tr_multiple"), _volatility)
    if timeframe == "1h":
        page.attempt(("atr_ratio_prev", "natr14_median_1y", "vix_proxy"), _year)
    page.attempt(("bb_",), lambda it: _bollinger(it, bollinger_bands.MEAN_BARS[timeframe]))
    page.attempt(("rsi14", "rsi_divergence"), _strength)
    page.attempt(("volume_ratio",), _volume)
    return page.bars


class _Page:
    """Where the readings of one time frame are written."""

    def __init__(self, notebook: Notebook, start: str, bars: Bars) -> None:
        self.notebook = notebook
        self.start = start
        self.bars = bars

    def put(self, name: str, series: Array, needed: int, otherwise: str = UNDEFINED) -> None:
        """The last value of a series that needs `needed` bars to be defined."""
        count = self.bars.count
        why = f"too_short: {count} bars, {needed} needed" if count < needed else otherwise
        self.notebook.put(f"{self.start}{name}", float(series[-1]), self.bars.as_of, why)

    def attempt(self, names: tuple[str, ...], read: "Callable[[_Page], None]") -> None:
        """Bars that an indicator rejects cost its own readings (those that begin with `names`) and no others."""
        try:
            read(self)
        except IndicatorError as error:
            for name in names:
                self.notebook.miss_group(f"{self.start}{name}", f"invalid: {error}")


def _volatility(page: _Page) -> None:
    high, low, close = page.bars.high, page.bars.low, page.bars.close
    fast, slow = atr_calculator.FAST, atr_calculator.SLOW
    page.put("atr14", atr_calculator.atr(high, low, close, fast), fast + 1)
    page.put("atr50", atr_calculator.atr(high, low, close, slow), slow + 1)
    page.put("atr_ratio", atr_calculator.atr_ratio(high, low, close), slow + 1)
    page.put("natr14", atr_calculator.natr(high, low, close), fast + 1)
    page.put("tr_multiple", atr_calculator.true_range_multiple(high, low, close), fast + 2)


def _year(page: _Page) -> None:
    high, low, close = page.bars.high, page.bars.low, page.bars.close
    ratio = atr_calculator.atr_ratio(high, low, close)
    page.put("atr_ratio_prev", ratio[:-1] if ratio.size > 1 else ratio, _LONGEST_ATR + 2)
    natr = atr_calculator.natr(high, low, close)
    median = vix_proxy.latest_median(natr)
    needed = vix_proxy.LEAST_BARS + atr_calculator.FAST + 1
    page.put("natr14_median_1y", np.array([median]), needed)
    page.put("vix_proxy", np.array([natr[-1] / median if median > 0 else np.nan]), needed)


def _bollinger(page: _Page, mean_bars: int) -> None:
    close = page.bars.close
    found = bollinger_bands.bands(close)
    width = bollinger_bands.bandwidth(found)
    mean = bollinger_bands.bandwidth_mean(width, mean_bars)
    events = bollinger_bands.expansion_event(width, mean)
    page.put("bb_upper", found.upper, _BAND_BARS)
    page.put("bb_middle", found.middle, _BAND_BARS)
    page.put("bb_lower", found.lower, _BAND_BARS)
    page.put("bb_bandwidth", width, _BAND_BARS)
    page.put("bb_position", bollinger_bands.position(close, found), _BAND_BARS)
    page.put("bb_bandwidth_mean", mean, _BAND_BARS + mean_bars)
    page.put("bb_squeeze_run", bollinger_bands.squeeze_run(width, mean), _BAND_BARS + mean_bars)
    page.put(
        "bb_expansion_age",
        bollinger_bands.expansion_age(events),
        _BAND_BARS + mean_bars + bollinger_bands.SQUEEZE_BARS,
        f"none: no expansion after a squeeze in {page.bars.count} bars",
    )


def _strength(page: _Page) -> None:
    values = rsi.rsi(page.bars.close)
    page.put("rsi14", values, rsi.PERIOD + 1)
    page.put("rsi_divergence", rsi.divergence(page.bars.close, values), rsi.PERIOD + rsi.DIVERGENCE_BARS + 1)


def _volume(page: _Page) -> None:
    page.put("volume_ratio", volume.volume_ratio(page.bars.volume), volume.PERIOD + 1)
