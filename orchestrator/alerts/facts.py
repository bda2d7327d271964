"""What the database says at this moment, as far as alerts are concerned. Reads only; from any process or thread."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from db.database import Database
from db.errors import NotFound
from db.journal_entry import EntryInfo
from db.journal_repository import STARTED, JournalRepository
from db.ledger_repository import LedgerRepository
from db.models import PairEventRow
from db.orders_repository import OrdersRepository
from db.pairs_repository import PairEvent, PairsRepository
from db.state_repository import StateRepository
from orchestrator import kill_switch
from orchestrator.live import EXCHANGES
from orchestrator.schedule.silence import SILENT

#: Decisions and fills looked at; more than a look ever misses.
NEWEST = 50
_FEE_WINDOW_MS = 7 * 86_400_000


@dataclass(frozen=True)
class Fee:
    """What the newest fills of an account cost: median fraction of notional."""

    exchange: str
    rate: Decimal
    fills: int


@dataclass(frozen=True)
class Account:
    """As the newest decision saw it: USDT, and the limit as a fraction of the high."""

    equity: Decimal | None = None
    high: Decimal | None = None
    max_drawdown: Decimal | None = None


@dataclass(frozen=True)
class Facts:
    """`now`: our clock, UTC ms. `every`: ms between decisions, None when nothing is scheduled here."""

    now: int
    every: int | None = None
    events: tuple[PairEvent, ...] = ()
    last_event: int = 0
    pairs: Mapping[str, str] = field(default_factory=dict)
    decisions: tuple[EntryInfo, ...] = ()
    unknown_orders: tuple[str, ...] = ()
    unprotected: tuple[str, ...] = ()
    killed: str | None = None
    latched: tuple[str, ...] = ()
    breaker_failures: int | None = None
    #: Exchanges that do not answer a run, and what they say instead.
    away: tuple[tuple[str, str], ...] = ()
    fees: tuple[Fee, ...] = ()
    account: Account = Account()

    @property
    def finished(self) -> EntryInfo | None:
        """The newest decision that is no longer under way."""
        return next((entry for entry in self.decisions if entry.status != STARTED), None)


def read(
    database: Database, data_dir: Path, now: int, every: int | None, after: int | None, before: Facts | None = None
) -> Facts:
    """`after`: the last pair event seen; None takes the newest as seen. `before`: the last look, of which what cannot
    have changed is kept. Raises errors of the store."""
    pairs = PairsRepository(database)
    state = StateRepository(database)
    last = _last_event(database)
    events = () if after is None or after >= last else _events(database, after)
    decisions = JournalRepository(database).entries(limit=NEWEST)
    switch = kill_switch.read(database, data_dir)
    exchanges = tuple(sorted({entry.exchange for entry in decisions}))
    breaker = state.get("llm_breaker")
    finished = next((entry for entry in decisions if entry.status != STARTED), None)
    if before is not None and before.finished == finished and before.last_event == last:
        account, fees = before.account, before.fees
    else:
        account = Account() if finished is None else _account(database, finished.decision_id)
        fees = tuple(fee for name in exchanges if (fee := _fee(database, name)) is not None)
    return Facts(
        now=now,
        every=every,
        events=events,
        last_event=events[-1].id if events else last if after is None else after,
        pairs=_symbols(pairs, events),
        decisions=decisions,
        unknown_orders=tuple(order.client_order_id for order in OrdersRepository(database).unresolved()),
        unprotected=tuple(pair.symbol for pair in pairs.open_pairs() if not pair.protected),
        killed=f"{switch.who}: {switch.why}" if switch.killed else None,
        latched=tuple(name for name in exchanges if state.drawdown_latched(name)),
        breaker_failures=breaker.value.get("failures")
        if breaker is not None and breaker.value.get("opened_at") is not None
        else None,
        away=tuple((name, str(row.value)) for name in EXCHANGES if (row := state.get(SILENT, name)) and row.value),
        fees=fees,
        account=account,
    )


def _last_event(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.coalesce(func.max(PairEventRow.id), 0))).scalar_one())


def _events(database: Database, after: int) -> tuple[PairEvent, ...]:
    """In the order written, at most 500."""
    query = select(PairEventRow.__table__).where(PairEventRow.id > after).order_by(PairEventRow.id).limit(500)
    with database.read() as connection:
        return tuple(
            PairEvent(**{**row._mapping, "document": json.loads(row.document)}) for row in connection.execute(query)
        )


def _symbols(pairs: PairsRepository, events: tuple[PairEvent, ...]) -> dict[str, str]:
    found = {}
    for name in {event.pair_id for event in events}:
        try:
            found[name] = pairs.get(name).pair.symbol
        except NotFound:  # an opening that never came to stand
            continue
    return found


def _account(database: Database, decision_id: str) -> Account:
    entry = JournalRepository(database).load(decision_id)
    portfolio, context = entry.get("portfolio") or {}, entry.get("context") or {}
    return Account(
        equity=_money(portfolio.get("equity")),
        high=_money(portfolio.get("equity_high")),
        max_drawdown=_money((context.get("limits") or {}).get("max_drawdown")),
    )


def _fee(database: Database, exchange: str) -> Fee | None:
    """Newest fills within a week of the last one; the median, because tiny fills round."""
    rows = LedgerRepository(database).rows(exchange=exchange, kind="fill")[-8:]
    if not rows:
        return None
    fresh = [row for row in rows if rows[-1].time - row.time < _FEE_WINDOW_MS]
    rates = sorted(row.amount / (row.price * row.quantity) for row in fresh if row.price and row.quantity)
    return Fee(exchange, rates[len(rates) // 2], len(rates)) if rates else None


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
