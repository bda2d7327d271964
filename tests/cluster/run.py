"""A cluster under fire: workers are killed and started again, the database is restarted, and all is counted after."""

import asyncio
import itertools
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from data_fetchers.symbols import compact
from db.database import open_database
from orchestrator.decision_id import decision_id
from orchestrator.worker.durable import SCHEMA
from tests.cluster.audit import Findings, audit, queued
from tests.cluster.house import SYMBOLS, House, Worker
from tests.postgres import Server

MOVES = (("SOLUSDT", 1.025), ("AVAXUSDT", 0.975), ("SOLUSDT", 1.02), ("AVAXUSDT", 1.03), ("SOLUSDT", 0.96))


@dataclass(frozen=True)
class Trial:
    """Seconds, and how many."""

    seconds: float
    workers: int = 3
    traders: int = 10
    every: int = 40
    kill_every: float = 6.0
    #: A price jumps by 2.5 %: bands are hit, brackets fire, whoever keeps the pair has to act.
    move_every: float = 11.0
    restarts: int = 1
    #: At most so long until, left in peace, the dead are noticed and everything due until then was taken.
    patience: float = 180.0


async def trial(folder: Path, server: Server, plan: Trial) -> Findings:
    """Run it; what was found. `server` runs and is running again at the end."""
    url = await asyncio.to_thread(server.database, "cluster")
    words = ("--policy", "rules", "--every", f"{plan.every}s", "--jitter", "2s", "--late", "10m")
    house = House(folder, url, plan.traders, words, [Worker(slot) for slot in range(plan.workers)])
    watch = Watch(house)
    kills = 0
    try:
        await house.open()
        for worker in house.workers:
            await house.begin(worker)
        await _at_work(house)
        watcher = asyncio.create_task(watch.look())
        first = int((await house.state())["now"])
        began = time.monotonic()
        restarts = [began + plan.seconds * (n + 1) / (plan.restarts + 1) for n in range(plan.restarts)]
        victims = itertools.cycle(house.workers)
        next_kill = began + plan.kill_every
        next_move, moves = began + plan.move_every, itertools.cycle(MOVES)
        while (now := time.monotonic()) < began + plan.seconds:
            if restarts and now >= restarts[0]:
                restarts.pop(0)
                await asyncio.to_thread(server.stop, "immediate")
                await asyncio.sleep(2)
                await asyncio.to_thread(server.start)
            if now >= next_kill:
                victim = next(victims)
                await house.kill(victim)
                kills += 1
                await asyncio.sleep(1)
                await house.begin(victim)
                next_kill = time.monotonic() + plan.kill_every
            await _supervise(house)
            if now >= next_move:
                await house.move(*next(moves))
                next_move = now + plan.move_every
            await asyncio.sleep(0.2)
        last = int((await house.state())["now"])
        expected = due_between(first, last, plan)
        await _supervise(house)
        calm = await _calm(url, expected, plan.patience)
        codes = [await house.leave(worker) for worker in house.workers]
        watcher.cancel()
        state = await house.state()
        database = open_database(url)
        try:
            found = audit(database, SCHEMA, state, expected)
        finally:
            database.close()
        found.expect(codes == [0] * plan.workers, f"workers ended with {codes}")
        found.expect(not any("Traceback" in line for line in house.said()), "a worker printed a traceback")
    finally:
        await house.close()
    found.figures["until all was caught up with, in peace"] = f"{calm:.0f} s"
    said = house.said()
    counted = Counter(line.split(":")[1].split(",")[0].strip() for line in said if ": taken over, token" in line)
    tokens = [int(line.rpartition(" ")[2]) for line in said if ": taken over, token" in line]
    found.figures["workers killed, database restarts"] = f"{kills}, {plan.restarts}"
    found.figures["pairs taken over, highest token"] = f"{sum(counted.values())}, {max(tokens, default=0)}"
    resumed = [re.search(r"dead: (\d+) decision", line) for line in said]
    found.figures["decisions of dead workers resumed"] = str(sum(int(match[1]) for match in resumed if match))
    found.figures["longest time a leg stood alone"] = f"{watch.longest:.1f} s"
    return found


async def _calm(url: str, expected: set[str], patience: float) -> float:
    """Wait until every expected tick is done with, and then a little for the pairs; the seconds it took."""
    began = time.monotonic()
    database = open_database(url)
    try:
        for _ in range(int(patience)):
            if not set(queued(database, SCHEMA, done=False)) & expected:
                break
            await asyncio.sleep(1)
    finally:
        database.close()
    took = time.monotonic() - began
    await asyncio.sleep(max(0.0, 20.0 - took))
    return took


def due_between(first: int, last: int, plan: Trial) -> set[str]:
    """Ids of all ticks due after `first` and well before `last`, exchange time."""
    every = plan.every * 1000
    dues = range(first - first % every + every, last - every + 1, every)
    traders = [*range(1, plan.traders + 1), 11]
    return {decision_id(trader, symbol, due) for due in dues for trader in traders for symbol in SYMBOLS}


async def _supervise(house: House) -> None:
    """A worker that could not begin, because the database was away just then, is started again."""
    for worker in house.workers:
        if worker.process is not None and worker.process.returncode is not None:
            await house.begin(worker)


async def _at_work(house: House) -> None:
    """Wait for the first decision."""
    for _ in range(600):
        if any(f"-{compact(SYMBOLS[0])}-" in line for line in house.said()):
            return
        for worker in house.workers:
            assert worker.process is not None
            assert worker.process.returncode is None, worker.said
        await asyncio.sleep(0.1)
    raise RuntimeError(f"no decision in a minute: {house.said()[-20:]}")


class Watch:
    """How long a leg stood alone at the exchange, as seen about three times a second."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._since: dict[str, float] = {}
        self.longest = 0.0

    async def look(self) -> None:
        while True:
            sides: Counter[str] = Counter(row["symbol"] for row in (await self._house.state())["positions"])
            now = time.monotonic()
            alone = {symbol for symbol, count in sides.items() if count == 1}
            for symbol in alone:
                self.longest = max(self.longest, now - self._since.setdefault(symbol, now))
            for symbol in set(self._since) - alone:
                del self._since[symbol]
            await asyncio.sleep(0.3)
