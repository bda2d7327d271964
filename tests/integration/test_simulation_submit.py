"""Work spread over processes: results, failures, killed workers, and going on where a run was ended."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import HostError
from orchestrator.simulation.submit import Result, submit
from tests.submitted_work import calls, doubled, failing, killing


def values(results: list[Result]) -> dict[int, Any]:
    return {one.item["number"]: one.value and one.value["twice"] for one in results}


def test_two_workers_do_every_item_once() -> None:
    results = list(submit([{"number": n} for n in (*range(8), 3)], doubled, workers=2))
    assert values(results) == {n: 2 * n for n in range(8)}
    assert len(results) == 8, "equal items are one"
    assert os.getpid() not in {one.value["pid"] for one in results}


def test_one_worker_is_this_process() -> None:
    results = list(submit([{"number": n} for n in range(3)], doubled, workers=1))
    assert [one.value for one in results] == [{"twice": 2 * n, "pid": os.getpid()} for n in range(3)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_item_is_tried_twice_and_loses_nothing_else(tmp_path: Path, workers: int) -> None:
    seen = tmp_path / "seen"
    items = [{"number": n, "seen": str(seen)} for n in (2, 3, 4, 11, 6)]
    results = list(submit(items, failing, workers=workers))
    assert values(results) == {2: 4, 3: None, 4: 8, 11: 22, 6: 12}
    assert [one.error for one in results if one.value is None] == ["ValueError: 3 is odd"]
    assert Counter(calls(seen)) == {2: 1, 3: 2, 4: 1, 11: 2, 6: 1}


@pytest.mark.parametrize("killer", ["first", "always"])
def test_a_killed_worker_loses_at_most_its_item(tmp_path: Path, killer: str) -> None:
    seen = tmp_path / "seen"
    items = [{"number": n, "seen": str(seen), "killer": killer if n == 2 else None} for n in range(6)]
    results = list(submit(items, killing, workers=2))
    expected = {n: 2 * n for n in range(6)}
    assert values(results) == (expected if killer == "first" else {**expected, 2: None})
    errors = [one.error for one in results if one.error is not None]
    assert len(errors) == (killer == "always") and all("killed" in str(error) for error in errors)
    assert calls(seen).count(2) == 2


def test_a_second_run_computes_only_what_is_missing(tmp_path: Path) -> None:
    seen, done = tmp_path / "seen", tmp_path / "deeper" / "done.jsonl"
    items = [{"number": n, "seen": str(seen)} for n in range(6)]
    begun = submit(items, doubled, workers=1, done_file=done)
    first = [next(begun) for _ in range(3)]
    begun.close()
    whole = done.read_text()
    done.write_text(whole + whole.splitlines()[0][:20])  # a fourth line was being written when it was killed
    second = list(submit(items, doubled, workers=2, done_file=done))
    assert values(second) == {n: 2 * n for n in range(6)}
    assert sorted(one.item["number"] for one in second if one.kept) == sorted(one.item["number"] for one in first)
    assert sorted(calls(seen)) == list(range(6))
    assert all(one.kept for one in submit(items, doubled, workers=2, done_file=done))
    assert sorted(calls(seen)) == list(range(6))


def test_failures_are_not_kept(tmp_path: Path) -> None:
    items = [{"number": 3, "seen": str(tmp_path / "seen")}]
    for _ in range(2):
        (only,) = submit(items, failing, workers=1, done_file=tmp_path / "done.jsonl")
        assert only.error is not None and not only.kept


def test_another_file_is_not_written_over(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("my notes\nof two lines\n")
    with pytest.raises(HostError, match=r"notes\.txt holds no finished results"):
        list(submit([{"number": 1}], doubled, workers=1, done_file=other))
    with pytest.raises(HostError, match="cannot be read"):
        list(submit([{"number": 1}], doubled, workers=1, done_file=tmp_path))
    assert other.read_text() == "my notes\nof two lines\n"


def test_nothing_is_drawn_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(list(submit([{"number": 1}], doubled, workers=1, progress="runs"))) == 1
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert len(list(submit([{"number": n} for n in range(2)], doubled, workers=1, progress="runs"))) == 2
    out, err = capsys.readouterr()
    assert out == "" and "runs" in err and "2/2" in err
