"""Feather files in freqtrade's futures layout: read, merged, and replaced whole, so that a crash leaves the old one.

`<BASE>_<QUOTE>_<SETTLE>-<timeframe>-futures.feather` holds date, open, high, low, close, volume; funding rates are
`...-<interval>-funding_rate.feather` with the rate in `open`. Open interest and ratios, which freqtrade does not know,
are `...-open_interest.feather` and `...-long_short_ratio.feather` beside them.
BadFile names a file that is no such table, and what to do.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_fetchers.errors import FetchCode, Permanent

CANDLE_COLUMNS = ("open", "high", "low", "close", "volume")


class BadFile(Permanent):
    """A file that cannot be read as what its name says."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file}: {why}; move it away and download again", FetchCode.BAD_ANSWER)


def stem(symbol: str) -> str:
    """`SOL/USDT:USDT` as file names have it."""
    return symbol.replace("/", "_").replace(":", "_")


def candle_file(folder: Path, symbol: str, timeframe: str) -> Path:
    """Where the candles of a perpetual are."""
    return folder / f"{stem(symbol)}-{timeframe}-futures.feather"


def funding_file(folder: Path, symbol: str, interval_hours: float) -> Path:
    """Where its settled rates are."""
    return folder / f"{stem(symbol)}-{interval_hours:g}h-funding_rate.feather"


def read(file: Path, columns: tuple[str, ...]) -> dict[int, tuple[Any, ...]]:
    """Rows by time (UTC ms); empty when there is no file. Raises BadFile."""
    if not file.is_file():
        return {}
    import pyarrow as pa
    from pyarrow import feather

    try:
        table = feather.read_table(file, columns=["date", *columns])
        times = table["date"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_pylist()
        values = [table[name].to_pylist() for name in columns]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise BadFile(file, f"no table of {', '.join(('date', *columns))} ({str(error).splitlines()[0]})") from error
    if None in times:
        raise BadFile(file, "a row has no date")
    return dict(zip(times, zip(*values, strict=True) if values else [()] * len(times), strict=True))


def write(file: Path, rows: Mapping[int, tuple[Any, ...]], columns: tuple[str, ...]) -> None:
    """Replace a file by these rows, oldest first: the new one is whole before the old one goes."""
    import pyarrow as pa
    from pyarrow import feather

    file.parent.mkdir(parents=True, exist_ok=True)
    times = sorted(rows)
    table: dict[str, Any] = {"date": pa.array(times, pa.timestamp("ms", tz="UTC"))}
    for place, name in enumerate(columns):
        table[name] = pa.array([rows[time][place] for time in times], pa.float64())
    # chance, because in containers every process may have the same number
    partial = file.with_name(f".{file.name}.{os.getpid()}-{secrets.token_hex(3)}.part")
    try:
        feather.write_feather(pa.table(table), partial, compression="lz4")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
