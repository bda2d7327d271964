"""A seeded synthetic market of SOL and AVAX: minute bars as a pure function of seed, scenario and time.

Volatility switches regimes by the day, both coins share most of each move, jumps are rare. The last days before the
start are shaped by the scenario. Days are generated in order and kept: what is asked later or twice is the same.
The days up to the start are made once in a process and shared by all markets of their seed and scenario.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache

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
        walk, self._scale, past = _past(seed, scenario)
        self._walk, self._bars = copy(walk), dict(past)

    @property
    def first(self) -> int:
        """Open time of the first minute."""
        return START - HISTORY_DAYS * DAY

    def bars(self, symbol: str, until: int) -> Bars:
        """All minute bars of a symbol up to and beyond `until`."""
        days = int((until - self.first) // DAY) + 2
        if days > self._walk.days:
            self._bars = _longer(self._bars, self._walk, days + 5, self._scale)
        return self._bars[symbol]


# A process has one market, or a few alike; each takes some 45 MB.
@lru_cache(maxsize=2)
def _past(seed: int, scenario: str) -> tuple["_Walk", dict[str, float], dict[str, Bars]]:
    """The walk three days after the start, what its prices are scaled by, and the bars up to there."""
    walk = _Walk(seed, scenario)
    days = [walk.next_day() for _ in range(HISTORY_DAYS)]
    scale = {name: float(np.exp(float(np.log(coin.price)) - walk.log[name])) for name, coin in COINS.items()}
    days += [walk.next_day() for _ in range(3)]
    return walk, scale, {name: _joined([day[name] for day in days], scale[name]) for name in COINS}


def _longer(bars: dict[str, Bars], walk: "_Walk", days: int, scale: dict[str, float]) -> dict[str, Bars]:
    """The bars with the days of a walk that follow them, up to so many."""
    more = [walk.next_day() for _ in range(days - walk.days)]
    return {name: _joined([day[name] for day in more], scale[name], bars[name]) for name in COINS}


def _joined(days: list[Sequence[Floats]], scale: float, before: Bars | None = None) -> Bars:
    """Days as bars that nobody can change, behind those before them."""
    columns = []
    for number in range(5):
        made = np.concatenate([day[number] for day in days])
        if number < 4:  # a price, not the volume
            made *= scale
        if before is not None:
            made = np.concatenate([(before.open, before.high, before.low, before.close, before.volume)[number], made])
        made.flags.writeable = False
        columns.append(made)
    return Bars(START - HISTORY_DAYS * DAY, *columns)


class _Walk:
    """Makes one day after the other."""

    def __init__(self, seed: int, scenario: str) -> None:
        self.seed, self.scenario = seed, scenario
        self.regime = _NORMAL
        self.days = 0
        self.log = dict.fromkeys(COINS, 0.0)

    def next_day(self) -> dict[str, Sequence[Floats]]:
        """The columns of one more day of each coin, not scaled; they depend only on the seed and the days before."""
        number, made = self.days, dict[str, Sequence[Floats]]()
        self.days += 1
        rng = np.random.default_rng([self.seed, 11, number])
        if rng.random() > _STAY:
            self.regime = float(rng.choice(_LEVELS))
        level = self._shape(number, self.regime)
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
            moves = moves + self._drift(number, coin) - 0.03 * self.log[name] / _MINUTES
            path = self.log[name] + np.concatenate([[0.0], np.cumsum(moves)])
            opens, closes = np.exp(path[:-1]), np.exp(path[1:])
            reach = np.abs(rng.standard_normal((2, _MINUTES))) * minute * 0.45
            highs = np.maximum(opens, closes) * np.exp(reach[0])
            lows = np.minimum(opens, closes) * np.exp(-reach[1])
            busy = 0.35 + level * (0.4 + np.abs(moves) / (coin.daily_volatility / np.sqrt(_MINUTES)))
            volume = np.round(coin.turnover * busy * rng.lognormal(0.0, 0.35, _MINUTES)) + 1.0
            made[name] = (opens, highs, lows, closes, volume)
            # the dictionary is replaced, not changed: a copy of this walk shares it
            self.log = {**self.log, name: float(path[-1])}
        return made

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
