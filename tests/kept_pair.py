"""One open SOL pair on a frozen paper exchange, with a keeper on a real database: what the ladder tests drive."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from db.pairs_repository import StoredPair
from orchestrator.claims import Order
from orchestrator.clock import SystemClock
from orchestrator.desk import Desk, open_desk
from orchestrator.execution.venue import Balance
from orchestrator.hands import recover_open_business
from orchestrator.journey import decide
from orchestrator.keeper import Keeper
from orchestrator.ledger.book import Book, tie_out
from orchestrator.ledger.rows import Row
from orchestrator.model_choice import open_model
from orchestrator.pair_book import load_state
from orchestrator.paper_exchange.server import ExchangeConfig, start
from orchestrator.rebalancer.state import PairState
from orchestrator.responses import Responses
from orchestrator.settings import Settings, load
from traders.contract.portfolio import OpenPair

SOL = "SOL/USDT:USDT"
DAY_MS = 86_400_000
NOTHING: Mapping[str, str] = {}


@dataclass
class Kept:
    """The desk, its keeper, and the control side of the exchange."""

    settings: Settings
    http: aiohttp.ClientSession
    url: str
    desk: Desk
    keeper: Keeper
    pair: OpenPair
    before: Balance

    async def control(self, path: str, document: Any) -> Any:
        async with self.http.post(f"{self.url}/_control/{path}", json=document) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def truth(self) -> Any:
        async with self.http.get(f"{self.url}/_control/state") as answer:
            return await answer.json()

    async def move(self, change: str) -> Decimal:
        """Put the price at entry x (1 + change); the mark price there, on the tick away from the entry."""
        price = self.pair.entry_price * (1 + Decimal(change))
        answer = await self.control("price", {"symbol": "SOLUSDT", "price": str(price)})
        return Decimal(answer["mark"])

    async def held(self) -> dict[str, Decimal]:
        rows = (await self.truth())["positions"]
        return {row["positionSide"].lower(): Decimal(row["quantity"]) for row in rows}

    async def resting(self) -> list[tuple[str, str, Decimal]]:
        rows = (await self.truth())["orders"]
        return sorted(
            (row["positionSide"].lower(), row["type"], Decimal(row["triggerPrice"]))
            for row in rows
            if row["status"] == "NEW"
        )

    async def by_hand(self, side: str, quantity: Decimal, *, opens: bool = False, symbol: str = "SOLUSDT") -> None:
        """Close part of a leg, or add to it, past our own books."""
        order = {"symbol": symbol, "positionSide": side.upper(), "type": "MARKET", "quantity": str(quantity)}
        order["side"] = "BUY" if (side == "long") is opens else "SELL"
        await self.desk.exchange.fapiPrivatePostOrder(order)

    def state(self) -> PairState:
        state = load_state(self.desk, self.pair.pair_id)
        assert state is not None
        return state

    def stored(self) -> StoredPair:
        return self.desk.store.pairs.get(self.pair.pair_id)

    def events(self, name: str) -> list[Any]:
        return [e.document for e in self.desk.store.pairs.events(self.pair.pair_id) if e.name == name]

    def trades(self) -> int:
        return self.desk.store.pairs.trades_since(self.pair.opened_at - DAY_MS, "paper")

    async def restart(self) -> None:
        """What a new process does first, on the same database."""
        await recover_open_business(self.desk, self.desk.constraints())
        self.keeper = new_keeper(self.desk)
        await self.keeper.resume()

    async def assert_flat(self, reason: str) -> dict[str, Decimal]:
        """Flat everywhere, and every cent accounted for; the stored result."""
        truth = await self.truth()
        assert truth["positions"] == []
        assert await self.resting() == []
        stored = self.stored()
        assert stored.closed_at is not None, self.keeper.notes
        assert stored.reason == reason
        assert not self.desk.store.orders.unresolved()
        after = await self.desk.venue.balance()
        result = {name: Decimal(stored.result[name]) for name in ("realised", "fees", "funding", "net")}
        assert abs(result["net"] - (after.wallet - self.before.wallet)) < Decimal("0.005")
        book = Book()
        book.add(
            Row(r.venue_id, r.time, r.kind, r.symbol, r.amount, r.position_side, r.side, r.price, r.quantity)
            for r in self.desk.store.ledger.rows("paper")
        )
        assert abs(tie_out(book, self.before.wallet, after.wallet).difference) < Decimal("0.005")
        assert Decimal(float(book.cycles[-1].fees)).quantize(Decimal("0.01")) == result["fees"].quantize(
            Decimal("0.01")
        )
        notes = len(self.keeper.notes)
        await self.keeper.look()
        assert len(self.keeper.notes) == notes, "a closed pair is left alone"
        return result


def new_keeper(desk: Desk) -> Keeper:
    """As a run makes it."""
    return Keeper(desk, desk.constraints(), Responses.of(desk.settings))


@asynccontextmanager
async def kept_pair(folder: Path, settled: Mapping[str, str] = NOTHING, **config: Any) -> AsyncIterator[Kept]:
    """A pair opened by a decision of the rules policy. `settled`: settings by their environment names."""
    running = await start(ExchangeConfig(frozen=True, **config))
    try:
        settings = load({"VOLGAMMA_DATA_DIR": str(folder), "VOLGAMMA_PAPER_URL": running.url, **settled})
        clock = SystemClock()
        async with open_desk(settings, clock, "paper") as desk, aiohttp.ClientSession() as http:
            desk.store.constraints.set(11, {"unwind_s": 2, "imbalance_grace_s": 1}, "test", "no waiting", 1)
            before = await desk.venue.balance()
            order = Order(symbol="SOL", policy="rules", suffix="test")
            report = await decide(desk, order, lambda: open_model(settings, clock))
            (pair,) = desk.store.pairs.open_pairs("paper")
            assert report.chosen.execution["status"] == "open"
            keeper = new_keeper(desk)
            await keeper.resume()
            yield Kept(settings, http, running.url, desk, keeper, pair, before)
    finally:
        await running.stop()
