"""This trader's entry and exit conditions over a whole history at once, as arrays (domain.md section 6).

A gate, not a judge: it names the hours in which the scalar rules could act, with a margin for rounding, and never
leaves one out. What is decided there is decided by `observe`, the policy and the guard.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from data_fetchers.snapshot import MarketSnapshot
from data_fetchers.symbols import prefix_of
from indicators import atr_calculator, bollinger_bands, rsi, vix_proxy
from indicators.rate_history import rates_per_8h
from indicators.series import column, lagged, ratio
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.history import BarReadings, Held, SymbolHistory
from traders.contract.limits import Limits
from traders.contract.portfolio import Portfolio
from traders.volatility_gamma.catalogue import catalogue
from traders.volatility_gamma.exit_rules import RSI_HIGH, RSI_LOW
from traders.volatility_gamma.observe import observe
from traders.volatility_gamma.readings.memo import Memo

#: Readings are rounded to four digits or more: what lies this near a threshold may be on either side of it.
_ROUNDING = 1e-4
_RSI_ROUNDING = 0.01
#: What the fast loop is told of each bar.
_READINGS = (
    "atr_ratio",
    "tr_multiple",
    "natr14",
    "natr14_median_1y",
    "vix_proxy",
    "bb_expansion_age",
    "bb_position",
    "rsi14",
    "rsi_divergence",
)
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class GammaSurvey:
    """Implements `traders.contract.history.Survey`."""

    def __init__(self, history: Mapping[str, SymbolHistory], limits: Limits) -> None:
        self._limits = limits
        self._hours = {symbol: _Hours(symbol, one) for symbol, one in history.items()}
        self._memo = Memo()

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        """As `VolatilityGamma.observe`."""
        return observe(snapshot, portfolio, constraints, self._memo)

    def entry_hours(self, symbol: str) -> frozenset[int]:
        """Closes at which volatility expands and another signal may be there."""
        hours = self._hours[symbol]
        return frozenset(hours.closes[hours.may_enter(self._limits)].tolist())

    def may_exit(self, symbol: str, at: int, held: Held) -> bool:
        """After this close: a profit may be taken, or funding may end the pair."""
        return self._hours[symbol].may_exit(at, self._limits, held)

    def bar(self, symbol: str, at: int) -> BarReadings:
        """The 1h readings of the bar closed at `at`, rounded as the catalogue says."""
        return self._hours[symbol].bar(at)


class _Hours:
    """The 1h candles of one symbol as arrays; `closes` in UTC ms."""

    def __init__(self, symbol: str, history: SymbolHistory) -> None:
        candles = history.candles["1h"]
        self._prefix = prefix_of(symbol)
        self._specs = catalogue(self._prefix)
        self.closes = np.fromiter(candles.time, np.int64, len(candles.time)) + candles.interval_ms
        high, low, close = column(candles.high), column(candles.low), column(candles.close)
        fast = atr_calculator.atr(high, low, close, atr_calculator.FAST)
        slow = atr_calculator.atr(high, low, close, atr_calculator.SLOW)
        natr = atr_calculator.of_price(fast, close)
        self._medians = vix_proxy.Medians(natr)
        found = bollinger_bands.bands(close)
        width = bollinger_bands.bandwidth(found)
        mean = bollinger_bands.bandwidth_mean(width, bollinger_bands.MEAN_BARS["1h"])
        strength = rsi.rsi(close)
        with np.errstate(all="ignore"):
            self._series: dict[str, Array] = {
                "atr_ratio": ratio(fast, slow),
                "tr_multiple": ratio(atr_calculator.true_range(high, low, close), lagged(fast)),
                "natr14": natr,
                "bb_expansion_age": bollinger_bands.expansion_age(bollinger_bands.expansion_event(width, mean)),
                "bb_position": bollinger_bands.position(close, found),
                "rsi14": strength,
                "rsi_divergence": rsi.divergence(close, strength),
            }
        self._funding = self._rates(history)
        self._interest = history.interest_span
        self._fades: Mask | None = None

    def may_enter(self, limits: Limits) -> Mask:
        """ATR ratio in range, nothing extreme, and enough of the signals that a history can show."""
        it = self._series
        with np.errstate(invalid="ignore"):
            mask = it["atr_ratio"] > float(limits.atr_ratio_reduced) - _ROUNDING
            mask &= it["atr_ratio"] <= float(limits.atr_ratio_extreme) + _ROUNDING
            mask &= it["tr_multiple"] <= float(limits.tr_extreme_multiple) + _ROUNDING
            # a recorded book may lean at any hour: only what is known for certain not to be a signal is left out
            others = (it["bb_expansion_age"] <= limits.bb_active_bars).astype(int)
        others += self._funding_over(float(limits.funding_extreme))
        mask &= 1 + others >= limits.entry_min_signals
        # the proxy last, and of what is left only: a year's median takes longer than all the rest of an hour
        places = np.flatnonzero(mask)
        mask[places] = self._proxy(places) <= float(limits.vix_proxy_fade) + _ROUNDING
        return mask

    def may_exit(self, at: int, limits: Limits, held: Held) -> bool:
        """A margin for rounding on every threshold; an hour without a bar may do anything."""
        if self._fades is None:
            self._fades = self._may_fade(limits)
        place = self._place(at)
        if place is None:
            return True
        if held.in_profit and (self._fades[place] or self._cascade_shows(at) or self._proxy_fades(place, limits)):
            return True
        rate, then = float(self._funding[place]), held.funding_rate_entry
        if rate * held.net_share > float(limits.funding_adverse_exit) * 0.99:
            return True
        flips = held.entered_on_funding and then is not None and rate * then < 0
        return flips and abs(rate) > float(limits.funding_flip_min) * 0.99

    def bar(self, at: int) -> BarReadings:
        place = self._place(at)
        if place is None:
            return BarReadings(closed_at=at, atr_ratio=None, readings={})
        readings: dict[str, Decimal] = {}
        for name in _READINGS:
            value = self._value(name, place)
            if np.isfinite(value):
                full = f"{self._prefix}.1h.{name}"
                readings[full] = Decimal(repr(round(value, self._specs[full].digits) + 0.0))
        return BarReadings(closed_at=at, atr_ratio=readings.get(f"{self._prefix}.1h.atr_ratio"), readings=readings)

    def _place(self, at: int) -> int | None:
        """Which bar closed at that time."""
        place = int(np.searchsorted(self.closes, at))
        return place if place < self.closes.size and int(self.closes[place]) == at else None

    def _value(self, name: str, place: int) -> float:
        """A series at a bar; NaN where undefined."""
        if name == "natr14_median_1y":
            return self._medians.at(place)
        return float(self._proxy(np.array([place]))[0] if name == "vix_proxy" else self._series[name][place])

    def _proxy(self, places: NDArray[np.int64]) -> Array:
        """The VIX proxy at these bars."""
        with np.errstate(all="ignore"):
            return self._series["natr14"][places] / self._medians.among(places)

    def _proxy_fades(self, place: int, limits: Limits) -> bool:
        return self._value("vix_proxy", place) > float(limits.vix_proxy_fade) - _ROUNDING

    def _cascade_shows(self, at: int) -> bool:
        """Where open interest is known, a cascade of liquidations may end a pair in profit within the hour."""
        return self._interest is not None and self._interest[0] <= at + _HOUR_MS and at <= self._interest[1] + _DAY_MS

    def _may_fade(self, limits: Limits) -> Mask:
        """Whether a pair in profit may be closed for it after each close, the VIX proxy left aside."""
        it = self._series
        with np.errstate(invalid="ignore"):
            extreme = it["atr_ratio"] > float(limits.atr_ratio_extreme) - _ROUNDING
            extreme |= it["tr_multiple"] > float(limits.tr_extreme_multiple) - _ROUNDING
            extreme |= it["bb_position"] != 0
            turn = (it["rsi14"] > float(RSI_HIGH) - _RSI_ROUNDING) & (it["rsi_divergence"] < 0)
            turn |= (it["rsi14"] < float(RSI_LOW) + _RSI_ROUNDING) & (it["rsi_divergence"] > 0)
        return extreme | turn

    def _funding_over(self, limit: float) -> Mask:
        """Whether any rate settled by the end of the hour after each close is beyond a limit, either way."""
        return np.abs(self._funding) > limit - 1e-9

    def _rates(self, history: SymbolHistory) -> Array:
        """The last settled rate per 8 h at each close; 0 where none is known."""
        times = np.asarray([point.time for point in history.funding], dtype=np.int64)
        rates = rates_per_8h(
            [point.rate for point in history.funding], [point.interval_hours for point in history.funding]
        )
        place = np.searchsorted(times, self.closes, side="right") - 1
        return np.where(place >= 0, rates[np.maximum(place, 0)], 0.0) if rates.size else np.zeros(self.closes.size)
