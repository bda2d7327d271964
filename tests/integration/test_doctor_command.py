"""`volgamma doctor`: what was not checked against the venue is said, in text and in JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCTOR = [sys.executable, "-c", "from orchestrator.cli.app import main; main()", "doctor"]
CHECKED = ("paper", "binanceusdm", "bybit")
UNVERIFIED = ("okx", "bitget")


def doctor(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VOLGAMMA_", "OPENAI_"))}
    environment |= {"VOLGAMMA_DATA_DIR": str(folder), "NO_COLOR": "1"}
    return subprocess.run(
        [*DOCTOR, *words], capture_output=True, text=True, env=environment, cwd=folder.parent, timeout=300
    )


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    done = doctor(tmp_path_factory.mktemp("home") / "data", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "volgamma.doctor/1"
    found: list[dict[str, Any]] = document["findings"]
    return found


def test_okx_and_bitget_are_named_as_unverified_and_no_other(findings: list[dict[str, Any]]) -> None:
    warned = [row for row in findings if row["check"] == "venues" and row["status"] == "warn"]
    assert [row["detail"] for row in warned] == ["okx and bitget are unverified against the venue"]
    assert warned[0]["remedy"] == "see docs/venues.md; start with --dry-run"
    fine = " ".join(row["detail"] for row in findings if row["check"] == "venues" and row["status"] == "ok")
    assert all(venue in fine for venue in CHECKED)
    assert not any(venue in fine for venue in UNVERIFIED)


def test_the_table_the_remedy_names_says_the_same() -> None:
    text = (Path(__file__).parents[2] / "docs" / "venues.md").read_text()
    reads = text[text.index("## Reading") : text.index("## Sending orders")]
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in reads.splitlines() if "|" in line
    ]
    assert len(rows) >= 10
    cells = {venue: [row[place] for row in rows] for place, venue in enumerate(head) if place}
    unverified = {venue for venue, column in cells.items() if not any("recorded" in cell for cell in column)}
    assert unverified == set(UNVERIFIED)
    assert "**unverified against the venue**" in text


def test_a_person_reads_the_warning_too(tmp_path: Path) -> None:
    done = doctor(tmp_path / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    place = lines.index("warn venues       okx and bitget are unverified against the venue")
    assert lines[place + 1].strip() == "remedy: see docs/venues.md; start with --dry-run"


def test_execution_is_said_to_be_verified_or_not(findings: list[dict[str, Any]]) -> None:
    ok, warned = (row for row in findings if row["check"] == "execution")
    assert (ok["status"], ok["detail"]) == (
        "ok",
        "verified against recorded answers: paper, binanceusdm; no order was ever sent to a venue",
    )
    assert warned["status"] == "warn"
    assert warned["detail"] == (
        "unverified against the venue: bybit (partly recorded), okx (captured), bitget (captured)"
    )
    assert "least size" in warned["remedy"]


def test_a_fresh_set_up_fails_in_nothing(findings: list[dict[str, Any]]) -> None:
    assert [row for row in findings if row["status"] == "fail"] == []
    assert {"python", "database", "constraints", "kill switch", "model", "fetchers", "live"} <= {
        row["check"] for row in findings
    }


def test_a_data_folder_that_cannot_be_written_is_a_failure_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    done = doctor(tmp_path / "data", "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    broken = {row["check"]: row["remedy"] for row in json.loads(done.stdout)["findings"] if row["status"] == "fail"}
    assert broken["data folder"] == "set VOLGAMMA_DATA_DIR to a folder you may write"


def test_which_traders_may_decide(findings: list[dict[str, Any]]) -> None:
    told = [(row["status"], row["detail"]) for row in findings if row["check"] == "traders"]
    assert told == [("ok", "#11 VolatilityGamma enabled, #90 ExampleTrend disabled")]
