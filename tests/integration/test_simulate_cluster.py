"""The same work on a Dask cluster: two worker processes, one of them killed, and what is said when there is none."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import HostError
from orchestrator.simulation.submit import Result, submit
from tests.ports import free_port
from tests.simulated_market import write_market
from tests.store_cli import Volgamma
from tests.submitted_work import calls, doubled, failing, killing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler and two workers, as a user starts them."""
    folder, port = tmp_path_factory.mktemp("dask"), free_port()
    address = f"tcp://127.0.0.1:{port}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
    here = [sys.executable, "-m", "dask", "scheduler"]
    options = ["--host", "127.0.0.1", "--no-dashboard"]
    log = (folder / "log").open("w")
    running = [subprocess.Popen([*here, *options, "--port", str(port)], env=environment, stdout=log, stderr=log)]
    worker = [sys.executable, "-m", "dask", "worker", address, "--nthreads", "1", "--no-dashboard"]
    for name in ("one", "two"):
        local = ["--name", name, "--local-directory", str(folder), "--death-timeout", "300"]
        running.append(subprocess.Popen([*worker, *local], env=environment, stdout=log, stderr=log, cwd=folder))
    try:
        _wait_for_two(address)
        yield address
    finally:
        for one in reversed(running):
            one.terminate()
        for one in running:
            one.wait(60)
        log.close()


def _wait_for_two(address: str) -> None:
    from distributed import Client

    with Client(address, timeout=120, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=300)


def values(results: list[Result]) -> dict[int, object]:
    return {one.item["number"]: one.value and one.value["twice"] for one in results}


def test_both_workers_do_every_item_once(scheduler: str) -> None:
    results = list(submit([{"number": n} for n in (*range(20), 3)], doubled, scheduler=scheduler))
    assert values(results) == {n: 2 * n for n in range(20)} and len(results) == 20
    workers = {one.value["pid"] for one in results}
    assert len(workers) == 2 and os.getpid() not in workers


def test_a_failed_item_is_tried_twice_and_loses_nothing_else(scheduler: str, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    results = list(submit([{"number": n, "seen": str(seen)} for n in (2, 3, 4, 11, 6)], failing, scheduler=scheduler))
    assert values(results) == {2: 4, 3: None, 4: 8, 11: 22, 6: 12}
    assert [one.error for one in results if one.value is None] == ["ValueError: 3 is odd"]
    assert Counter(calls(seen))[3] == 2


def test_a_killed_worker_loses_nothing(scheduler: str, tmp_path: Path) -> None:
    seen, done = tmp_path / "seen", tmp_path / "done.jsonl"
    items = [{"number": n, "seen": str(seen), "killer": "first" if n == 2 else None} for n in range(8)]
    results = list(submit(items, killing, scheduler=scheduler, done_file=done))
    assert values(results) == {n: 2 * n for n in range(8)}
    assert calls(seen).count(2) == 2
    again = list(submit(items, killing, scheduler=scheduler, done_file=done))
    assert all(one.kept for one in again) and calls(seen).count(2) == 2


def test_a_sweep_over_the_cluster_is_the_sweep_here(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volgamma = Volgamma(tmp_path, monkeypatch)
    (tmp_path / "history").mkdir()
    folder = write_market(tmp_path / "history", days=200)
    words = ("simulate", "--data", str(folder), "--sweep", "trades_per_day_max=2,6", "--json")
    there, here = volgamma(*words, "--scheduler", scheduler), volgamma(*words, "--workers", "1")
    assert there.code == here.code == 0, there.out
    assert there.json["rows"] == here.json["rows"] and len(here.json["rows"]) == 2


def test_no_scheduler_is_said_with_the_remedy() -> None:
    began = time.monotonic()
    with pytest.raises(HostError, match="no Dask scheduler") as found:
        list(submit([{"number": 1}], doubled, scheduler=f"tcp://127.0.0.1:{free_port()}"))
    assert "dask worker" in found.value.remedy and time.monotonic() - began < 90
