"""A made-up history in freqtrade's folder layout: calm and wild spells, jumps, and funding that is extreme at times."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import feather

START = 1_700_006_400_000  # 2023-11-15T00:00Z
QUARTER_MS = 900_000
COINS = {"SOL": 60.0, "AVAX": 20.0}


def write_market(folder: Path, days: int = 215, seed: int = 5) -> Path:
    """15m candles and 8h funding of SOL and AVAX; hourly candles are left to be resampled."""
    random = np.random.default_rng(seed)
    count = days * 96
    # volatility of a bar in spells of half a day to five days; the first half year is calmer
    spells = np.repeat(random.choice([0.0012, 0.002, 0.003, 0.009], size=count // 96 + 1), 96)[:count]
    common = random.standard_normal(count) * spells
    for coin, price in COINS.items():
        own = random.standard_normal(count) * spells * 0.6
        jumps = (random.random(count) < 0.0008) * random.standard_normal(count) * 0.025
        close = price * np.exp(np.cumsum(0.8 * common + own + jumps))
        open_ = np.r_[price, close[:-1]]
        reach = np.abs(random.standard_normal((2, count))) * spells * 0.7
        times = START + np.arange(count) * QUARTER_MS
        write_candles(
            folder / f"{coin}_USDT_USDT-15m-futures.feather",
            times,
            open_,
            np.maximum(open_, close) * np.exp(reach[0]),
            np.minimum(open_, close) * np.exp(-reach[1]),
            close,
            1e5 * spells * (0.5 + random.random(count)),
        )
        settled = START + np.arange(days * 3) * 8 * 3_600_000
        rates = random.standard_normal(days * 3) * 0.0004
        write_candles(folder / f"{coin}_USDT_USDT-8h-funding_rate.feather", settled, *[rates] * 5)
    return folder


def write_candles(file: Path, times: np.ndarray, *columns: np.ndarray) -> None:
    """One feather file."""
    names = ("open", "high", "low", "close", "volume")
    table = {"date": pa.array(times, pa.timestamp("ms", tz="UTC"))}
    table |= {name: pa.array(column) for name, column in zip(names, columns, strict=True)}
    feather.write_feather(pa.table(table), file, compression="uncompressed")
