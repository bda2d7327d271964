"""Decisions are claimed once, their documents are kept for ever and verified when read."""

import copy
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from db.database import Database, open_database
from db.errors import BadImport, Corrupt, NotFound
from db.journal_entry import Summary
from db.journal_repository import JournalRepository
from tests.recorded_entry import recorded
from tests.store import fresh
from traders.contract.base import content_hash

ID = "11-SOLUSDT-20250101T000000Z"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = fresh(tmp_path)
    yield database
    database.close()


@pytest.fixture
def journal(database: Database) -> JournalRepository:
    return JournalRepository(database)


def claim(journal: JournalRepository, decision_id: str = ID, at: int = 1_000, symbol: str = "SOL/USDT:USDT") -> bool:
    return journal.claim(decision_id, 11, symbol, "paper", "rules", at)


def test_a_second_claim_is_a_no_op(journal: JournalRepository) -> None:
    assert claim(journal)
    journal.finish(ID, "done", {"action": "hold"})
    assert not claim(journal, at=9_999)
    entry = journal.load(ID)
    assert (entry.info.started_at, entry.info.status, entry.info.action) == (1_000, "done", "hold")


def test_of_many_claims_at_once_one_wins(database: Database, tmp_path: Path) -> None:
    def one(_: int) -> bool:
        mine = open_database(str(database.url))
        won = claim(JournalRepository(mine))
        mine.close()
        return won

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(6))) == [False] * 5 + [True]


def test_records_are_append_only_and_the_newest_counts(journal: JournalRepository) -> None:
    claim(journal)
    journal.record(ID, "execution", {"status": "unknown"})
    journal.record(ID, "timings", {"total": 5})
    journal.record(ID, "execution", {"status": "open"})
    entry = journal.load(ID)
    assert entry.document("execution") == {"status": "open"}
    assert entry.documents("execution") == ({"status": "unknown"}, {"status": "open"})
    assert entry.kinds() == ("execution", "timings")
    assert [record.seq for record in entry.records] == [0, 1, 2]
    assert entry.get("context") is None
    with pytest.raises(NotFound, match=r"no context .recorded: execution, timings"):
        entry.document("context")


def test_a_pydantic_document_is_stored_as_its_json(journal: JournalRepository) -> None:
    claim(journal)
    summary = Summary(action="hold", refused_rules=("a", "b"))
    journal.record(ID, "timings", {"nested": [summary]})
    assert journal.load(ID).document("timings")["nested"][0]["refused_rules"] == ["a", "b"]


def test_the_same_content_is_one_compressed_blob(database: Database, journal: JournalRepository) -> None:
    snapshot = {"closes": list(range(20_000))}
    for number in range(3):
        claim(journal, f"{ID}-{number}")
        journal.record(f"{ID}-{number}", "snapshot", snapshot)
    with database.read() as connection:
        rows = connection.execute(text("SELECT hash, data, size FROM blobs")).all()
    assert len(rows) == 1
    assert rows[0].hash == content_hash(snapshot)
    assert len(rows[0].data) < rows[0].size / 2
    assert json.loads(zlib.decompress(rows[0].data)) == snapshot


def test_a_number_that_json_cannot_carry_is_refused(journal: JournalRepository) -> None:
    claim(journal)
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.record(ID, "timings", {"total": float("nan")})
    assert journal.load(ID).records == ()


def test_an_unclaimed_decision_takes_no_record(journal: JournalRepository) -> None:
    for use in (
        lambda: journal.record("nobody", "context", {}),
        lambda: journal.finish("nobody", "done"),
        lambda: journal.load("nobody"),
        lambda: journal.export_line("nobody"),
    ):
        with pytest.raises(NotFound, match="nobody"):
            use()


@pytest.mark.parametrize("data", [b"rubbish", zlib.compress(b'{"status":"closed"}'), b""])
def test_damage_is_an_error_and_never_data(database: Database, journal: JournalRepository, data: bytes) -> None:
    claim(journal)
    journal.record(ID, "execution", {"status": "open"})
    journal.record(ID, "timings", {"total": 5})
    with database.write() as connection:
        name = content_hash({"status": "open"})
        connection.execute(text("UPDATE blobs SET data = :data WHERE hash = :name"), {"data": data, "name": name})
    entry = journal.load(ID)
    assert entry.document("timings") == {"total": 5}
    with pytest.raises(Corrupt, match=f"{ID}, execution"):
        entry.document("execution")
    with pytest.raises(Corrupt):
        journal.export_line(ID)


def test_a_summary_adds_and_takes_nothing_away(journal: JournalRepository) -> None:
    claim(journal)
    journal.finish(ID, "unknown", {"action": "enter", "outcome": "approved", "refused_rules": []})
    journal.finish(ID, "done", {"execution_status": "open", "finished_at": 2_000})
    info = journal.load(ID).info
    assert (info.status, info.action, info.outcome, info.execution_status) == ("done", "enter", "approved", "open")
    with pytest.raises(ValidationError, match="outcom"):
        journal.finish(ID, "done", {"outcom": "approved"})


def test_entries_are_newest_first_and_filtered(journal: JournalRepository) -> None:
    for number, symbol in enumerate(("SOL/USDT:USDT", "AVAX/USDT:USDT", "SOL/USDT:USDT")):
        claim(journal, f"d{number}", 1_000 + number, symbol)
        journal.finish(
            f"d{number}", "done", {"outcome": "refused" if number else "approved", "refused_rules": ["kill"]}
        )
    assert [one.decision_id for one in journal.entries()] == ["d2", "d1", "d0"]
    assert [one.decision_id for one in journal.entries(limit=1)] == ["d2"]
    assert [one.decision_id for one in journal.entries(symbol="SOL/USDT:USDT", outcome="refused")] == ["d2"]
    assert [one.decision_id for one in journal.entries(since=1_001)] == ["d2", "d1"]
    assert journal.entries(trader_id=12) == ()
    assert journal.entries()[0].refused_rules == ("kill",)


def test_model_usage_is_summed_by_trader_and_day(journal: JournalRepository) -> None:
    assert journal.model_usage_since(11, 0) == (0, 0.0)
    for number, tokens in enumerate((100, None, 250)):
        claim(journal, f"d{number}", 1_000 + number)
        journal.finish(f"d{number}", "done", {"prompt_tokens": tokens, "completion_tokens": 7, "cost_usd": 0.5})
    assert journal.model_usage_since(11, 0) == (371, 1.5)
    assert journal.model_usage_since(11, 1_002) == (257, 0.5)
    assert journal.model_usage_since(12, 0) == (0, 0.0)


def written(journal: JournalRepository) -> dict[str, Any]:
    claim(journal)
    journal.record(ID, "snapshot", {"raw": [1, 2]})
    journal.record(ID, "execution", {"status": "unknown"})
    journal.record(ID, "execution", {"status": "open"})
    journal.record(ID, "note", {"free": "kind"})
    journal.finish(ID, "done", {"action": "enter", "refused_rules": ("a",), "finished_at": 5})
    return dict(json.loads(json.dumps(journal.export_line(ID))))


def test_a_failed_fetch_still_exports_and_imports(journal: JournalRepository, tmp_path: Path) -> None:
    claim(journal)
    journal.finish(ID, "failed", {"error": "the venue did not answer"})
    line = json.loads(json.dumps(journal.export_line(ID)))
    assert (line["schema"], line["context"], line["quote"], line["switches"]) == ("volgamma.bundle/1", None, None, None)
    assert line["record"]["error"] == "the venue did not answer"
    assert line["record"]["snapshot"] is None
    other = fresh(tmp_path, "other.sqlite")
    assert JournalRepository(other).import_line(line)
    assert JournalRepository(other).load(ID).info == journal.load(ID).info
    other.close()


def test_an_import_is_the_same_decision_superseded_documents_included(
    journal: JournalRepository, tmp_path: Path
) -> None:
    line = written(journal)
    other = fresh(tmp_path, "other.sqlite")
    elsewhere = JournalRepository(other)
    assert elsewhere.import_line(line)
    assert not elsewhere.import_line(line)
    assert elsewhere.load(ID) == journal.load(ID)
    assert elsewhere.export_line(ID) == line
    other.close()


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda d: d["record"]["snapshot"].update(raw=[1, 3]), "snapshot does not match its hash"),
        (lambda d: d["record"]["superseded"]["1"].update(status="open"), "execution does not match its hash"),
        (lambda d: d["record"]["superseded"].clear(), "execution does not match its hash"),
        (lambda d: d["record"].update(verdict={"outcome": "approved"}), "verdict is not listed"),
        (lambda d: d.update(switches={"kill": False}), "switches is not listed"),
        (lambda d: d["record"]["records"].pop(0), "snapshot is not listed"),
        (lambda d: d["record"]["records"].pop(3), ""),
        (lambda d: d["record"]["records"].append("x"), "seq, kind and hash"),
        (lambda d: d["record"].update(records=None), "no list"),
        (lambda d: d["record"].pop("decision_id"), "decision_id"),
        (lambda d: d["record"].update(started_at="x"), "started_at"),
        (lambda d: d.pop("record"), "no journal record"),
        (lambda d: d.update(schema="other/1"), "volgamma.bundle/1"),
    ],
)
def test_an_edited_export_is_refused_whole(journal: JournalRepository, tmp_path: Path, edit: Any, named: str) -> None:
    line = copy.deepcopy(written(journal))
    other = fresh(tmp_path, "other.sqlite")
    edit(line)
    if named:
        with pytest.raises(BadImport, match=named):
            JournalRepository(other).import_line(line)
        assert JournalRepository(other).entries() == ()
    else:  # a document of a kind nobody knows may be left out: it is not part of what is replayed
        assert JournalRepository(other).import_line(line)
    other.close()


@pytest.mark.parametrize("line", [None, [], 1, "x", {}])
def test_something_else_is_no_export(journal: JournalRepository, line: Any) -> None:
    with pytest.raises(BadImport):
        journal.import_line(line)


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda d: d["context"]["readings"]["sol.price.last"].update(value=1.0), "context_hash"),
        (lambda d: d["quote"].update(extra=1), "quote.extra"),
    ],
)
async def test_a_consistent_forgery_of_what_the_guard_reads_is_refused(tmp_path: Path, edit: Any, named: str) -> None:
    """The listed hash is made anew after the edit, so only the types and the context's own hash can tell."""
    line = await recorded(tmp_path)
    edit(line)
    for one in line["record"]["records"]:
        if one["kind"] in ("context", "quote"):
            one["hash"] = content_hash(line[one["kind"]])
    other = fresh(tmp_path, "other.sqlite")
    with pytest.raises(BadImport, match=named):
        JournalRepository(other).import_line(line)
    other.close()
