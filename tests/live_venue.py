"""A paper exchange that the program takes for Binance: set up as the guide says, watched from the outside."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from data_fetchers.venue import open_exchange
from orchestrator import settings
from orchestrator.execution.accounts import account
from orchestrator.execution.venue import OrderRequest, Venue
from orchestrator.live import phrase
from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start

YES = phrase("binanceusdm")
KEYS = {"VOLGAMMA_BINANCEUSDM_KEY": "key", "VOLGAMMA_BINANCEUSDM_SECRET": "secret"}
#: All that is configured for live orders; the phrase comes on top.
ALL = {"VOLGAMMA_LIVE": "true", **KEYS}
#: What setting it up sends.
_SET_UP = 3


#: What is configured, what is said, and the error: each lacks one step to live orders.
MISSING_STEPS: list[tuple[Mapping[str, str], str | None, str]] = [
    (KEYS, YES, "live_off"),
    ({"VOLGAMMA_LIVE": "true"}, YES, "live_not_ready"),
    (ALL, None, "live_not_confirmed"),
    (ALL, "yes", "live_not_confirmed"),
    (ALL, phrase("bybit"), "live_not_confirmed"),
]


def bought_by_hand(symbol: str) -> OrderRequest:
    """Somebody else's order on the account."""
    return OrderRequest(
        client_order_id="by-hand", symbol=symbol, side="buy", position_side="long", type="market", quantity=Decimal(5)
    )


class VenueClock:
    """This machine's clock, set by the venue's."""

    def __init__(self, venue: RunningExchange) -> None:
        self._venue = venue

    def now_ms(self) -> int:
        return self._venue.engine.now

    def monotonic_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@asynccontextmanager
async def owner(running: RunningExchange) -> AsyncIterator[Venue]:
    """The account as its owner uses it, by hand."""
    exchange = open_exchange("binanceusdm", base_url=running.url, api_key="key", secret="secret", paced=False)
    try:
        await exchange.load_markets()
        yield account(exchange, "binanceusdm")
    finally:
        await exchange.close()


@asynccontextmanager
async def live_venue(*, frozen: bool = True) -> AsyncIterator[RunningExchange]:
    """In hedge mode, with isolated margin."""
    running = await start(ExchangeConfig(frozen=frozen, equity=Decimal(50_000)))
    try:
        async with owner(running) as by_hand:
            await by_hand.set_position_mode("hedge")
            for symbol in ("SOL/USDT:USDT", "AVAX/USDT:USDT"):
                await by_hand.set_margin_mode(symbol, "isolated")
        yield running
    finally:
        await running.stop()


def environment(folder: Path, running: RunningExchange, more: Mapping[str, str]) -> dict[str, str]:
    """Of a program on this data folder whose Binance is `running`."""
    return {"VOLGAMMA_DATA_DIR": str(folder), "VOLGAMMA_BINANCEUSDM_URL": running.url, **more}


def resolved(folder: Path, running: RunningExchange, more: Mapping[str, str]) -> settings.Settings:
    """The same as settings."""
    return settings.load(environment(folder, running, more))


async def state(running: RunningExchange) -> Any:
    """What the venue itself knows."""
    async with aiohttp.ClientSession() as session, session.get(f"{running.url}/_control/state") as answer:
        return await answer.json()


async def control(running: RunningExchange, path: str, document: Any) -> None:
    """Move the venue's market or time."""
    url = f"{running.url}/_control/{path}"
    async with aiohttp.ClientSession() as session, session.post(url, json=document) as answer:
        assert answer.status == 200, await answer.text()


async def changes(running: RunningExchange) -> list[str]:
    """What was sent after it was set up."""
    rows = [row for row in (await state(running))["requests"] if "_control" not in row["path"]]
    sent = [row["path"] for row in rows if row["method"] != "GET"]
    assert len(sent) >= _SET_UP
    return sent[_SET_UP:]


def held(found: Any) -> dict[str, Decimal]:
    """Contracts by leg."""
    return {row["positionSide"].lower(): Decimal(row["quantity"]) for row in found["positions"]}


def bracket(found: Any) -> list[tuple[str, str]]:
    """What rests: a stop and a target for each leg that is protected."""
    rows = [row for row in found["orders"] if row["status"] == "NEW"]
    return sorted((row["positionSide"].lower(), row["type"]) for row in rows)


BOTH = [
    ("long", "STOP_MARKET"), ("long", "TAKE_PROFIT_MARKET"), ("short", "STOP_MARKET"), ("short", "TAKE_PROFIT_MARKET"),
]  # fmt: skip


async def until(running: RunningExchange, holds: Callable[[Any], bool], what: str, seconds: float = 240) -> Any:
    """The venue's state once something holds of it."""
    for _ in range(int(seconds * 4)):
        found = await state(running)
        if holds(found):
            return found
        await asyncio.sleep(0.25)
    raise AssertionError(f"never {what}: {held(found)} {bracket(found)}")
