"""What a cluster consists of: a database, one paper exchange, and workers as processes that come and go."""

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from db.database import open_database
from db.traders_repository import TradersRepository
from traders.volatility_gamma.profile import DESCRIPTOR

ROOT = Path(__file__).parents[2]
_DECISION = re.compile(r"\d+-[A-Z]+-\d{8}T\d{6}Z: ")
SYMBOLS = ("SOL/USDT:USDT", "AVAX/USDT:USDT")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install_traders(folder: Path, count: int) -> Path:
    """A distribution with `count` traders beside the product's own, to be put on the path."""
    place = folder / "plugins"
    info = place / "cluster_traders-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cluster-traders\nVersion: 1.0\n")
    lines = [f"Restless{number} = tests.cluster.traders:Restless{number}" for number in range(1, count + 1)]
    (info / "entry_points.txt").write_text("\n".join(["[volgamma.traders]", *lines, ""]))
    return place


def enrol(url: str, count: int) -> None:
    """Migrate, and let the traders decide, under limits of their own."""
    from db.seed import seed_limits

    database = open_database(url)
    database.migrate()
    repository = TradersRepository(database)
    for number in range(1, count + 1):
        repository.enrol(number, f"Restless {number}", seed_limits(), "cluster", "for the cluster", 1)
        repository.switch(number, True, "cluster", "for the cluster", 2)
    assert repository.enabled()[DESCRIPTOR.trader_id]
    database.close()


@dataclass
class Worker:
    """A process that is started again under a new name after it was killed."""

    slot: int
    process: asyncio.subprocess.Process | None = None
    lives: int = 0
    said: list[str] = field(default_factory=list)
    reader: asyncio.Task[None] | None = None

    @property
    def decided(self) -> list[str]:
        """Decisions that it said to have brought to their end."""
        return [line.partition(":")[0] for line in self.said if _DECISION.match(line) and "taken before" not in line]


@dataclass
class House:
    """Everything that runs. `words`: the options of every worker."""

    folder: Path
    url: str
    traders: int
    words: tuple[str, ...]
    workers: list[Worker]
    port: int = field(default_factory=free_port)
    exchange: asyncio.subprocess.Process | None = None

    @property
    def environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("VOLGAMMA_", "OPENAI_"))}
        clean.pop("PYTHONDONTWRITEBYTECODE", None)
        return clean | {
            "VOLGAMMA_DATA_DIR": str(self.folder / "data"),
            "VOLGAMMA_PAPER_URL": f"http://127.0.0.1:{self.port}",
            "PYTHONPATH": f"{self.folder / 'plugins'}{os.pathsep}{ROOT}",
            "PYTHONUNBUFFERED": "1",
        }

    async def open(self) -> None:
        """The exchange, listening; the traders enrolled."""
        shutil.rmtree(self.folder / "plugins", ignore_errors=True)
        install_traders(self.folder, self.traders)
        await asyncio.to_thread(enrol, self.url, self.traders)
        log = (self.folder / "exchange.log").open("wb")
        self.exchange = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "orchestrator", "exchange", "serve", "--port", str(self.port)),
            env=self.environment,
            stdout=log,
            stderr=log,
        )
        for _ in range(150):
            try:
                await self.state()
                return
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)
        raise RuntimeError((self.folder / "exchange.log").read_text())

    async def begin(self, worker: Worker) -> None:
        """Start a worker, or start it again."""
        worker.lives += 1
        name = f"w{worker.slot}.{worker.lives}"
        worker.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "orchestrator", "worker", "--database-url", self.url, "--name", name, *self.words),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        worker.reader = asyncio.create_task(self._read(worker, name))

    async def _read(self, worker: Worker, name: str) -> None:
        assert worker.process is not None
        assert worker.process.stdout is not None
        with (self.folder / "workers.log").open("a") as log:
            async for line in worker.process.stdout:
                text = line.decode(errors="replace").rstrip()
                worker.said.append(text)
                print(f"{name}: {text}", file=log, flush=True)

    async def kill(self, worker: Worker) -> None:
        """SIGKILL: nothing of it gets to say good-bye."""
        assert worker.process is not None
        if worker.process.returncode is None:
            worker.process.send_signal(signal.SIGKILL)
        await worker.process.wait()

    async def leave(self, worker: Worker) -> int:
        """SIGTERM, and wait."""
        assert worker.process is not None
        if worker.process.returncode is None:
            worker.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(worker.process.wait(), 90)
        assert worker.reader is not None
        await worker.reader
        return code

    async def state(self) -> Any:
        """The exchange as it is."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/_control/state") as answer,
        ):
            return await answer.json()

    async def move(self, symbol: str, factor: float) -> None:
        """The price jumps."""
        mark = float((await self.state())["market"][symbol]["mark"])
        document = {"symbol": symbol, "price": round(mark * factor, 2)}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{self.port}/_control/price", json=document) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def close(self) -> None:
        """End whatever still runs."""
        for worker in self.workers:
            if worker.process is not None and worker.process.returncode is None:
                worker.process.kill()
                await worker.process.wait()
            if worker.reader is not None:
                await worker.reader
        if self.exchange is not None:
            self.exchange.terminate()
            await self.exchange.wait()

    def said(self) -> list[str]:
        """Every line of every worker."""
        return [line for worker in self.workers for line in worker.said]
