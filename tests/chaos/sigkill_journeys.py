"""What a killed process was doing, what the next one does, and what must be true of the world after that."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from db.database import open_database
from db.ledger_repository import LedgerRepository
from db.orders_repository import OrdersRepository
from db.pairs_repository import PairsRepository
from db.state_repository import StateRepository
from orchestrator import kill_switch
from orchestrator.claims import Order
from orchestrator.desk import Desk, open_desk
from orchestrator.hands import carry_out_verdict
from orchestrator.journey import decide
from orchestrator.keeper import Keeper
from orchestrator.ledger.book import Book, tie_out
from orchestrator.ledger.rows import Row
from orchestrator.model_choice import open_model
from orchestrator.schedule.loop import Plan, run
from orchestrator.settings import Settings, load
from tests.chaos.sigkill import Ended, Exchange, HastyClock, Points, exchange, run_in_child
from traders.contract.decision import Action, Decision

D = Decimal
ROUNDS = 4
OPENING = {"long": ("LONG", "BUY"), "short": ("SHORT", "SELL")}


class Rounds:
    """Stands in for the event that ends a run: set after some rounds of the fast loop, none of which waits."""

    def __init__(self, rounds: int) -> None:
        self._left = rounds

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0

    def set(self) -> None:
        self._left = 0

    async def wait(self) -> bool:
        return True


@dataclass(frozen=True)
class World:
    """One exchange and one data folder: all that outlives a process."""

    folder: Path
    exchange: Exchange

    @property
    def settings(self) -> Settings:
        return load({"VOLGAMMA_DATA_DIR": str(self.folder / "data"), "VOLGAMMA_PAPER_URL": self.exchange.url})

    def price(self, price: str) -> None:
        self.exchange.control("price", {"symbol": "SOLUSDT", "price": price})

    def killed_at(self, journey: "Journey", fatal: int | None) -> tuple[Ended, list[str]]:
        """A process goes on that journey and dies at a point (None: it arrives); the points it reached."""
        log = self.folder / "points"
        log.write_text("")

        async def work() -> None:
            async with self._desk() as desk:
                Points(log, fatal).watch(desk)
                await journey(desk)

        ended = run_in_child(work, self.folder / "journey.said")
        return ended, log.read_text().splitlines()

    def restarted(self) -> Ended:
        """The next process: `run` as the command runs it, for some rounds of the fast loop and no decision."""

        async def work() -> None:
            async with self._desk() as desk:
                plan = Plan(symbols=(), every=3_600_000, length=None, policy="rules")
                rounds: Any = Rounds(ROUNDS)
                await run(desk, plan, lambda: open_model(desk.settings, desk.clock), print, rounds)

        return run_in_child(work, self.folder / "restart.said")

    @asynccontextmanager
    async def _desk(self) -> AsyncIterator[Desk]:
        async with open_desk(self.settings, HastyClock(), "paper") as desk:
            desk.exchange.enableRateLimit = False  # loopback; pacing is not what is looked at here
            yield desk


Journey = Callable[[Desk], Any]


async def entry(desk: Desk) -> None:
    """One decision of the rules policy, which enters."""
    order = Order(symbol="SOL", policy="rules", suffix="test")
    await decide(desk, order, lambda: open_model(desk.settings, desk.clock))


async def looks(desk: Desk) -> None:
    """A keeper that has just started and looks as long as there is something to do."""
    keeper = Keeper(desk, desk.constraints())
    await keeper.resume()
    for _ in range(3):
        switch = kill_switch.read(desk.store.database, desk.settings.data_dir)
        await keeper.look(flatten=switch.killed and switch.flatten)


@contextmanager
def world(folder: Path, template: Path | None = None) -> Iterator[World]:
    """A world of its own, empty or as a template left it."""
    if template is not None:
        shutil.copytree(template, folder)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    with exchange(folder / "exchange.json") as served:
        yield World(folder, served)


@dataclass(frozen=True)
class Facts:
    """What two worlds are compared by. Quantities by side; resting orders as (side, type, trigger price)."""

    held: dict[str, str]
    resting: tuple[tuple[str, str, str], ...]
    opened: dict[str, D]
    reason: str | None
    trades: int


def checked(place: World) -> Facts:
    """The exchange's own books against the database, whatever happened. Raises AssertionError."""
    truth = place.exchange.state()
    held = {row["positionSide"].lower(): row["quantity"] for row in truth["positions"]}
    resting = [row for row in truth["orders"] if row["status"] == "NEW"]
    names = [row["clientOrderId"] for row in truth["orders"]]
    assert len(names) == len(set(names)), "an id was used for two orders"
    places = {(row["positionSide"].lower(), row["type"]) for row in resting}
    assert len(held) != 1, f"one leg alone: {held}"
    database = open_database(place.settings.database_url)
    try:
        unresolved = OrdersRepository(database).unresolved()
        pairs = PairsRepository(database)
        standing, closed = pairs.open_pairs("paper"), pairs.closed_pairs("paper")
        trades = pairs.trades_since(0, "paper")
        ledger = LedgerRepository(database).rows("paper")
        states = [StateRepository(database).get(f"rebalancer:{pair.pair_id}") for pair in standing]
        assert database.check() == ()
    finally:
        database.close()
    assert not unresolved, f"unresolved: {[row.client_order_id for row in unresolved]}"
    if held:
        assert len(resting) == 4, f"the bracket is not four orders: {sorted(places)}"
        assert places == {(side, kind) for side in held for kind in ("STOP_MARKET", "TAKE_PROFIT_MARKET")}
        assert all(row["closePosition"] for row in resting)
        (pair,) = standing
        assert {leg.side: leg.quantity for leg in pair.legs} == {side: D(text) for side, text in held.items()}
        assert pair.protected
        assert states[0] is not None, "a pair whose ladder has no state"
    else:
        assert not resting, f"flat, but orders rest: {sorted(places)}"
        assert not standing, "flat, but the record says open"
    book = Book()
    book.add(
        Row(r.venue_id, r.time, r.kind, r.symbol, r.amount, r.position_side, r.side, r.price, r.quantity)
        for r in ledger
    )
    money = truth["balances"]["USDT"]
    off = tie_out(book, D(money["deposit"]), D(money["wallet"])).difference
    assert abs(off) < D("0.005"), f"the ledger is off by {off}"
    return Facts(
        held=held,
        resting=tuple(sorted((r["positionSide"].lower(), r["type"], r["triggerPrice"]) for r in resting)),
        opened={side: _opened(truth["orders"], *way) for side, way in OPENING.items()},
        reason=closed[0].reason if closed else None,
        trades=trades,
    )


def _opened(orders: list[dict[str, Any]], position_side: str, side: str) -> D:
    rows = [row for row in orders if (row["positionSide"], row["side"]) == (position_side, side)]
    return sum((D(row["executedQty"]) for row in rows if not row["algo"]), D(0))


async def leave(desk: Desk) -> None:
    """A permitted decision to exit, carried out."""
    decision = Decision(action=Action.EXIT, symbol="SOL/USDT:USDT")
    chosen: Any = SimpleNamespace(verdict=SimpleNamespace(decision=decision))
    unused: Any = None
    await carry_out_verdict(desk, unused, desk.constraints(), chosen)


def went(place: World, journey: Journey, fatal: int | None = None) -> tuple[list[str], Facts]:
    """A journey, uninterrupted or killed at a point; a restart; the points reached and the world after it."""
    ended, points = place.killed_at(journey, fatal)
    assert ended.killed if fatal is not None else ended.code == 0, ended
    again = place.restarted()
    assert again.code == 0, again
    return points, checked(place)
