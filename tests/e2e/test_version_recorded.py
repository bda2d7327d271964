"""The journal keeps which code decided, the one that `volgamma --version` names; a replay by other code says so."""

import json
from pathlib import Path
from typing import Any

from db.journal_repository import JournalRepository
from orchestrator.replay.verify import verify
from orchestrator.version import code_version
from tests.e2e.house import house
from traders.registry import discover


async def test_a_decision_names_its_code_and_a_replay_notes_other_code(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        report = await it.decide(dry_run=True)
        with it.store() as store:
            document: dict[str, Any] = JournalRepository(store.database).export_line(report.chosen.decision_id)
    recorded = document["record"]["versions"]["code"]
    assert recorded == document["record"]["code_version"] == code_version()

    trader = discover().traders[11]
    same = await verify(json.loads(json.dumps(document)), trader, "snapshot", {"code": recorded})
    other = await verify(document, trader, "snapshot", {"code": "0.1.0+g000000000000"})
    assert (same.drift, same.notes) == (None, ())
    assert other.drift is None
    assert list(other.notes) == [f"recorded with code {recorded}, played again with code 0.1.0+g000000000000"]
