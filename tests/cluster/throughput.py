"""`make throughput`: decisions a minute with 1, 2 and 4 workers, and what the durable queue costs a decision."""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from db.database import Database, open_database
from db.models import DecisionRow
from orchestrator.worker.durable import Durable
from tests import postgres
from tests.cluster.house import House, Worker

TRADERS = 10


async def decisions_a_minute(folder: Path, url: str, workers: int, seconds: float) -> float:
    """Every trader decides on both symbols each second, more than can be done: what is done in `seconds`."""
    words = ("--policy", "rules", "--every", "1s", "--jitter", "0", "--late", "10m")
    house = House(folder, url, TRADERS, words, [Worker(slot) for slot in range(workers)])
    try:
        await house.open()
        for worker in house.workers:
            await house.begin(worker)
        for _ in range(600):
            if all(worker.decided for worker in house.workers):
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(3)  # each has fetched every series once
        database = open_database(url)
        before, began = finished(database), time.monotonic()
        await asyncio.sleep(seconds)
        done, took = finished(database) - before, time.monotonic() - began
        database.close()
        return 60 * done / took
    finally:
        await house.close()


def finished(database: Database) -> int:
    """Decisions that came to their end."""
    with database.read() as connection:
        query = select(func.count()).select_from(DecisionRow).where(DecisionRow.status == "finished")
        return int(connection.execute(query).scalar_one())


async def cost_of_durability(url: str, ticks: int = 200) -> tuple[float, float]:
    """(processor, wall) ms a tick whose work is nothing: enqueued, taken, checkpointed, ended, eight at once."""
    done = 0

    async def nothing(_: Mapping[str, Any]) -> str:
        nonlocal done
        done += 1
        return "done"

    database = open_database(url)
    durable = Durable(database.url, "measure", 8, poll_s=0.02)
    await durable.start(nothing)
    try:
        await asyncio.sleep(1)
        began, used = time.monotonic(), time.process_time()
        for number in range(ticks):
            await durable.enqueue(f"measure-{number}", f"partition-{number}", {"number": number})
        while done < ticks:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return 1000 * (time.process_time() - used) / ticks, 1000 * (time.monotonic() - began) / ticks
    finally:
        await durable.stop(5)
        database.close()


def main() -> None:
    """A table; PostgreSQL is left out where it is not installed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    chosen = options.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load {load} before")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        folder = Path(made)
        measure(folder / "sqlite", "SQLite", lambda name: f"sqlite:///{folder / name}.sqlite", chosen)
        if postgres.programs() is None:
            print("PostgreSQL is not installed")
            return
        (folder / "postgres").mkdir()
        with postgres.server(folder / "postgres") as server:
            measure(folder / "pg", "PostgreSQL", server.database, chosen)


def measure(folder: Path, title: str, make: Any, chosen: argparse.Namespace) -> None:
    """One database."""
    for workers in chosen.workers:
        url, place = make(f"throughput{workers}"), folder / str(workers)
        place.mkdir(parents=True)
        rate = asyncio.run(decisions_a_minute(place, url, workers, chosen.seconds))
        print(f"{title:<12} {workers} worker(s)  {rate:7.0f} decisions a minute", flush=True)
    used, took = asyncio.run(cost_of_durability(make("cost")))
    print(f"{title:<12} durability     {used:7.1f} ms of processor a decision, {took:.1f} ms of wall time", flush=True)


if __name__ == "__main__":
    main()
