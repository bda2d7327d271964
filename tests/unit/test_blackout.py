"""The calendar of times without entries: what is in it holds to the millisecond, and damage closes, never opens."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator import blackout
from orchestrator.errors import HostError

FOMC = int(datetime(2026, 12, 10, 18, 45, tzinfo=UTC).timestamp() * 1000)
OVER = int(datetime(2026, 12, 10, 19, 30, tzinfo=UTC).timestamp() * 1000)
GOOD = """\
# mine
start,end,reason
2026-12-24,2026-12-27,"holidays, thin books"

2026-12-10 18:45,2026-12-10T20:30+01:00,FOMC
2027-01-01T00:00:00Z,2027-01-01T01:00:00Z,
"""


def test_times_are_utc_unless_they_say_otherwise() -> None:
    first, second, third = blackout.parse(GOOD)
    assert (first.start, first.end, first.reason) == (FOMC, OVER, "FOMC")
    assert second.reason == "holidays, thin books"
    assert third.reason == "no reason given"


def test_it_runs_from_its_start_until_before_its_end(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(GOOD)
    said = {at: blackout.running(tmp_path, at) for at in (FOMC - 1, FOMC, OVER - 1, OVER)}
    assert said == {FOMC - 1: None, FOMC: "FOMC", OVER - 1: "FOMC", OVER: None}


def test_no_calendar_is_no_blackout(tmp_path: Path) -> None:
    assert blackout.running(tmp_path, FOMC) is None
    (tmp_path / "events.csv").write_text("")
    assert blackout.running(tmp_path, FOMC) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-12-10 18:45,2026-12-10 19:30,FOMC\n", "line 1: the header is"),
        ("start,end,reason\n2026-12-10 18:45,FOMC\n", "line 2: 2 columns instead of 3"),
        ("start,end,reason\n\n10.12.2026 18:45,2026-12-10 19:30,FOMC\n", "line 3: '10.12.2026 18:45' is no time"),
        (
            "start,end,reason\n2026-12-10 18:45,2026-12-10 18:45,FOMC\n",
            "line 2: it ends at 2026-12-10 18:45, not after",
        ),
        ('start,end,reason\n2026-12-10 18:45,2026-12-10 19:30,"FOMC\n', "line 2: unexpected end of data"),
    ],
)
def test_a_calendar_that_cannot_be_read_refuses_every_entry(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "events.csv").write_text(text)
    with pytest.raises(HostError) as caught:
        blackout.read(tmp_path / "events.csv")
    assert said in caught.value.message
    assert "start,end,reason" in caught.value.remedy
    assert said in str(blackout.running(tmp_path, 1))


def test_what_is_no_file_or_no_text_refuses_too(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_bytes(b"start,end,reason\n\xff\xfe")
    assert "cannot be read" in str(blackout.running(tmp_path, 1))
    (tmp_path / "events.csv").unlink()
    (tmp_path / "events.csv").mkdir()
    assert "cannot be read" in str(blackout.running(tmp_path, 1))
