"""What has been fetched before, so that a cycle asks for news only: candles and rates on disk, the rest in memory.

Nothing stored is believed blindly. The first time a series is used, and whenever bars are added, the last two stored
bars are fetched again; one that differs (another market at the same name, a venue that revised it) drops the series.
A file that cannot be read is set aside and fetched again; no decision fails for it.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_fetchers.candle_pages import Bar
from data_fetchers.errors import FetchError
from data_fetchers.feather_file import CANDLE_COLUMNS, candle_file, funding_file, read, write
from data_fetchers.snapshot import TIMEFRAME_MS, RatioPoint

Rates = dict[int, float]
Key = tuple[str, str, str]


@dataclass
class SeriesStore:
    """The series of one data folder; `folder` None keeps them in memory only. One for each process and exchange."""

    folder: Path | None = None
    _candles: dict[Key, dict[int, Bar]] = field(default_factory=dict)
    _rates: dict[tuple[str, str], Rates] = field(default_factory=dict)
    _ratios: dict[Key, tuple[RatioPoint, ...]] = field(default_factory=dict)
    _intervals: dict[tuple[str, str], tuple[int, float | None]] = field(default_factory=dict)
    _checked: set[tuple[str, ...]] = field(default_factory=set)
    #: Series whose first stored bar is the venue's first.
    _whole: set[Key] = field(default_factory=set)

    def candles(self, venue: str, symbol: str, timeframe: str) -> dict[int, Bar]:
        """Stored bars by open time."""
        key = (venue, symbol, timeframe)
        if key not in self._candles:
            self._candles[key] = self._load(venue, symbol, timeframe)
        return self._candles[key]

    def checked(self, venue: str, symbol: str, timeframe: str) -> bool:
        """Whether the series was compared with the venue in this process."""
        return (venue, symbol, timeframe) in self._checked

    def begins(self, venue: str, symbol: str, timeframe: str) -> bool:
        """Whether the venue is known to have nothing before the first stored bar."""
        return (venue, symbol, timeframe) in self._whole

    def keep(self, venue: str, symbol: str, timeframe: str, bars: dict[int, Bar], *, whole: bool) -> None:
        """Take over bars that were just compared with the venue; older ones that were stored stay."""
        key = (venue, symbol, timeframe)
        first = min(bars, default=0)
        bars = {**{time: bar for time, bar in self._candles.get(key, {}).items() if time < first}, **bars}
        changed = self._candles.get(key) != bars
        self._candles[key] = bars
        self._checked.add(key)
        (self._whole.add if whole else self._whole.discard)(key)
        if changed and self.folder is not None:
            self._save(candle_file(self._at(venue), symbol, timeframe), dict(bars))

    def drop(self, venue: str, symbol: str, timeframe: str) -> None:
        """Forget a series that the venue contradicts."""
        key = (venue, symbol, timeframe)
        self._candles[key] = {}
        self._whole.discard(key)

    def rates(self, venue: str, symbol: str) -> Rates:
        """Stored settlements by time; empty until compared with the venue in this process."""
        return self._rates.get((venue, symbol), {})

    def keep_rates(self, venue: str, symbol: str, rates: Rates) -> None:
        """Remember settlements; on disk they join what is there, unless that contradicts them."""
        if self._rates.get((venue, symbol)) == rates:
            return
        self._rates[venue, symbol] = rates
        if self.folder is None or len(rates) < 2:
            return
        times = sorted(rates)
        hours = max(1, round((times[-1] - times[-2]) / 3_600_000))
        file = funding_file(self._at(venue), symbol, hours)
        rows = {at: (rate, 0.0, 0.0, 0.0, 0.0) for at, rate in rates.items()}
        there = self._read(file)
        same = all(there[at][0] == rate for at, rate in rates.items() if at in there)
        self._save(file, {**there, **rows} if same else rows)

    def ratios(self, venue: str, symbol: str, kind: str) -> tuple[RatioPoint, ...]:
        """The points last fetched."""
        return self._ratios.get((venue, symbol, kind), ())

    def keep_ratios(self, venue: str, symbol: str, kind: str, points: tuple[RatioPoint, ...]) -> None:
        """Remember points."""
        self._ratios[venue, symbol, kind] = points

    def interval(self, venue: str, symbol: str, since: int) -> tuple[bool, float | None]:
        """(whether it is known since that time, the declared hours)."""
        at, hours = self._intervals.get((venue, symbol), (-1, None))
        return at >= since, hours

    def keep_interval(self, venue: str, symbol: str, at: int, hours: float | None) -> None:
        """Remember what the venue declared."""
        self._intervals[venue, symbol] = (at, hours)

    def _at(self, venue: str) -> Path:
        assert self.folder is not None
        return self.folder / venue / "futures"

    def _load(self, venue: str, symbol: str, timeframe: str) -> dict[int, Bar]:
        if self.folder is None:
            return {}
        rows = self._read(candle_file(self._at(venue), symbol, timeframe))
        interval = TIMEFRAME_MS[timeframe]
        if any(time % interval for time in rows):
            return {}  # no candles of this time frame, whatever the name says
        return {time: (row[0], row[1], row[2], row[3], row[4]) for time, row in rows.items() if None not in row}

    def _read(self, file: Path) -> dict[int, tuple[Any, ...]]:
        """The rows of a file; one that cannot be read is set aside, so that nothing is lost and nothing fails."""
        try:
            return read(file, CANDLE_COLUMNS)
        except FetchError:
            with suppress(OSError):
                file.replace(file.with_name(f"{file.name}.unreadable"))
            return {}

    def _save(self, file: Path, rows: Mapping[int, tuple[float, ...]]) -> None:
        try:
            write(file, rows, CANDLE_COLUMNS)
        except OSError:
            return  # a full disk costs requests, not decisions
