"""Recorded open interest and long/short ratios, where a folder has them: shown up to a time and never beyond it.

`volgamma data download` keeps them beside the candles as `-open_interest.feather` and `-long_short_ratio.feather`.
Venues give back a month at most, so a history usually has them for its last part only.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_fetchers.snapshot import OpenInterest, OpenInterestPoint, Positioning, RatioPoint, Unavailable
from orchestrator.simulation.columns import HistoryError, columns_of

Times = NDArray[np.int64]
Array = NDArray[np.float64]
RATIOS = ("accounts", "top_accounts", "top_positions", "taker")
_NOT_THEN = Unavailable(code="not_supported", reason="the history does not hold it at this time")


@dataclass(frozen=True)
class Crowd:
    """By time, UTC ms, rising; NaN where a venue gave nothing. Empty arrays where there is no file."""

    interest_time: Times
    coins: Array
    quote: Array
    ratio_time: Times
    ratios: dict[str, Array]

    @property
    def interest_span(self) -> tuple[int, int] | None:
        """First and last time of open interest."""
        times = self.interest_time
        return (int(times[0]), int(times[-1])) if times.size else None

    def interest(self, venue: str, symbol: str, at: int, count: int) -> OpenInterest | Unavailable:
        """The last `count` points known at a time."""
        stop = int(np.searchsorted(self.interest_time, at, side="right"))
        span = self.interest_span
        if not stop or span is None:
            return _NOT_THEN
        part = slice(max(0, stop - count), stop)
        points = tuple(
            OpenInterestPoint(time=time, coins=coins, quote=None if np.isnan(quote) else quote)
            for time, coins, quote in zip(
                self.interest_time[part].tolist(), self.coins[part].tolist(), self.quote[part].tolist(), strict=True
            )
        )
        return OpenInterest(venue=venue, symbol=symbol, points=points, as_of=points[-1].time, fetched_at=at)

    def positioning(self, venue: str, symbol: str, at: int, count: int) -> Positioning | Unavailable:
        """The last `count` ratios of each kind known at a time."""
        stop = int(np.searchsorted(self.ratio_time, at, side="right"))
        if not stop:
            return _NOT_THEN
        part = slice(max(0, stop - count), stop)
        times = self.ratio_time[part].tolist()
        kinds: dict[str, tuple[RatioPoint, ...] | Unavailable] = {}
        for kind in RATIOS:
            values = self.ratios[kind][part].tolist()
            points = tuple(
                RatioPoint(time=time, ratio=value) for time, value in zip(times, values, strict=True) if value == value
            )
            kinds[kind] = points or _NOT_THEN
        return Positioning(venue=venue, symbol=symbol, as_of=times[-1], fetched_at=at, **kinds)


def read_crowd(folder: Path, stem: str) -> Crowd:
    """What the folder has of a perpetual. Raises HistoryError for a file that is no such table."""
    interest, ratios = folder / f"{stem}-open_interest.feather", folder / f"{stem}-long_short_ratio.feather"
    names = ("coins", "quote")
    first, second = _read(interest, names), _read(ratios, RATIOS)
    return Crowd(
        interest_time=first["date"],
        coins=_floats(first["coins"]),
        quote=_floats(first["quote"]),
        ratio_time=second["date"],
        ratios={kind: _floats(second[kind]) for kind in RATIOS},
    )


def _read(file: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.int64]]:
    if not file.is_file():
        return {name: np.empty(0, np.int64) for name in ("date", *names)}
    found = columns_of(file, ("date", *names))
    if (np.diff(found["date"]) <= 0).any():
        raise HistoryError("bad_data", f"{file}: times do not rise", "download it again")
    return found


def _floats(column: NDArray[np.int64]) -> Array:
    return np.ascontiguousarray(column, dtype=np.float64)
