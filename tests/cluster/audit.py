"""Was every tick taken exactly once, was nothing sent twice, does no leg stand alone? From database and exchange."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from db.database import Database
from db.journal_repository import JournalRepository
from db.orders_repository import OrdersRepository
from db.pairs_repository import PairsRepository
from orchestrator.execution.goal import GOAL, read_goal


@dataclass
class Findings:
    """Figures for the table, and what is wrong (empty: nothing)."""

    figures: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, good: bool, what: str) -> None:
        if not good:
            self.wrong.append(what)


def audit(database: Database, schema: str, state: Any, expected: set[str]) -> Findings:
    """`expected`: decision ids that must be there. Ticks due after them may still wait in the queue."""
    found = Findings()
    _ticks(found, database, schema, expected)
    _orders(found, database, state)
    _legs(found, database, state)
    return found


def _ticks(found: Findings, database: Database, schema: str, expected: set[str]) -> None:
    journal = JournalRepository(database)
    entries = {entry.decision_id: entry for entry in journal.entries(limit=None)}
    statuses = Counter(entry.status for name, entry in entries.items() if name in expected)
    missing = sorted(expected - set(entries))
    twice = []
    for name, entry in entries.items():
        kinds = Counter(record.kind for record in journal.load(name).records)
        if entry.status == "finished" and any(kinds[kind] != 1 for kind in ("context", "proposal", "verdict")):
            twice.append(f"{name}: {dict(kinds)}")
    waiting = sorted(set(queued(database, schema, done=False)) & expected)
    done = set(queued(database, schema, done=True))
    ended = {name for name, entry in entries.items() if entry.status != "started"}
    found.expect(not missing, f"ticks that nobody took: {missing}")
    found.expect(not twice, f"decisions thought through twice: {twice}")
    found.expect(set(statuses) <= {"finished", "skipped"}, f"decisions neither finished nor skipped: {statuses}")
    found.expect(not waiting, f"ticks still in the queue: {waiting}")
    found.expect(done == ended, f"queue and journal differ: {done ^ ended}")
    found.figures["ticks expected, each exactly once"] = f"{len(expected)}, missing {len(missing)}, twice {len(twice)}"
    found.figures["decisions in the journal"] = ", ".join(f"{count} {name}" for name, count in statuses.items())


def queued(database: Database, schema: str, *, done: bool) -> list[str]:
    """Ticks by name, done with or not, as the queue has them."""
    sign = "=" if done else "<>"
    query = (
        f"SELECT workflow_uuid FROM {schema}.workflow_status WHERE name = 'volgamma_tick' AND status {sign} 'SUCCESS'"
    )
    with database.read() as connection:
        return list(connection.execute(text(query)).scalars())


def _orders(found: Findings, database: Database, state: Any) -> None:
    orders = OrdersRepository(database)
    # a conditional order that fired is listed twice: as itself, and as the order it became
    names = Counter(row["clientOrderId"] for row in state["orders"] if not row["clientOrderId"].endswith("-fired"))
    twice = sorted(name for name, count in names.items() if count > 1)
    unknown = sorted(name for name in names if name.startswith("vg") and orders.get(name) is None)
    filled: Counter[tuple[str, str]] = Counter()
    by_name = {row["clientOrderId"]: Decimal(row["executedQty"] or 0) for row in state["orders"] if not row["algo"]}
    planned: dict[tuple[str, str], Decimal] = {}
    pairs = 0
    for entry in JournalRepository(database).entries(limit=None):
        for row in orders.of_decision(entry.decision_id):
            if row.kind == GOAL and (goal := read_goal(row)).goal == "open" and goal.plan is not None:
                pairs += 1
                for leg in goal.plan.legs:
                    planned[entry.decision_id, leg.leg_id] = leg.quantity
            elif row.kind == "entry":
                filled[entry.decision_id, row.leg_id] += by_name.get(row.client_order_id, Decimal(0))  # type: ignore[assignment]
    too_much = [f"{key}: {sum_} of {planned.get(key)}" for key, sum_ in filled.items() if sum_ > planned.get(key, 0)]
    found.expect(not twice, f"orders under one id: {twice}")
    found.expect(not unknown, f"orders that nobody intended: {unknown}")
    found.expect(not too_much, f"entered more than permitted: {too_much}")
    left = [row.client_order_id for row in orders.unresolved()]
    found.expect(not left, f"orders of unknown fate: {left}")
    found.figures["orders at the exchange"] = f"{sum(names.values())}, duplicates {len(twice) + len(too_much)}"
    found.figures["openings begun"] = str(pairs)


def _legs(found: Findings, database: Database, state: Any) -> None:
    held: dict[str, dict[str, Decimal]] = {}
    for row in state["positions"]:
        held.setdefault(row["symbol"], {})[row["positionSide"]] = Decimal(row["quantity"])
    lone = [f"{symbol}: {sides}" for symbol, sides in held.items() if len(sides) != 2]
    resting = Counter(row["symbol"] for row in state["orders"] if row["status"] in ("NEW", "PARTIALLY_FILLED"))
    bare = [symbol for symbol in held if resting[symbol] != 4]
    orphans = [symbol for symbol in resting if symbol not in held]
    pairs = {pair.symbol.partition("/")[0] + "USDT" for pair in PairsRepository(database).open_pairs()}
    found.expect(not lone, f"legs alone: {lone}")
    found.expect(not bare, f"pairs without their bracket: {bare}")
    found.expect(not orphans, f"orders resting on nothing: {orphans}")
    found.expect(pairs == set(held), f"the database knows {pairs}, the exchange {set(held)}")
    closed = len(PairsRepository(database).closed_pairs())
    found.figures["pairs closed, open at the end"] = f"{closed}, {len(held)}"
    found.figures["orphan legs, pairs unprotected"] = f"{len(lone)}, {len(bare)}"
