"""`volgamma journal` and `volgamma replay verify`: past decisions, moved and played again."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from db.database import open_database
from db.journal_repository import JournalRepository
from orchestrator.decide_report import NO_EXECUTION
from tests.guard_scenario import NOW, SOL
from tests.recorded_entry import ID, write
from tests.store import fresh
from tests.store_cli import Volgamma
from traders.contract.bundle import Bundle


@pytest.fixture
async def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    database = fresh(tmp_path, "volgamma.sqlite")
    await write(database)
    journal = JournalRepository(database)
    journal.claim("11-AVAXUSDT-20250101T120000Z", 11, "AVAX/USDT:USDT", "paper", "llm", NOW + 1)
    journal.finish("11-AVAXUSDT-20250101T120000Z", "failed", {"error": "the venue did not answer"})
    database.close()
    return Volgamma(tmp_path, monkeypatch)


AVAX_ID = "11-AVAXUSDT-20250101T120000Z"


def test_list(volgamma: Volgamma) -> None:
    document = volgamma("journal", "list", "--json").json
    assert [one["decision_id"] for one in document["decisions"]] == [AVAX_ID, ID]
    assert document["decisions"][1]["outcome"] == "approved"
    assert [
        one["decision_id"] for one in volgamma("journal", "list", "--symbol", "sol", "--json").json["decisions"]
    ] == [ID]
    assert volgamma("journal", "list", "--outcome", "refused", "--json").json["decisions"] == []
    assert volgamma("journal", "list", "--limit", "1").out.count("11-") == 1
    assert "approved" in volgamma("journal", "list").out
    assert "did not answer" in volgamma("journal", "list").out
    assert volgamma("journal", "list", "--symbol", "*", "--json").json["error"]["code"] == "unknown_symbol"


def test_an_empty_list_says_why(volgamma: Volgamma, monkeypatch: pytest.MonkeyPatch) -> None:
    assert volgamma("journal", "list", "--symbol", "DOGE").out == "none of 2 decisions is on DOGE/USDT:USDT\n"
    refused = volgamma("journal", "list", "--symbol", "SOL", "--outcome", "refused")
    assert refused.out == "none of 2 decisions is refused on SOL/USDT:USDT\n"
    unknown = volgamma("journal", "list", "--outcome", "foo", "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "unknown_outcome")
    assert "approved, amended, refused" in unknown.json["error"]["remedy"]
    (volgamma.folder / "other").mkdir()
    other = Volgamma(volgamma.folder / "other", monkeypatch)
    assert other("journal", "list").out == f"no decision in the journal ({other.folder}/volgamma.sqlite)\n"
    assert f"({other.folder}/volgamma.sqlite)" in other("journal", "show", "nobody", "--json").json["error"]["message"]


def test_show_tells_why_an_execution_ended_as_it_did(volgamma: Volgamma) -> None:
    database = open_database(f"sqlite:///{volgamma.folder}/volgamma.sqlite")
    journal = JournalRepository(database)
    name = "11-SOLUSDT-20250101T130000Z"
    journal.claim(name, 11, SOL, "paper", "rules", NOW + 2)
    document = {**NO_EXECUTION, "status": "unwound", "reason": "the second leg was rejected: margin"}
    journal.record(name, "execution", document)
    journal.finish(name, "decided", {})
    database.close()
    assert re.search(r"reason +the second leg was rejected: margin", volgamma("journal", "show", name).out)


def test_show_is_a_bundle_that_the_guard_reads(volgamma: Volgamma) -> None:
    document = volgamma("journal", "show", ID, "--json").json
    bundle = Bundle.model_validate(document)
    assert bundle.context.compute_hash() == bundle.context.context_hash
    assert bundle.record is not None
    assert bundle.record["decision_id"] == ID
    assert bundle.record["constraints"]["schema"] == "volgamma.constraints/1"  # type: ignore[index, call-overload]
    assert document["record"]["execution"] is None


def test_show_for_people_fits_80_columns(volgamma: Volgamma) -> None:
    text = volgamma("journal", "show", ID).out
    assert max(len(line) for line in text.splitlines()) <= 80
    for expected in ("sol.1h.atr_ratio", "2.1034", "enter", "2.00% closes 50% of losing", "approved", SOL):
        assert expected in text


def test_a_failed_decision_is_shown_exported_and_imported(volgamma: Volgamma, monkeypatch: pytest.MonkeyPatch) -> None:
    document = volgamma("journal", "show", AVAX_ID, "--json").json
    assert (document["schema"], document["context"], document["quote"]) == ("volgamma.bundle/1", None, None)
    assert "did not answer" in volgamma("journal", "show", AVAX_ID).out
    done = volgamma("replay", "verify", AVAX_ID, "--json")
    assert (done.code, done.json["checked"], done.json["skipped"][0]["decision_id"]) == (0, 0, AVAX_ID)


def test_an_export_is_the_same_journal_on_another_machine(volgamma: Volgamma, monkeypatch: pytest.MonkeyPatch) -> None:
    file = volgamma.folder / "out.jsonl"
    assert volgamma("journal", "export", str(file), "--json").json["exported"] == 2
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["record"]["decision_id"] for line in lines] == [ID, AVAX_ID]
    assert volgamma("journal", "export", str(file)).code == 1  # never overwritten
    only = volgamma.folder / "only.jsonl"
    assert volgamma("journal", "export", str(only), ID, "--json").json["exported"] == 1

    (volgamma.folder / "other").mkdir()
    other = Volgamma(volgamma.folder / "other", monkeypatch)
    assert other("journal", "import", str(only), "--json").json == {
        "schema": "volgamma.journal_import/1",
        "file": str(only),
        "imported": 1,
        "known": 0,
    }
    assert other("journal", "import", str(file)).out == "1 imported, 1 were here already\n"
    again = volgamma.folder / "again.jsonl"
    other("journal", "export", str(again))
    assert again.read_text() == file.read_text()


def test_a_damaged_line_is_named_by_its_number(volgamma: Volgamma, monkeypatch: pytest.MonkeyPatch) -> None:
    file = volgamma.folder / "out.jsonl"
    volgamma("journal", "export", str(file))
    good = file.read_text()
    (volgamma.folder / "other").mkdir()
    other = Volgamma(volgamma.folder / "other", monkeypatch)
    for bad, named in (
        (good.replace('"kill":false', '"kill":true'), "line 1: decision .* switches does not match its hash"),
        (good + "{", "line 3: no JSON"),
        (good + '{"x": NaN}', "line 3: no JSON"),
        (good + "[]", "line 3: this is no volgamma.bundle/1"),
    ):
        file.write_text(bad)
        done = other("journal", "import", str(file), "--json")
        assert (done.code, done.json["error"]["code"]) == (1, "bad_import")
        assert re.search(named, done.json["error"]["message"])
    assert other("journal", "import", "nowhere.jsonl").code == 1
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in other("journal", "import", str(file)).err


def test_an_unknown_id_makes_no_file(volgamma: Volgamma) -> None:
    file = volgamma.folder / "out.jsonl"
    assert volgamma("journal", "export", str(file), ID, "nobody").code == 1
    assert not file.exists()
    assert volgamma("journal", "show", "nobody", "--json").json["error"]["code"] == "not_found"


def test_drift_is_exit_3_in_the_pinned_shape(volgamma: Volgamma) -> None:
    """The recorded context was made by another trader than the installed #11, so that it must differ."""
    done = volgamma("replay", "verify", ID, "--json")
    assert done.code == 3
    document = done.json
    assert (document["schema"], document["checked"], document["identical"]) == ("volgamma.replay_verify/1", 1, 0)
    assert [list(one) for one in document["drifted"]] == [["decision_id", "field", "recorded", "recomputed"]]
    assert document["drifted"][0]["decision_id"] == ID
    assert document["drifted"][0]["field"].startswith("context")
    text = volgamma("replay", "verify", "--all")
    assert text.code == 3
    assert text.out.endswith("0 identical, 1 drifted, 1 not replayable\n")


def test_an_export_is_verified_without_a_journal(volgamma: Volgamma) -> None:
    file = volgamma.folder / "out.jsonl"
    volgamma("journal", "export", str(file))
    (volgamma.folder / "volgamma.sqlite").unlink()
    assert volgamma("replay", "verify", "--file", str(file), "--json").json["checked"] == 1
    assert volgamma("replay", "verify", "--file", str(file), "nobody").code == 1
    file.write_text("{}")
    assert volgamma("replay", "verify", "--file", str(file), "--json").json["error"]["code"] == "bad_import"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("nobody",), 1, "not_found"),
        ((), 2, "usage"),
        (("--all", ID), 2, "usage"),
        (("--all", "--from", "verdict"), 2, "usage"),
    ],
)
def test_wrong_words(volgamma: Volgamma, words: tuple[str, ...], code: int, error: str) -> None:
    done = volgamma("replay", "verify", *words, "--json")
    assert (done.code, done.json["error"]["code"]) == (code, error)


async def test_a_trader_that_is_not_installed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = fresh(tmp_path, "volgamma.sqlite")
    await write(database, trader_id=99, name="99-x")
    database.close()
    volgamma = Volgamma(tmp_path, monkeypatch)
    # the command starts its own event loop, so it runs outside this one
    done = await asyncio.to_thread(volgamma, "replay", "verify", "99-x", "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "unknown_trader")
