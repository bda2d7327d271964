"""A desk whose database is kept in memory: JSON values, one row an id, as the repositories keep them.

`touch` is called before and after each write: a crash there is a process killed before or after its commit.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from db.ledger_repository import LedgerRow
from db.pairs_repository import COUNTED_EVENTS, PairEvent, StoredPair
from orchestrator.clock import Clock
from orchestrator.desk import Desk
from orchestrator.execution.venue import Venue
from tests.guard_scenario import permitted
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.portfolio import OpenPair
from traders.contract.verdict import Verdict

Touch = Callable[[], None]


def _json(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True) if hasattr(value, "model_dump") else value


@dataclass
class Intent:
    """One order intent."""

    client_order_id: str
    decision_id: str
    leg_id: str
    attempt: int
    kind: str
    request: Any
    intended_at: int
    status: str = "intended"
    report: Any = None


class MemoryOrders:
    """Order intents."""

    def __init__(self, touch: Touch) -> None:
        self.rows: dict[str, Intent] = {}
        self._touch = touch

    def intend(
        self, client_order_id: str, decision_id: str, leg_id: str, attempt: int, kind: str, request: Any, at: int
    ) -> bool:
        self._touch()
        assert client_order_id not in self.rows, "an id stands for one order"
        row = Intent(client_order_id, decision_id, leg_id, attempt, kind, _json(request), at)
        self.rows[client_order_id] = row
        self._touch()
        return True

    def resolve(self, client_order_id: str, status: str, report: Any, at: int) -> None:
        self._touch()
        row = self.rows[client_order_id]
        row.status, row.report = status, _json(report)
        self._touch()

    def unresolved(self) -> list[Intent]:
        rows = [row for row in self.rows.values() if row.status in ("intended", "unknown")]
        return sorted(rows, key=lambda row: (row.intended_at, row.client_order_id))

    def of_decision(self, decision_id: str) -> list[Intent]:
        rows = [row for row in self.rows.values() if row.decision_id == decision_id]
        return sorted(rows, key=lambda row: (row.intended_at, row.client_order_id))


class MemoryPairs:
    """Pairs and their events."""

    def __init__(self, touch: Touch) -> None:
        self.rows: dict[str, StoredPair] = {}
        self.log: list[PairEvent] = []
        self._touch = touch

    def open_pair(self, pair: OpenPair, exchange: str) -> None:
        self._touch()
        assert pair.pair_id not in self.rows, "a pair is opened once"
        self.rows[pair.pair_id] = StoredPair(pair, exchange, None, None, None)
        self._touch()

    def update(self, pair: OpenPair) -> None:
        self._touch()
        assert self.rows[pair.pair_id].closed_at is None, "a closed pair is not changed"
        self.rows[pair.pair_id] = StoredPair(pair, "paper", None, None, None)
        self._touch()

    def close(self, pair_id: str, at: int, reason: str, result: Any = None) -> None:
        self._touch()
        assert self.rows[pair_id].closed_at is None, "a pair is closed once"
        self.rows[pair_id] = StoredPair(self.rows[pair_id].pair, "paper", at, reason, result)
        self._touch()

    def get(self, pair_id: str) -> StoredPair:
        return self.rows[pair_id]

    def open_pairs(self, exchange: str | None = None) -> tuple[OpenPair, ...]:
        return tuple(row.pair for row in self.rows.values() if row.closed_at is None)

    def event(
        self, pair_id: str, decision_id: str | None, name: str, document: Any, at: int, trades: int | None = None
    ) -> int:
        counted = int(name in COUNTED_EVENTS) if trades is None else trades
        number = len(self.log) + 1
        self.log.append(PairEvent(number, pair_id, decision_id, "paper", name, _json(document), counted, at))
        return number

    def events(self, pair_id: str | None = None, since: int = 0) -> tuple[PairEvent, ...]:
        return tuple(row for row in self.log if pair_id in (None, row.pair_id) and row.at >= since)


class MemoryState:
    """Values by key."""

    def __init__(self, touch: Touch) -> None:
        self.rows: dict[str, Any] = {}
        self._touch = touch

    def get(self, key: str, scope: str = "") -> Any:
        return SimpleNamespace(value=self.rows[key]) if key in self.rows else None

    def set(self, key: str, value: Any, who: str, why: str, at: int, scope: str = "") -> None:
        self._touch()
        self.rows[key] = value
        self._touch()

    def note_equity(self, exchange: str, equity: Decimal, at: int) -> tuple[Decimal, Decimal]:
        """The high, and the first of the UTC day."""
        self._touch()
        high = self.rows["high"] = max(equity, self.rows.get("high", equity))
        day, _ = self.rows.get("day", (None, None))
        if day != at // 86_400_000:
            self.rows["day"] = (at // 86_400_000, equity)
        self._touch()
        return high, self.rows["day"][1]

    def latch_drawdown(self, exchange: str, trader_id: int, why: str, at: int) -> bool:
        """Entries stay off."""
        before, self.rows["latch"] = self.rows.get("latch"), why
        return before is None

    def drawdown_latched(self, exchange: str, trader_id: int) -> bool:
        """Whether they do."""
        return "latch" in self.rows


class MemoryLedger:
    """Rows keyed by the venue's ids."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], LedgerRow] = {}

    def add(self, rows: Iterable[LedgerRow]) -> None:
        for row in rows:
            known = self.rows.setdefault((row.kind, row.venue_id), row)
            assert known == row, "the venue's figures under one id never change"


class MemoryJournal:
    """What each decision was about."""

    def __init__(self, context: Context) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self._context = context

    def load(self, decision_id: str) -> Any:
        documents = {"verdict": _json(self.verdicts[decision_id]), "context": _json(self._context)}
        return SimpleNamespace(document=documents.__getitem__)


@dataclass
class MemoryStore:
    """The parts of `orchestrator.desk.Store` that execution and the keeper use."""

    orders: MemoryOrders
    pairs: MemoryPairs
    state: MemoryState
    ledger: MemoryLedger
    journal: MemoryJournal


@dataclass
class MemoryDesk:
    """The parts of `orchestrator.desk.Desk` that execution and the keeper use."""

    store: MemoryStore
    clock: Clock
    venue: Venue
    exchange_name: str = "paper"
    own_clock: bool = True
    shared: bool = False
    ledger_account: str | None = None
    ownership: None = None
    hands: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def exchange(self) -> Any:
        """The contract's step and fee, as ccxt tells them."""
        market = {"precision": {"amount": "1"}, "taker": "0.0005"}
        return SimpleNamespace(market=lambda symbol: market)

    def constraints(self) -> ConstraintSet:
        """Those of the scene."""
        return permitted().constraints


def memory_store(context: Context, touch: Touch) -> MemoryStore:
    """An empty database."""
    return MemoryStore(
        MemoryOrders(touch), MemoryPairs(touch), MemoryState(touch), MemoryLedger(), MemoryJournal(context)
    )


def as_desk(desk: MemoryDesk) -> Desk:
    """For the type checker: it obeys the parts of a desk that are used."""
    return cast("Desk", desk)
