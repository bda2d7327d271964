"""A frozen paper exchange with a plain ccxt client on it, for tests of the exchange itself."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import pytest

from data_fetchers.venue import open_exchange
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start

SOL, AVAX = "SOL/USDT:USDT", "AVAX/USDT:USDT"
HOUR = 3_600_000


@dataclass
class Client:
    """ccxt, the control side and the engine behind both."""

    ccxt: Any
    running: RunningExchange
    session: aiohttp.ClientSession

    @property
    def engine(self) -> Engine:
        return self.running.engine

    async def control(self, path: str, document: Any, status: int = 200) -> Any:
        async with self.session.post(f"{self.running.url}/_control/{path}", json=document) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def state(self) -> Any:
        async with self.session.get(f"{self.running.url}/_control/state") as answer:
            return await answer.json()

    async def price(self, price: object, symbol: str = "SOLUSDT") -> Any:
        return await self.control("price", {"symbol": symbol, "price": str(price)})

    async def hedge(self, leverage: int = 5) -> None:
        """Hedge mode, isolated, leverage: what the trader sets before a pair."""
        await self.ccxt.set_position_mode(True)
        await self.ccxt.set_margin_mode("isolated", SOL)
        await self.ccxt.set_leverage(leverage, SOL)

    async def order(
        self, side: str, leg: str, quantity: float = 100, kind: str = "market", price: float | None = None, **more: Any
    ) -> Any:
        params = {"positionSide": leg, **more}
        return await self.ccxt.create_order(SOL, kind, side, quantity, price, params)

    async def open_pair(self, quantity: float = 100) -> None:
        await self.order("buy", "LONG", quantity)
        await self.order("sell", "SHORT", quantity)

    async def conditional(self, side: str, leg: str, kind: str, trigger: float, name: str | None = None) -> Any:
        params = {"positionSide": leg, "closePosition": True, "workingType": "MARK_PRICE", "stopPrice": trigger}
        if name is not None:
            params["clientOrderId"] = name
        return await self.ccxt.create_order(SOL, kind, side, None, None, params)

    async def positions(self) -> dict[str, Any]:
        return {p["side"]: p for p in await self.ccxt.fetch_positions([SOL]) if p["contracts"]}


@asynccontextmanager
async def client(**config: Any) -> AsyncIterator[Client]:
    """A fresh exchange whose time stands still unless told otherwise."""
    running = await start(ExchangeConfig(**{"frozen": True, **config}))
    exchange = open_exchange("paper", base_url=running.url, api_key="key", secret="secret", timeout_ms=3000)
    try:
        await exchange.load_markets()
        async with aiohttp.ClientSession() as session:
            yield Client(exchange, running, session)
    finally:
        await exchange.close()
        await running.stop()


async def refused(call: Awaitable[Any], code: int) -> None:
    """The call must fail with this code of the venue."""
    with pytest.raises(ccxt.BaseError, match=f'"code": {code},'):
        await call


def total(rows: list[Any], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal(0))
