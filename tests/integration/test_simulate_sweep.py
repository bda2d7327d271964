"""`volgamma simulate --sweep`: rows are runs, the best is judged as the best of many, wrong inputs are named."""

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.cli.sweep_text import verdict
from orchestrator.simulation.sweep import Trials, judged, parsed, without_effect
from tests.simulated_market import write_market
from tests.store_cli import Volgamma

TWO = ("--sweep", "entry_min_signals=2,4", "--sweep", "take_profit_max=0.12,0.15")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("history"))


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)


def test_every_row_is_the_run_with_these_limits(volgamma: Volgamma, folder: Path) -> None:
    done = volgamma("simulate", "--data", str(folder), *TWO, "--workers", "2", "--resume", "done.jsonl", "--json")
    assert done.code == 0
    found = done.json
    assert (found["schema"], found["trials"], found["failed"]) == ("volgamma.sweep/1", 4, [])
    nets = [Decimal(row["net"]) for row in found["rows"]]
    assert nets == sorted(nets, reverse=True) and len(set(nets)) > 1
    assert {tuple(row["changes"].values()) for row in found["rows"]} == {(2, 0.12), (2, 0.15), (4, 0.12), (4, 0.15)}
    for row in found["rows"]:
        sets = [word for key, value in row["changes"].items() for word in ("--set", f"{key}={value}")]
        alone = volgamma("simulate", "--data", str(folder), *sets, "--json").json
        for name in ("net", "fees", "funding", "cycles", "sharpe", "max_drawdown", "win_rate", "decisions"):
            assert row[name] == alone[name], name
    best = found["best"]
    assert best["changes"] == found["rows"][0]["changes"] and best["trials"] == 4
    assert best["more_than_chance"] is (best["deflated_sharpe"] is not None and best["deflated_sharpe"] >= 0.95)

    again = volgamma("simulate", "--data", str(folder), *TWO, "--workers", "1", "--resume", "done.jsonl", "--json").json
    assert again["taken_from_file"] == 4
    assert {**again, "seconds": 0, "taken_from_file": 0} == {**found, "seconds": 0}
    other = volgamma("simulate", "--data", str(folder), *TWO, "--workers", "1", "--resume", "done.jsonl",
                     "--capital", "50000", "--json").json  # fmt: skip
    assert other["taken_from_file"] == 0, "other runs are not those of the file"


def test_the_page(volgamma: Volgamma, folder: Path) -> None:
    words = ("--to", "2024-05-20", "--sweep", "leverage_min=5,8", "--sweep", "leverage_max=6,8", "--workers", "1")
    done = volgamma("simulate", "--data", str(folder), *words)
    assert done.code == 0
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert "3 runs" in done.out and "leverage_min 8 is above leverage_max 6" in " ".join(done.out.split())
    assert volgamma("constraints", "show", "leverage_min", "--json").json["value"] == 5


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("--sweep", "levrage_max=3,4"), 1, "did you mean 'leverage_max'"),
        (("--sweep", "leverage_max"), 2, "--sweep 'leverage_max'"),
        (("--sweep", "leverage_max=6", "--sweep", "leverage_max=7"), 2, "twice"),
        (("--sweep", "leverage_max=6,7", "--set", "leverage_max=8"), 2, "with --set and with --sweep"),
        (("--sweep", "pairs_max=" + ",".join(map(str, range(1, 3000)))), 2, "2,999 combinations"),
        (("--sweep", "entry_min_signals=2,x"), 2, "entry_min_signals: 'x' is no integer (now 2"),
        (("--sweep", "leverage_max=6,7", "--full"), 2, "none of --full, --report and --png"),
        (("--workers", "2"), 2, "are for --sweep"),
        (("--resume", "x.jsonl"), 2, "are for --sweep"),
        (("--sweep", "leverage_max=6,7", "--symbols", "DOGE"), 1, "DOGE"),
        (("--sweep", "leverage_max=6,7", "--resume", ".", "--workers", "1"), 1, "cannot be read"),
    ],
)
def test_wrong_inputs_are_named(
    volgamma: Volgamma, folder: Path, words: tuple[str, ...], code: int, named: str
) -> None:
    done = volgamma("simulate", "--data", str(folder), "--to", "2023-12-01", *words, "--json")
    assert (done.code, named in done.json["error"]["message"]) == (code, True), done.json
    assert done.json["error"]["remedy"]


def test_an_interrupted_sweep_says_what_is_kept(tmp_path: Path, folder: Path) -> None:
    kept = tmp_path / "runs.jsonl"
    values = ",".join(f"{0.12 + 0.0005 * number:.4f}" for number in range(200))
    words = ("--sweep", f"take_profit_max={values}", "--workers", "1", "--resume", str(kept))
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "simulate", "--data", str(folder), *words],
        env={**os.environ, "VOLGAMMA_DATA_DIR": str(tmp_path / "data")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not (kept.exists() and kept.read_text().count("\n") >= 2) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, said
    count = len(kept.read_text().splitlines())
    assert 2 <= count < 200
    assert f"{count} finished runs are kept in {kept}; the same command goes on from there" in said
    assert "Traceback" not in said


def test_values_of_a_sweep() -> None:
    bands = 'rebalance_bands=[{"move":0.02,"fraction":0.5}],[{"move":0.04,"fraction":1}]'
    assert parsed(["a=1,2.5,2.5", "b=x, y", bands, "c=true"]) == {
        "a": [1, 2.5],
        "b": ["x", "y"],
        "rebalance_bands": [[{"move": 0.02, "fraction": 0.5}], [{"move": 0.04, "fraction": 1}]],
        "c": [True],
    }


def figures(returns: Any, net: str = "1") -> dict[str, Any]:
    deviation = float(np.std(returns, ddof=1))
    sharpe = None if deviation == 0 else float(np.mean(returns)) / deviation * 365**0.5
    return {"net": net, "cycles": 9, "sharpe": sharpe, "daily_returns": list(returns)}


def test_the_best_of_many_without_an_edge_is_what_chance_gives() -> None:
    """Fifty series of noise: the best looks good by itself, and is found out as the best of fifty."""
    random = np.random.default_rng(1)
    noise = [figures(random.standard_normal(700) * 0.01) for _ in range(50)]
    place = max(range(50), key=lambda number: noise[number]["sharpe"])
    combinations = [{"k": number} for number in range(50)]
    alone = judged(Trials({0: noise[place]}, {}, 0), 0, combinations)
    many = judged(Trials(dict(enumerate(noise)), {}, 0), place, combinations)
    assert alone["more_than_chance"] and not many["more_than_chance"]
    assert "is what chance gives" in verdict(many)
    edge = [*noise[:-1], figures(random.standard_normal(700) * 0.01 + 0.003)]
    found = judged(Trials(dict(enumerate(edge)), {}, 0), 49, combinations)
    assert found["more_than_chance"] and "nothing about prices to come" in verdict(found)
    idle = judged(Trials({0: figures([0.0] * 700, "0"), 1: noise[0]}, {}, 0), 0, combinations)
    assert idle["deflated_sharpe"] is None and "not to trade was best" in verdict(idle)


def test_a_limit_without_effect_is_named() -> None:
    combinations = [{"a": a, "b": b} for a in (1, 2) for b in (1, 2)]
    one, two = figures([0.1, 0.2]), figures([0.1, 0.3])
    assert without_effect(Trials({0: one, 1: one, 2: two, 3: two}, {}, 0), combinations, ["a", "b"]) == ["b"]
    assert without_effect(Trials({0: one, 1: one, 2: two, 3: one}, {}, 0), combinations, ["a", "b"]) == []
