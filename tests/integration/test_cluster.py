"""A short trial by fire of the cluster on PostgreSQL, and workers on one SQLite file. The long one: `make cluster`."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.database import open_database
from db.journal_repository import JournalRepository
from db.pairs_repository import PairsRepository
from tests import postgres
from tests.cluster.house import House, Worker
from tests.cluster.run import Trial, trial


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    if postgres.programs() is None or (why := postgres.missing()) is not None:
        pytest.skip(why if postgres.programs() else "PostgreSQL is not installed (initdb, pg_ctl)")
    # not below pytest's own folder: another session makes that private again, and the server runs as another user
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, postgres.server(Path(folder)) as running:
        yield running


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_killed_workers_and_a_restarted_database(server: postgres.Server, tmp_path: Path) -> None:
    found = await trial(tmp_path, server, Trial(seconds=40, workers=3, traders=4, every=15, kill_every=9, restarts=1))
    assert found.wrong == [], found
    assert not found.figures["ticks expected, each exactly once"].startswith("0"), found


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_two_workers_on_one_sqlite_file_take_each_tick_once(tmp_path: Path) -> None:
    """One is killed; the other takes its pairs over and brings its decisions to their end."""
    url = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    words = ("--policy", "rules", "--every", "5s", "--jitter", "0", "--late", "10m")
    house = House(tmp_path, url, 0, words, [Worker(0), Worker(1)])
    try:
        await house.open()
        for worker in house.workers:
            await house.begin(worker)
        first, second = house.workers
        await until(lambda: sum(len(worker.decided) for worker in house.workers) >= 4, house)
        await house.kill(first)
        seen = len(second.said)
        await until(lambda: any("taken over" in line or "is dead" in line for line in second.said[seen:]), house)
        done = len(second.decided)
        await until(lambda: len(second.decided) >= done + 2, house)
        assert await house.leave(second) == 0, second.said[-5:]
        state = await house.state()
    finally:
        await house.close()
    names = Counter(name for worker in house.workers for name in worker.decided)
    assert set(names.values()) == {1}, "each once, whoever took it"
    assert " 0 failed" in second.said[-1]
    database = open_database(url)
    try:
        entries = JournalRepository(database).entries(limit=None)
        assert {entry.status for entry in entries} <= {"finished", "skipped", "started"}
        assert sum(entry.status == "started" for entry in entries) <= 2, "at most what was under way at the end"
        held = {(row["symbol"], row["positionSide"]): row["quantity"] for row in state["positions"]}
        assert len(held) == 2 * len(PairsRepository(database).open_pairs())
    finally:
        database.close()


async def until(done: object, house: House, patience_s: float = 75) -> None:
    """Wait for something that workers say."""
    assert callable(done)
    for _ in range(int(patience_s * 10)):
        if done():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"it did not come to that: {house.said()[-30:]}")
