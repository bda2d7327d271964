"""`volgamma ledger` as a process."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "worked_example.csv"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", "ledger", *words], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_json_of_the_worked_example() -> None:
    done = run(str(EXAMPLE), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["schema"] == "volgamma.ledger/1"
    rounded = {key: f"{float(report[key]):.2f}" for key in ("gross", "fees", "funding", "net")}
    assert rounded == {"gross": "-50.81", "fees": "149.19", "funding": "0.00", "net": "-200.01"}
    assert len(report["cycles"]) == 1


def test_the_table_fits_a_terminal() -> None:
    done = run(str(EXAMPLE), "--bands", "0.02:losing:0.5,0.04:both:1")
    assert done.returncode == 0
    assert "-200.01" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_a_bad_row_is_one_clear_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(EXAMPLE.read_text().replace("fill", "trade"))
    done = run(str(bad), "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "ledger_bad_row"
    assert "bad.csv, line 2, column kind: 'trade'" in error["message"]
    assert error["remedy"] == "write fill or funding"


def test_wrong_usage() -> None:
    assert run().returncode == 2
    assert run(str(EXAMPLE), "--bands", "0.02").returncode == 2
    assert run("nowhere.csv").returncode == 1
