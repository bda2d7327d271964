"""A whole house for end-to-end tests: a frozen exchange, a fresh database, and a client that is not ours."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.async_support as ccxt

from orchestrator.decide_report import DecideReport
from orchestrator.desk import Store, open_store
from orchestrator.host import Ask, decide_once
from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start
from orchestrator.settings import Settings, load

SOL, AVAX = "SOL/USDT:USDT", "AVAX/USDT:USDT"
ORDER = {"method": "POST", "path": "/fapi/v1/order"}
ALGO = {"method": "POST", "path": "/fapi/v1/algoOrder"}
ROOT = Path(__file__).parents[2]


@dataclass
class House:
    """The exchange with its control side, and the settings of one data folder pointed at it."""

    running: RunningExchange
    session: aiohttp.ClientSession
    folder: Path
    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        return load(self.environment)

    async def decide(self, symbol: str = "SOL", policy: Any = "rules", **how: Any) -> DecideReport:
        return await decide_once(self.settings, Ask(symbol=symbol, exchange="paper", policy=policy, **how))

    async def control(self, path: str, document: Any) -> Any:
        async with self.session.post(f"{self.running.url}/_control/{path}", json=document) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def faults(self, *faults: dict[str, Any]) -> None:
        await self.control("faults", list(faults))

    async def state(self) -> Any:
        async with self.session.get(f"{self.running.url}/_control/state") as answer:
            return await answer.json()

    async def rest_of_the_world_restarts(self) -> None:
        """The exchange dies and comes back at the same address with its state."""
        config = ExchangeConfig(frozen=True, port=self.running.port, state_file=self.folder / "exchange.json")
        await self.running.stop()
        self.running = await start(config)

    def store(self) -> Any:
        return open_store(self.settings)


@asynccontextmanager
async def house(folder: Path, **environment: str) -> AsyncIterator[House]:
    """A market that stands still, its state kept in `folder`, and an empty data folder."""
    running = await start(ExchangeConfig(frozen=True, state_file=folder / "exchange.json"))
    settings = {"VOLGAMMA_DATA_DIR": str(folder / "data"), "VOLGAMMA_PAPER_URL": running.url, **environment}
    async with aiohttp.ClientSession() as session:
        it = House(running, session, folder, settings)
        try:
            yield it
        finally:
            await it.running.stop()


@asynccontextmanager
async def stranger(url: str) -> AsyncIterator[Any]:
    """A ccxt client that shares no code with ours: anybody's view of the account."""
    client = ccxt.binanceusdm({"apiKey": "key", "secret": "secret", "options": {"fetchCurrencies": False}})
    for name, address in list(client.urls["api"].items()):
        if isinstance(address, str) and "/fapi/" in address:
            client.urls["api"][name] = url + address[address.index("/fapi/") :]
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


def held(state: Any) -> dict[tuple[str, str], Decimal]:
    """Open quantities by (symbol, side)."""
    return {(row["symbol"], row["positionSide"]): Decimal(row["quantity"]) for row in state["positions"]}


def resting(state: Any) -> list[Any]:
    return [row for row in state["orders"] if row["status"] in ("NEW", "PARTIALLY_FILLED")]


def sent(state: Any) -> list[Any]:
    """Requests that place an order."""
    return [r for r in state["requests"] if r["method"] == "POST" and r["path"] in (ORDER["path"], ALGO["path"])]


def assert_pair(state: Any, symbol: str = "SOLUSDT") -> None:
    """Both legs equal, each side's stop and target resting, nothing else."""
    mine = {side: quantity for (name, side), quantity in held(state).items() if name == symbol}
    assert set(mine) == {"LONG", "SHORT"}, mine
    assert mine["LONG"] == mine["SHORT"] > 0, mine
    kinds = sorted((row["positionSide"], row["type"]) for row in resting(state) if row["symbol"] == symbol)
    assert kinds == [(side, kind) for side in ("LONG", "SHORT") for kind in ("STOP_MARKET", "TAKE_PROFIT_MARKET")]


def assert_flat(state: Any) -> None:
    assert held(state) == {}
    assert resting(state) == []


def memory(store: Store) -> dict[str, int]:
    """How much the database remembers; equal before and after means that nothing was half done."""
    return {
        "journal": len(store.journal.entries(limit=None)),
        "pairs": len(store.pairs.open_pairs()),
        "unresolved": len(store.orders.unresolved()),
    }


def volgamma(environment: Mapping[str, str], *words: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it; nothing of this process's settings leaks in."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VOLGAMMA_", "OPENAI_"))}
    clean.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *words],
        env={**clean, **environment},
        cwd=Path(environment["VOLGAMMA_DATA_DIR"]).anchor,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
