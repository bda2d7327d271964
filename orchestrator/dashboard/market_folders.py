"""Where candles and settled rates lie: what decisions have fetched, and a folder named at the start."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_fetchers.errors import FetchError
from data_fetchers.feather_file import read, stem
from orchestrator.dashboard.config import DashboardConfig
from orchestrator.errors import HostError
from orchestrator.simulation.history import load, symbols_in
from traders.contract.constraints import ConstraintSet

_FRAMES = ("1h", "4h", "1d")
#: Settled rates drawn at most: three months every eight hours.
_MOST_RATES = 270
_REMEMBERED = 8


def folders(config: DashboardConfig) -> dict[str, Path]:
    """Name -> folder in freqtrade's futures layout, those that have candles."""
    found = {}
    if config.data is not None:
        found["given"] = config.data
    market = config.settings.data_dir / "market"
    if market.is_dir():
        for venue in sorted(market.iterdir()):
            found[f"fetched from {venue.name}"] = venue / "futures"
    return {name: folder for name, folder in found.items() if folder.is_dir() and symbols_in(folder)}


def settled_rates(folder: Path, symbol: str) -> list[tuple[int, float]]:
    """(time UTC ms, rate per 8 h), oldest first, the last of them; empty where there is no file. Raises HostError."""
    for file in sorted(folder.glob(f"{stem(symbol)}-*h-funding_rate.feather")):
        hours = float(file.name.removeprefix(f"{stem(symbol)}-").removesuffix("h-funding_rate.feather"))
        try:
            rows = sorted(read(file, ("open",)).items())
        except FetchError as error:
            raise HostError("bad_file", str(error), "move the file away") from error
        return [(at, float(rate) * 8 / hours) for at, (rate,) in rows[-_MOST_RATES:]]
    return []


@dataclass
class Counted:
    """Censuses that were counted, newest last: files and limits that have not changed are not counted again."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    known: dict[Any, Mapping[str, Any]] = field(default_factory=dict)

    def census(self, folder: Path, symbol: str, constraints: ConstraintSet) -> Mapping[str, Any]:
        """The census of one symbol. Raises HostError."""
        files = sorted(folder.glob(f"{stem(symbol)}-*.feather"))
        key = (folder, symbol, constraints.hash, tuple((one.name, one.stat().st_mtime_ns) for one in files))
        with self.lock:
            if key not in self.known:
                from orchestrator.census.count import census

                markets = load(folder, (symbol,), "history")
                self.known[key] = census(markets[symbol], _FRAMES, constraints.limits)
                while len(self.known) > _REMEMBERED:
                    self.known.pop(next(iter(self.known)))
            return self.known[key]
