"""Columns of one feather file as arrays."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import HostError


class HistoryError(HostError):
    """Data that cannot be simulated: code, message and remedy."""


def columns_of(file: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.int64]]:
    """By name; `date` as UTC ms. Raises HistoryError for a file that lacks one."""
    import pyarrow as pa
    from pyarrow import feather

    try:
        table = feather.read_table(file, columns=list(names))
        time = table["date"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_numpy()
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise HistoryError("bad_data", f"{file} cannot be read: {error}", "download it again") from error
    return {"date": time, **{name: table[name].to_numpy() for name in names if name != "date"}}
