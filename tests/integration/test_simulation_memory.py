"""Five years of one-minute bars of two symbols: what `volgamma simulate` holds in memory at most."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.simulated_market import COINS, START, write_candles

MINUTE_MS = 60_000
DAYS = 5 * 365 + 1
MOST = 1.5e9
COUNT = DAYS * 1440


def write_minutes(folder: Path) -> None:
    """Random walks whose volatility comes in spells of days; funding every 8 hours."""
    random = np.random.default_rng(7)
    spells = np.repeat(random.choice([0.0003, 0.0005, 0.0008, 0.0024], size=DAYS), 1440)
    times = START + np.arange(COUNT) * MINUTE_MS
    for coin, price in COINS.items():
        steps = random.standard_normal(COUNT) * spells
        close = price * np.exp(np.cumsum(steps - steps.mean()))
        open_ = np.r_[price, close[:-1]]
        reach = np.exp(np.abs(random.standard_normal(COUNT)) * spells * 0.5)
        high, low = np.maximum(open_, close) * reach, np.minimum(open_, close) / reach
        write_candles(folder / f"{coin}_USDT_USDT-1m-futures.feather", times, open_, high, low, close, 1e5 * spells)
        rates = random.standard_normal(DAYS * 3) * 0.0004
        settled = START + np.arange(DAYS * 3) * 8 * 3_600_000
        write_candles(folder / f"{coin}_USDT_USDT-8h-funding_rate.feather", settled, *[rates] * 5)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not tell a process's peak memory")
def test_five_years_of_minutes_fit_in_memory(tmp_path: Path) -> None:
    write_minutes(tmp_path)
    out, err = tmp_path / "out.json", tmp_path / "err.txt"
    words = [sys.executable, "-m", "orchestrator", "simulate", "--data", str(tmp_path), "--json"]
    environment = {**os.environ, "VOLGAMMA_DATA_DIR": str(tmp_path / "data")}
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(words, stdout=stdout, stderr=stderr, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, err.read_text()
    document = json.loads(out.read_text())
    assert document["bars"] == 2 * COUNT and set(document["data"]["path"].values()) == {"1m"}
    assert document["cycles"] > 20, "pairs are followed minute by minute"
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"\npeak {peak / 1e6:,.0f} MB, {document['bars_per_second']:,} bars/s, {document['cycles']} pairs")
    assert peak < MOST
