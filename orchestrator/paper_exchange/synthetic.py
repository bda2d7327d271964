"""A seeded synthetic market of SOL and AVAX: minute bars as a pure function of seed, scenario and time.

Volatility switches regimes by the day, both coins share most of each move, jumps are rare. The last days before the
start are shaped by the scenario. Days are generated in order and kept: what is asked later or twice is the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

START = 1_735_689_600_000  # 2025-01-01T00:00Z
HISTORY_DAYS = 400
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SCENARIOS = ("expanding", "calm", "extreme", "thin_book")

_MINUTES = 1440
_SHARED = 0.72  # share of variance that both coins have in common
_CALM, _NORMAL, _HOT = 0.65, 1.0, 1.6
_LEVELS = (_CALM, _NORMAL, _HOT)
_STAY = 0.85
_JUMPS_PER_DAY = 0.04

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Coin:
    """One synthetic perpetual: price at the start, volatility a day, steps of the venue, turnover in coins a minute."""

    base: str
    price: float
    daily_volatility: float
    tick: str
    turnover: float


COINS = {
    "SOLUSDT": Coin("SOL", 190.0, 0.045, "0.01", 9_000.0),
    "AVAXUSDT": Coin("AVAX", 36.0, 0.048, "0.001", 16_000.0),
}


@dataclass(frozen=True)
class Bars:
    """Minute bars, one column an array; `first` is the open time of the first."""

    first: int
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class SyntheticMarket:
    """Minute bars of both coins, from 400 days before the start to any later day."""

    def __init__(self, seed: int, scenario: str) -> None:
        if scenario not in SCENARIOS:
            raise ValueError(f"no scenario {scenario!r}; one of {', '.join(SCENARIOS)}")
        self.seed, self.scenario = seed, scenario
        self._regime = _NORMAL
        self._days = 0
        self._log = dict.fromkeys(COINS, 0.0)
        self._columns: dict[str, list[tuple[Floats, Floats, Floats, Floats, Floats]]] = {name: [] for name in COINS}
        self._joined: dict[str, Bars] = {}
        self._shift: dict[str, float] = {}
        self._extend(HISTORY_DAYS)
        for name, coin in COINS.items():
            self._shift[name] = float(np.log(coin.price)) - self._log[name]
        self._extend(HISTORY_DAYS + 3)

    @property
    def first(self) -> int:
        """Open time of the first minute."""
        return START - HISTORY_DAYS * DAY

    def bars(self, symbol: str, until: int) -> Bars:
        """All minute bars of a symbol up to and beyond `until`."""
        days = int((until - self.first) // DAY) + 2
        if days > self._days:
            self._extend(days + 5)
        if symbol not in self._joined:
            columns = self._columns[symbol]
            scale = np.exp(self._shift[symbol])
            parts = [np.concatenate([day[i] for day in columns]) for i in range(5)]
            o, h, low, c = (part * scale for part in parts[:4])
            self._joined[symbol] = Bars(self.first, o, h, low, c, parts[4])
        return self._joined[symbol]

    def _extend(self, days: int) -> None:
        while self._days < days:
            self._day(self._days)
            self._days += 1
        self._joined.clear()

    def _day(self, number: int) -> None:
        """One day of both coins; depends only on the seed and the days before it."""
        rng = np.random.default_rng([self.seed, 11, number])
        if rng.random() > _STAY:
            self._regime = float(rng.choice(_LEVELS))
        level = self._shape(number, self._regime)
        wave = 1.0 + 0.25 * np.sin(2 * np.pi * (np.arange(_MINUTES) / _MINUTES - 0.35))
        if not HISTORY_DAYS - 12 <= number < HISTORY_DAYS:
            level = level * wave
        common = rng.standard_normal(_MINUTES)
        jumps = (rng.random(_MINUTES) < _JUMPS_PER_DAY / _MINUTES) * rng.normal(0.0, 12.0, _MINUTES)
        if HISTORY_DAYS - 12 <= number <= HISTORY_DAYS:
            jumps *= 0.0
        for name, coin in COINS.items():
            own = rng.standard_normal(_MINUTES)
            minute = coin.daily_volatility / np.sqrt(_MINUTES) * level
            moves = minute * (np.sqrt(_SHARED) * (common + jumps) + np.sqrt(1 - _SHARED) * own)
            moves = moves + self._drift(number, coin) - 0.03 * self._log[name] / _MINUTES
            path = self._log[name] + np.concatenate([[0.0], np.cumsum(moves)])
            opens, closes = np.exp(path[:-1]), np.exp(path[1:])
            reach = np.abs(rng.standard_normal((2, _MINUTES))) * minute * 0.45
            highs = np.maximum(opens, closes) * np.exp(reach[0])
            lows = np.minimum(opens, closes) * np.exp(-reach[1])
            busy = 0.35 + level * (0.4 + np.abs(moves) / (coin.daily_volatility / np.sqrt(_MINUTES)))
            volume = np.round(coin.turnover * busy * rng.lognormal(0.0, 0.35, _MINUTES)) + 1.0
            self._columns[name].append((opens, highs, lows, closes, volume))
            self._log[name] = float(path[-1])

    def _shape(self, number: int, regime: float) -> Floats:
        """Volatility of each minute of a day, in units of the coin's normal one."""
        hours = (np.arange(_MINUTES) + number * _MINUTES) / 60 - HISTORY_DAYS * 24
        level = np.full(_MINUTES, regime)
        if number < HISTORY_DAYS - 12 or number >= HISTORY_DAYS:
            return level
        level = np.full(_MINUTES, _NORMAL)
        if self.scenario in ("expanding", "thin_book"):
            level[hours >= -190] = 0.11
            level[hours >= -13] = 1.3
        elif self.scenario == "calm":
            level[hours >= -200] = 0.55
            level[hours >= -30] = 0.2
        else:
            level[hours >= -48] = 0.6
            level[hours >= -1] = 5.0
        return level

    def _drift(self, number: int, coin: Coin) -> Floats:
        """A steady climb over the last hours of an expansion: bands widen when price travels."""
        drift = np.zeros(_MINUTES)
        if self.scenario in ("expanding", "thin_book") and number == HISTORY_DAYS - 1:
            drift[-14 * 60 :] = coin.daily_volatility * 0.75 / (14 * 60)
        return drift
