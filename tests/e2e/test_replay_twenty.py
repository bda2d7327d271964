"""Twenty decisions at different times and prices, by rules and by a model, played again: here, elsewhere, offline."""

import asyncio
import itertools
import json
import shutil
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import scripted_model
from tests.e2e.house import ROOT, house, volgamma

#: How much later, and at what share of the price before.
MOVES = ((0, 1.0), (900_000, 1.01), (5 * 3_600_000, 0.93), (11 * 3_600_000, 1.08), (30 * 3_600_000, 0.9))


def of_many_moods() -> scripted_model.Script:
    """A model that answers every fourth question alike."""
    moods = itertools.cycle(range(4))

    def says(body: dict[str, Any]) -> str:
        if len(body["messages"]) > 2:
            return scripted_model.enter(body)  # asked to repair
        return (
            scripted_model.enter(body),
            scripted_model.reply(body),
            "I think we should buy!",
            scripted_model.reply(body, margin_bp=99_999),
        )[next(moods)]

    return says


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Twenty decisions in one database; pairs open and end between them."""
    folder = tmp_path_factory.mktemp("twenty")

    async def live() -> dict[str, Any]:
        seen = []
        async with scripted_model.scripted(of_many_moods()) as model, house(folder, **model.environment) as h:
            for ms, factor in MOVES:
                await h.control("advance", {"ms": ms})
                for symbol, market in (await h.state())["market"].items():
                    price = float(market["mark"]) * factor
                    await h.control("price", {"symbol": symbol, "price": f"{price:.2f}"})
                for symbol in ("SOL", "AVAX"):
                    for policy in ("rules", "llm"):
                        seen.append((await h.decide(symbol, policy)).document())
            return {"seen": seen, "environment": dict(h.environment), "folder": folder}

    return asyncio.run(live())


def verify(environment: dict[str, str], *words: str) -> tuple[int, dict[str, Any]]:
    done = volgamma(environment, "replay", "verify", *words, "--json")
    return done.returncode, json.loads(done.stdout)


def copied(past: dict[str, Any], folder: Path) -> dict[str, str]:
    """A copy of the data folder, to be damaged."""
    shutil.copytree(past["folder"] / "data", folder / "data")
    return {**past["environment"], "VOLGAMMA_DATA_DIR": str(folder / "data")}


def test_twenty_are_identical_and_not_all_the_same(past: dict[str, Any]) -> None:
    code, report = verify(past["environment"], "--all")
    assert (code, report["checked"], report["identical"], report["drifted"]) == (0, 20, 20, [])
    seen = past["seen"]
    assert len({one["decision_id"] for one in seen}) == 20 and len({one["context_hash"] for one in seen}) == 20
    actions = {one["decision"]["action"] for one in seen}
    assert "enter" in actions and len(actions) >= 3, actions
    assert {one["verdict"]["outcome"] for one in seen} >= {"approved"}
    assert any(one["llm"]["attempts"] == 2 for one in seen), "a reply was repaired"
    assert any(one["execution"]["status"] == "open" for one in seen)
    assert any(one["recovery"] for one in seen), "a bracket ended a pair between decisions"


def test_from_the_context_too(past: dict[str, Any]) -> None:
    code, report = verify(past["environment"], "--all", "--from", "context")
    assert (code, report["identical"]) == (0, 20)


def test_elsewhere(past: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    assert volgamma(past["environment"], "journal", "export", str(file)).returncode == 0
    assert len(file.read_text().splitlines()) == 20
    other = {"VOLGAMMA_DATA_DIR": str(tmp_path / "other" / "data")}
    done = volgamma(other, "journal", "import", str(file), "--json")
    assert json.loads(done.stdout)["imported"] == 20, done.stderr
    code, report = verify(other, "--all")
    assert (code, report["checked"], report["identical"]) == (0, 20, 20)
    again = volgamma(other, "journal", "import", str(file), "--json")
    assert (json.loads(again.stdout)["imported"], json.loads(again.stdout)["known"]) == (0, 20)


CHANGES: dict[str, tuple[Any, str]] = {
    "context": (lambda d: d.update(as_of=d["as_of"] + 1), "context"),
    "verdict": (lambda d: d.update(outcome="refused"), "verdict.outcome"),
    "proposal": (lambda d: d["decision"].update(confidence=0.123), "proposal.decision.confidence"),
}


@pytest.mark.parametrize("part", sorted(CHANGES))
def test_a_changed_export_is_found_and_named(past: dict[str, Any], tmp_path: Path, part: str) -> None:
    """Somebody edits one line of an export: the field is named and every other decision still counts."""
    file = tmp_path / "all.jsonl"
    assert volgamma(past["environment"], "journal", "export", str(file)).returncode == 0
    lines = file.read_text().splitlines()
    victim = json.loads(lines[7])
    change, field = CHANGES[part]
    change(victim["context"] if part == "context" else victim["record"][part])
    lines[7] = json.dumps(victim)
    file.write_text("\n".join(lines))
    code, report = verify({"VOLGAMMA_DATA_DIR": str(tmp_path / "d" / "data")}, "--file", str(file), "--all")
    assert (code, report["checked"], report["identical"]) == (3, 20, 19)
    (drift,) = report["drifted"]
    assert drift["decision_id"] == victim["record"]["decision_id"]
    assert drift["field"].startswith(field), drift


@pytest.mark.parametrize("part", ["context", "snapshot", "verdict"])
@pytest.mark.parametrize("damage", ["rewritten", "torn"])
def test_a_damaged_database_is_found_and_named(past: dict[str, Any], tmp_path: Path, part: str, damage: str) -> None:
    environment = copied(past, tmp_path)
    victim = past["seen"][4]["decision_id"]
    with sqlite3.connect(tmp_path / "data" / "volgamma.sqlite") as database:
        (name,) = database.execute(
            "SELECT blob_hash FROM records WHERE decision_id = ? AND kind = ?", (victim, part)
        ).fetchone()
        (data,) = database.execute("SELECT data FROM blobs WHERE hash = ?", (name,)).fetchone()
        text = zlib.decompress(data).decode()
        bad = zlib.compress(text.replace("0", "1", 1).encode()) if damage == "rewritten" else data[:-9]
        database.execute("UPDATE blobs SET data = ? WHERE hash = ?", (bad, name))
    database.close()
    code, report = verify(environment, "--all")
    assert (code, report["checked"]) == (3, 20)
    drifted = {one["decision_id"]: one["field"] for one in report["drifted"]}
    assert drifted[victim].startswith(part), drifted
    assert report["identical"] == 20 - len(drifted) >= 16


def test_offline_without_ccxt_or_openai(past: dict[str, Any]) -> None:
    """The whole check in a process where no socket can be made and neither client can be imported."""
    code = """
import socket, sys
def forbidden(*a, **k): raise RuntimeError("network")
socket.socket.connect = forbidden; socket.getaddrinfo = forbidden; socket.create_connection = forbidden
class Never:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("ccxt", "openai", "httpx", "httpx2", "aiohttp", "requests"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Never())
sys.argv = ["volgamma", "replay", "verify", "--all", "--json"]
from orchestrator.cli.app import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", "HOME": str(past["folder"]), **past["environment"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["identical"] == 20
