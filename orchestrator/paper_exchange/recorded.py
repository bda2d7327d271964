"""A recorded market: real candles and funding of a freqtrade-layout folder, played from any time inside them.

Inside a 15-minute candle the price runs open, first extreme, second extreme, close (the low comes first in a rising
candle) in equal steps, so that minute bars add up to the candle exactly. Nothing of a candle is shown before its time.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestrator.paper_exchange.synthetic import HOUR, MINUTE, Bars, Floats

QUARTER = 15 * MINUTE
FOLDER_NAMES = {"SOLUSDT": "SOL_USDT_USDT", "AVAXUSDT": "AVAX_USDT_USDT"}
_COLUMNS = ["open", "high", "low", "close", "volume"]


class NoRecording(Exception):
    """The folder lacks what was asked for; the message says what, where and the remedy."""


class RecordedMarket:
    """Candles of both coins as minute bars, and their settled funding."""

    def __init__(self, folder: Path, at: int) -> None:
        if not folder.is_dir():
            raise NoRecording(f"{folder} is no folder; --data names a folder with freqtrade's feather files")
        self._minutes: dict[str, Bars] = {}
        self._native: dict[tuple[str, str], Bars] = {}
        self._funding: dict[str, tuple[tuple[int, float], ...]] = {}
        for symbol, name in FOLDER_NAMES.items():
            quarters = _candles(folder / f"{name}-15m-futures.feather")
            hours = _candles(folder / f"{name}-1h-futures.feather")
            if quarters is None or hours is None:
                missing = f"{name}-15m-futures.feather" if quarters is None else f"{name}-1h-futures.feather"
                raise NoRecording(f"{folder} lacks {missing}; download both time frames of SOL and AVAX")
            self._native[symbol, "15m"] = quarters
            self._native[symbol, "1h"] = hours
            self._minutes[symbol] = _minutes(quarters)
            self._funding[symbol] = _funding(folder / f"{name}-8h-funding_rate.feather")
        self.first = max(bars.first for bars in self._minutes.values())
        self.last = min(bars.first + len(bars.open) * MINUTE for bars in self._minutes.values())
        if not self.first + 60 * HOUR <= at < self.last:
            raise NoRecording(
                f"{_text(at)} is outside the recording, which runs from {_text(self.first)} to {_text(self.last)} "
                "(the first 60 hours are needed as history)"
            )

    def bars(self, symbol: str, until: int) -> Bars:
        """Minute bars of a symbol. Raises NoRecording past the end of the recording."""
        if until >= self.last:
            raise NoRecording(f"the recording ends at {_text(self.last)}")
        return self._minutes[symbol]

    def native(self, symbol: str, interval: str) -> Bars | None:
        """Candles exactly as recorded, where that interval was."""
        return self._native.get((symbol, interval))

    def funding(self, symbol: str) -> tuple[tuple[int, float], ...]:
        """(time, rate per interval) as settled."""
        return self._funding[symbol]


def _candles(path: Path) -> Bars | None:
    if not path.is_file():
        return None
    frame = pd.read_feather(path)
    times = _millis(frame["date"])
    step = int(np.median(np.diff(times)))
    count = int((times[-1] - times[0]) // step) + 1
    place = ((times - times[0]) // step).astype(np.int64)
    columns: list[Floats] = []
    for name in _COLUMNS:
        column = np.full(count, np.nan)
        column[place] = frame[name].to_numpy(dtype=np.float64)
        columns.append(column)
    o, h, low, c, v = columns
    holes = np.isnan(c)
    if holes.any():  # a hole stays a hole in volume; the price stands still
        filled = pd.Series(c).ffill().to_numpy()
        for column in (o, h, low, c):
            column[holes] = filled[holes]
        v[holes] = 0.0
    return Bars(int(times[0]), o, h, low, c, v)


def _minutes(quarters: Bars) -> Bars:
    """Fifteen minute bars a candle."""
    rising = quarters.close >= quarters.open
    first = np.where(rising, quarters.low, quarters.high)
    second = np.where(rising, quarters.high, quarters.low)
    way = np.stack([quarters.open, first, second, quarters.close], axis=1)
    steps = np.linspace(0.0, 1.0, 6)[:-1]
    legs = [way[:, i, None] + (way[:, i + 1, None] - way[:, i, None]) * steps for i in range(3)]
    points = np.concatenate(legs, axis=1)
    opens = points.reshape(-1)
    closes = np.concatenate([points[:, 1:], quarters.close[:, None]], axis=1).reshape(-1)
    volume = np.repeat(quarters.volume / 15, 15)
    return Bars(quarters.first, opens, np.maximum(opens, closes), np.minimum(opens, closes), closes, volume)


def _funding(path: Path) -> tuple[tuple[int, float], ...]:
    if not path.is_file():
        return ()
    frame = pd.read_feather(path)
    return tuple(zip(_millis(frame["date"]).tolist(), frame["open"].astype(float).tolist(), strict=True))


def _millis(dates: "pd.Series[pd.Timestamp]") -> NDArray[np.int64]:
    return np.asarray(dates.dt.as_unit("ms").astype("int64"), dtype=np.int64)


def _text(at: int) -> str:
    return pd.Timestamp(at, unit="ms").strftime("%Y-%m-%dT%H:%MZ")
