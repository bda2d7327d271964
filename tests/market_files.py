"""Real market data beside the project, where it is present; a test that needs it is skipped where it is not."""

import os
from pathlib import Path
from typing import Any

import pytest


def data_folder() -> Path:
    """The folder, from VOLGAMMA_TEST_DATA or beside the project; skips the test without one."""
    named = os.environ.get("VOLGAMMA_TEST_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no market data at {folder}; name a folder in VOLGAMMA_TEST_DATA")
    return folder


def candles(coin: str, timeframe: str = "1h", venue: str = "binance") -> Any:
    """Columns date, open, high, low, close, volume of a perpetual (freqtrade's layout)."""
    path = data_folder() / venue / "futures" / f"{coin}_USDT_USDT-{timeframe}-futures.feather"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the market data folder")
    pandas = pytest.importorskip("pandas")
    return pandas.read_feather(path)
