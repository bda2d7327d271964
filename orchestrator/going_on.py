"""Going on with a decision where an interruption left it. What the journal has is not done again.

A snapshot that was recorded is what is decided on, a model that answered is not asked again, a verdict stands, and
orders that were begun are never begun anew: recovery brings them to their end, here their outcome is looked up. A plan
that nobody began in its time expires as it would have without the interruption.
"""

from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from data_fetchers.snapshot import MarketSnapshot
from orchestrator.decide_report import NO_EXECUTION, Candidate
from orchestrator.desk import Desk
from orchestrator.execution.goal import GOAL, read_goal
from traders.contract.context import Context
from traders.contract.decision import Action
from traders.contract.proposal import Proposal
from traders.contract.verdict import Verdict

if TYPE_CHECKING:
    from db.journal_entry import JournalEntry
    from db.orders_repository import StoredOrder

#: A decision that was claimed and is neither finished nor given up.
STARTED = "started"
_FOUND = "interrupted, then brought to its end by recovery"


def observed_before(entry: "JournalEntry") -> tuple[MarketSnapshot, Context, dict[str, Any]]:
    """What was seen, and everything recorded of it."""
    shared = {kind: entry.document(kind) for kind in ("snapshot", "portfolio", "constraints", "context")}
    snapshot = MarketSnapshot.model_validate(shared["snapshot"])
    return snapshot, Context.model_validate(shared["context"]), shared


def proposed_before(entry: "JournalEntry") -> Proposal | None:
    """What was proposed, None when it had not come to that."""
    document = entry.get("proposal")
    return None if document is None else Proposal.model_validate(document)


def judged_before(entry: "JournalEntry") -> Verdict | None:
    """What was permitted, None when it had not come to that."""
    document = entry.get("verdict")
    return None if document is None else Verdict.model_validate(document)


def done_before(desk: Desk, chosen: Candidate) -> dict[str, JsonValue] | None:
    """The execution document of a decision whose orders were begun before; None when nothing was.

    Called by the owner of the symbol, after its recovery: no goal is open any more, or its outcome is unknown.
    """
    decision = chosen.verdict.decision
    assert decision is not None
    if decision.action is Action.ENTER:
        goals = _goals(desk, chosen.decision_id, "open")
        return None if not goals else _document(desk, goals[-1], chosen.decision_id)
    if decision.action in (Action.EXIT, Action.REDUCE) and decision.pair_id is not None:
        pair = desk.store.pairs.get(decision.pair_id)
        began = desk.store.journal.load(chosen.decision_id).info.started_at
        goals = [
            goal
            for goal in _goals(desk, pair.pair.decision_id, "close")
            if goal.intended_at >= began and read_goal(goal).reason == decision.action.value
        ]
        return None if not goals else _document(desk, goals[-1], decision.pair_id)
    return None


def _goals(desk: Desk, decision_id: str, kind: str) -> "list[StoredOrder]":
    rows = desk.store.orders.of_decision(decision_id)
    return [row for row in rows if row.kind == GOAL and read_goal(row).goal == kind]


def _document(desk: Desk, goal: "StoredOrder", pair_id: str) -> dict[str, JsonValue]:
    if goal.status in ("intended", "unknown"):
        return {**NO_EXECUTION, "status": "unknown", "pair_id": pair_id, "reason": "the outcome is not known yet"}
    pair = next((pair for pair in desk.store.pairs.open_pairs(desk.exchange_name) if pair.pair_id == pair_id), None)
    return {
        "status": goal.status,
        "pair_id": pair_id,
        "orders": [],
        "net_delta": None if pair is None else float(pair.net_delta),
        "protected": None if pair is None else pair.protected,
        "reason": _FOUND,
    }
