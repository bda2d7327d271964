"""A frozen paper exchange with a CcxtVenue on it, and the control side a test needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp

from data_fetchers.venue import open_exchange
from orchestrator.clock import SystemClock
from orchestrator.execution.ccxt_venue import CcxtVenue
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.preflight import apply_settings
from orchestrator.paper_exchange.server import ExchangeConfig, start
from traders.contract.verdict import Bracket, ExecutionPlan, Leg

SOL = "SOL/USDT:USDT"
LIMITS = ExecutionLimits(clock_skew_max_ms=None, absent_after_s=0.3, unwind_s=3, imbalance_grace_s=1)


@dataclass
class Paper:
    """The exchange seen from both ends."""

    venue: CcxtVenue
    url: str
    session: aiohttp.ClientSession
    clock: SystemClock

    async def control(self, path: str, document: Any) -> Any:
        async with self.session.post(f"{self.url}/_control/{path}", json=document) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def faults(self, *faults: dict[str, Any]) -> None:
        await self.control("faults", list(faults))

    async def state(self) -> Any:
        async with self.session.get(f"{self.url}/_control/state") as answer:
            return await answer.json()

    async def plan(self, decision_id: str = "11-SOLUSDT-1", lots: int = 100) -> ExecutionPlan:
        """A default plan at the market's price, its account settings applied."""
        quote = await self.venue.leg_quote(SOL)
        tick, step, entry = quote.contract.price_tick, quote.contract.quantity_step, quote.mid

        def on_tick(price: Decimal) -> Decimal:
            return (price / tick).to_integral_value() * tick

        legs = tuple(
            Leg(
                leg_id=leg_id,
                venue="paper",
                symbol=SOL,
                side="long" if sign > 0 else "short",
                quantity=lots * step,
                limit_price=on_tick(entry * (1 + sign * Decimal("0.001"))),
            )
            for leg_id, sign in (("0-long", 1), ("1-short", -1))
        )
        plan = ExecutionPlan(
            decision_id=decision_id,
            symbol=SOL,
            pair_margin=2 * lots * step * entry / 5,
            leverage=5,
            entry_price=entry,
            legs=legs,
            bands=(),
            bracket=Bracket(upper=on_tick(entry * Decimal("1.05")), lower=on_tick(entry * Decimal("0.95"))),
            stop=Decimal("0.08"),
            target=Decimal("0.12"),
            expires_at=await self.venue.server_time() + 30_000,
        )
        assert await apply_settings(plan, self.venue) == ()
        return plan


@asynccontextmanager
async def paper(**config: Any) -> AsyncIterator[Paper]:
    """A fresh exchange, its market standing still."""
    running = await start(ExchangeConfig(frozen=True, **config))
    exchange = open_exchange("paper", base_url=running.url, api_key="key", secret="secret", timeout_ms=3000)
    try:
        await exchange.load_markets()
        async with aiohttp.ClientSession() as session:
            yield Paper(CcxtVenue(exchange, "paper"), running.url, session, SystemClock())
    finally:
        await exchange.close()
        await running.stop()
