"""A decision of the small trader, journalled as the host does it."""

import json
from pathlib import Path
from typing import Any, Literal

from db.database import Database
from db.journal_repository import JournalRepository
from orchestrator.risk_guard.review import GUARD_VERSION, review
from tests.guard_scenario import NOW, SOL, permitted
from tests.store import fresh
from tests.tiny_trader import TinyTrader, snapshot
from traders.contract.constraints import ConstraintRow, limit_values
from traders.contract.limits import unit_of
from traders.contract.model import Model

ID = "11-SOLUSDT-20250101T120000Z"
Policy = Literal["llm", "rules"]


def constraints_document() -> dict[str, Any]:
    """The export document of the scenario's constraints, built here and not by the repository."""
    constraints = permitted().constraints
    rows = [
        ConstraintRow(key=key, value=value, unit=unit_of(key), source="settled", who="seed", when=0, why="test")
        for key, value in sorted(limit_values(constraints.limits).items())
    ]
    return {
        "schema": "volgamma.constraints/1",
        "trader_id": 11,
        "version": 1,
        "hash": constraints.hash,
        "values": [row.model_dump(mode="json") for row in rows],
    }


async def recorded(folder: Path, policy: Policy = "rules", model: Model | None = None) -> dict[str, Any]:
    """A decision in a database of its own, read back as an export line."""
    database = fresh(folder)
    await write(database, policy, model)
    line = json.loads(json.dumps(JournalRepository(database).export_line(ID)))
    database.close()
    return dict(line)


async def write(
    database: Database, policy: Policy = "rules", model: Model | None = None, trader_id: int = 11, name: str = ID
) -> None:
    """Journal one decision."""
    scene, trader = permitted(), TinyTrader()
    context = trader.observe(snapshot(), scene.context.portfolio, scene.constraints)
    proposal = await trader.propose(context, model, None, policy)
    verdict = review(proposal.decision, context, scene.quote, scene.switches, scene.constraints)
    journal = JournalRepository(database)
    journal.claim(name, trader_id, SOL, "paper", policy, NOW)
    for kind, document in {
        "snapshot": snapshot(),
        "portfolio": scene.context.portfolio,
        "constraints": constraints_document(),
        "context": context,
        "proposal": proposal,
        "quote": scene.quote,
        "switches": scene.switches,
        "verdict": verdict,
        "versions": {"code": "0.1.0", "guard": GUARD_VERSION},
    }.items():
        journal.record(name, kind, document)
    summary = {
        "finished_at": NOW + 900,
        "action": proposal.decision.action,
        "outcome": verdict.outcome,
        "model": proposal.model,
        "constraints_version": 1,
        "context_hash": context.context_hash,
        "refused_rules": [finding.rule for finding in verdict.findings if finding.effect == "refuse"],
    }
    journal.finish(name, "finished", summary)
