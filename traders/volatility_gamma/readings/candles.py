"""Readings of one time frame's closed candles: volatility, Bollinger bands, RSI, volume (domain.md section 6)."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from data_fetchers.snapshot import Candles, MarketData, Unavailable
from indicators import atr_calculator, bollinger_bands, rsi, vix_proxy, volume
from indicators.errors import IndicatorError
from indicators.series import Array, column, ratio, require_even
from traders.volatility_gamma.readings.notebook import NOT_ASKED, UNDEFINED, Notebook, reason_of

_LONGEST_ATR = atr_calculator.SLOW
_BAND_BARS = bollinger_bands.PERIOD


class Bars:
    """The columns of one time frame as arrays."""

    def __init__(self, candles: Candles) -> None:
        self.count = len(candles.time)
        self.as_of = candles.as_of
        self.high, self.low = column(candles.high), column(candles.low)
        self.close, self.volume = column(candles.close), column(candles.volume)

    @cached_property
    def atr_fast(self) -> Array:
        """Raises IndicatorError, as the others do."""
        return atr_calculator.atr(self.high, self.low, self.close, atr_calculator.FAST)

    @cached_property
    def atr_slow(self) -> Array:
        """In price."""
        return atr_calculator.atr(self.high, self.low, self.close, atr_calculator.SLOW)

    @cached_property
    def atr_ratio(self) -> Array:
        """`atr_calculator.atr_ratio`."""
        return ratio(self.atr_fast, self.atr_slow)

    @cached_property
    def natr(self) -> Array:
        """`atr_calculator.natr`."""
        return atr_calculator.of_price(self.atr_fast, self.close)


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
        require_even(np.fromiter(source.time, np.int64, len(source.time)), source.interval_ms)
    except IndicatorError as error:
        notebook.miss_group(start, f"gap: {error}")
        return None
    page = _Page(notebook, start, Bars(source))
    page.put("close", page.bars.close[-1], 1)
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

    def put(self, name: str, value: float, needed: int, otherwise: str = UNDEFINED) -> None:
        """The last value of a series that needs `needed` bars to be defined."""
        count = self.bars.count
        why = f"too_short: {count} bars, {needed} needed" if count < needed else otherwise
        self.notebook.put(f"{self.start}{name}", float(value), self.bars.as_of, why)

    def attempt(self, names: tuple[str, ...], read: "Callable[[_Page], None]") -> None:
        """Bars that an indicator rejects cost its own readings (those that begin with `names`) and no others."""
        try:
            read(self)
        except IndicatorError as error:
            for name in names:
                self.notebook.miss_group(f"{self.start}{name}", f"invalid: {error}")


def _volatility(page: _Page) -> None:
    bars, fast, slow = page.bars, atr_calculator.FAST, atr_calculator.SLOW
    page.put("atr14", bars.atr_fast[-1], fast + 1)
    page.put("atr50", bars.atr_slow[-1], slow + 1)
    page.put("atr_ratio", bars.atr_ratio[-1], slow + 1)
    page.put("natr14", bars.natr[-1], fast + 1)
    multiple = atr_calculator.latest_range_multiple(bars.high, bars.low, bars.close, bars.atr_fast)
    page.put("tr_multiple", multiple, fast + 2)


def _year(page: _Page) -> None:
    ratios, natr = page.bars.atr_ratio, page.bars.natr
    page.put("atr_ratio_prev", ratios[-2] if ratios.size > 1 else ratios[-1], _LONGEST_ATR + 2)
    median = vix_proxy.latest_median(natr)
    needed = vix_proxy.LEAST_BARS + atr_calculator.FAST + 1
    page.put("natr14_median_1y", median, needed)
    page.put("vix_proxy", natr[-1] / median if median > 0 else np.nan, needed)


def _bollinger(page: _Page, mean_bars: int) -> None:
    last = bollinger_bands.latest(page.bars.close, mean_bars)
    page.put("bb_upper", last.upper, _BAND_BARS)
    page.put("bb_middle", last.middle, _BAND_BARS)
    page.put("bb_lower", last.lower, _BAND_BARS)
    page.put("bb_bandwidth", last.bandwidth, _BAND_BARS)
    page.put("bb_position", last.position, _BAND_BARS)
    page.put("bb_bandwidth_mean", last.mean, _BAND_BARS + mean_bars)
    page.put("bb_squeeze_run", last.run, _BAND_BARS + mean_bars)
    page.put(
        "bb_expansion_age",
        last.age,
        _BAND_BARS + mean_bars + bollinger_bands.SQUEEZE_BARS,
        f"none: no expansion after a squeeze in {page.bars.count} bars",
    )


def _strength(page: _Page) -> None:
    values = rsi.rsi(page.bars.close)
    page.put("rsi14", values[-1], rsi.PERIOD + 1)
    divergence = rsi.latest_divergence(page.bars.close, values)
    page.put("rsi_divergence", divergence, rsi.PERIOD + rsi.DIVERGENCE_BARS + 1)


def _volume(page: _Page) -> None:
    page.put("volume_ratio", volume.volume_ratio(page.bars.volume)[-1], volume.PERIOD + 1)
