"""`volgamma ledger` as a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

from db.ledger_repository import LedgerRepository, LedgerRow
from orchestrator.ledger.csv_file import read_csv
from orchestrator.settings import load
from orchestrator.storage import opened

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "worked_example.csv"


def run(*words: str, data_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VOLGAMMA_DATA_DIR": str(data_dir)} if data_dir is not None else None
    command = [sys.executable, "-m", "orchestrator", "ledger", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment)


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


def test_the_journal_is_read_from_the_database(tmp_path: Path) -> None:
    settings = load({"VOLGAMMA_DATA_DIR": str(tmp_path)})
    fills = read_csv(EXAMPLE.read_text(), "example")
    with opened(settings) as database:
        LedgerRepository(database).add(
            LedgerRow(
                exchange="paper",
                kind=row.kind,
                venue_id=row.row_id,
                time=row.time,
                symbol=row.symbol,
                amount=row.amount,
                position_side=row.position_side,
                side=row.side,
                price=row.price,
                quantity=row.quantity,
            )
            for row in fills
        )
    done = run("--journal", "--json", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert f"{float(report['net']):.2f}" == "-200.01"
    assert report["cycles"][0]["account"] == "paper"
    empty = run("--journal", data_dir=tmp_path / "new")
    assert (empty.returncode, empty.stdout.strip()) == (0, "no fills")
