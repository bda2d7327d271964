"""Whatever is wrong: one clear line, the right exit code, nothing half done, never a traceback."""

import asyncio
import fcntl
import json
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import orchestrator.local_model as local_model
from orchestrator import host
from orchestrator.errors import HostError
from tests.e2e import scripted_model
from tests.e2e.house import assert_flat, house, memory, sent, volgamma

CLOSED = "http://127.0.0.1:9"


def complaint(done: Any, code: int, *words: str) -> dict[str, str]:
    """The error document of a `--json` command, after everything that every complaint must be."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr + done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and lines[0].startswith("volgamma: ") and lines[1].startswith("  remedy: "), done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {"error"} and set(document["error"]) == {"code", "message", "remedy"}
    for word in words:
        assert word in document["error"]["message"] + document["error"]["remedy"], document
    return dict(document["error"])


def at(folder: Path, **more: str) -> dict[str, str]:
    return {"VOLGAMMA_DATA_DIR": str(folder / "data"), "VOLGAMMA_PAPER_URL": CLOSED, **more}


def decide(environment: dict[str, str], *words: str) -> Any:
    return volgamma(environment, "decide", "--policy", "rules", *words, "--json")


@pytest.mark.parametrize(
    ("words", "code", "error", "named"),
    [
        (("--symbol", "DOGE"), 1, "symbol_not_allowed", "DOGE"),
        (("--symbol", "S0L;DROP"), 2, "unknown_symbol", "S0L"),
        (("--symbol", ""), 2, "unknown_symbol", "SOL"),
        (("--exchange", "binance_usdm"), 2, "unknown_exchange", "binance_usdm"),
        (("--policy", "astrology"), 2, "unknown_policy", "astrology"),
        (("--live",), 2, "live_on_paper", "--live"),
    ],
)
async def test_a_wrong_word(tmp_path: Path, words: tuple[str, ...], code: int, error: str, named: str) -> None:
    async with house(tmp_path) as h:
        done = await asyncio.to_thread(decide, h.environment, *words)
        assert complaint(done, code, named)["code"] == error
        assert sent(await h.state()) == []
        with h.store() as store:
            assert memory(store) == {"journal": 0, "pairs": 0, "unresolved": 0}


def test_the_exchange_is_down(tmp_path: Path) -> None:
    complaint(decide(at(tmp_path)), 1, "paper")
    with sqlite3.connect(tmp_path / "data" / "volgamma.sqlite") as database:
        assert database.execute("SELECT count(*) FROM decisions").fetchone() == (0,)
    database.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:////nowhere/at/all.db", "postgresql+psycopg://u:geheim@127.0.0.1:9/x", "mysql://x/y"]
)
def test_a_bad_database(tmp_path: Path, url: str) -> None:
    done = decide(at(tmp_path, VOLGAMMA_DATABASE_URL=url))
    complaint(done, 1)
    assert "geheim" not in done.stdout + done.stderr, "passwords are not printed"


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "volgamma.sqlite").write_text("this is a shopping list\n" * 100)
    complaint(decide(at(tmp_path)), 1)
    assert (tmp_path / "data" / "volgamma.sqlite").read_text().startswith("this is a shopping list")


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder should be (rights would not stop root)."""
    (tmp_path / "data").write_text("in the way")
    complaint(decide({"VOLGAMMA_DATA_DIR": str(tmp_path / "data")}), 1, str(tmp_path / "data"))
    assert (tmp_path / "data").read_text() == "in the way"


def test_a_busy_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with (folder / "paper-exchange.lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = complaint(decide({"VOLGAMMA_DATA_DIR": str(folder)}), 1, "4711", str(folder))
    assert said["code"] == "data_dir_busy"


def test_a_kill_on_a_full_disk_is_on(tmp_path: Path) -> None:
    """No byte can be written: the file is there and empty, and its presence counts."""
    code = "import sys; from orchestrator.cli.app import main; sys.argv[1:] = ['kill', '--why', 'full']; main()"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={**os.environ, "VOLGAMMA_DATA_DIR": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"kill switch on by file {tmp_path / 'KILL'}" in done.stdout
    assert (tmp_path / "KILL").read_text() == ""


def test_a_damaged_paper_account(tmp_path: Path) -> None:
    file = tmp_path / "paper-exchange.json"
    file.write_text("half of")
    done = volgamma({"VOLGAMMA_DATA_DIR": str(tmp_path)}, "decide", "--policy", "rules")
    assert done.returncode == 1
    assert f"{file} cannot be read" in done.stderr
    assert f"move {file} away" in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_text() == "half of", "nothing is lost"


def test_a_misspelt_constraint(tmp_path: Path) -> None:
    done = volgamma(at(tmp_path), "constraints", "set", "levrage_max", "8", "--why", "test", "--json")
    complaint(done, 1, "levrage_max", "leverage_max")
    history = json.loads(volgamma(at(tmp_path), "constraints", "history", "--json").stdout)
    assert len(history["versions"]) == 1, "no version was made"


def test_a_constraint_row_renamed_behind_our_back(tmp_path: Path) -> None:
    environment = at(tmp_path)
    assert volgamma(environment, "constraints", "show", "--json").returncode == 0
    with sqlite3.connect(tmp_path / "data" / "volgamma.sqlite") as database:
        changed = database.execute("UPDATE constraint_values SET key = 'levrage_max' WHERE key = 'leverage_max'")
        assert changed.rowcount == 1
    database.close()
    complaint(decide(environment), 1, "levrage_max", "leverage_max")


def test_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.settings import load

    monkeypatch.setattr(local_model, "is_installed", lambda: False)
    with pytest.raises(HostError) as caught:
        host.require_model(load({"VOLGAMMA_DATA_DIR": str(tmp_path)}))
    assert caught.value.exit_code == 1 and "local-llm" in caught.value.remedy + caught.value.message
    assert "rules" in caught.value.remedy
    host.require_model(load({"VOLGAMMA_DATA_DIR": str(tmp_path), "OPENAI_BASE_URL": CLOSED}))


GARBAGE: dict[str, Any] = {
    "prose": lambda body: "Honestly, I would wait for a better moment.",
    "nan": lambda body: scripted_model.reply(body).replace("1500", "NaN"),
    "doubled": lambda body: scripted_model.enter(body) * 2,
    "nothing": lambda body: "",
    "server errors": lambda body: 500,
    "not found": lambda body: 404,
    "out of bounds": lambda body: scripted_model.reply(body, leverage=50, action="enter"),
    "cut off": lambda body: scripted_model.completion(scripted_model.enter(body)[:40], finish="length"),
    "no choices": lambda body: {**scripted_model.completion("x"), "choices": []},
    "another document": lambda body: {"hello": "world"},
    "enormous": lambda body: "[" * 100_000,
}


@pytest.mark.parametrize("kind", sorted(GARBAGE))
async def test_garbage_from_the_model_abstains(tmp_path: Path, kind: str) -> None:
    async with (
        scripted_model.scripted(GARBAGE[kind]) as model,
        house(tmp_path, VOLGAMMA_LLM_TIMEOUT_S="2", **model.environment) as h,
    ):
        document = (await h.decide("SOL", "llm")).document()
        assert document["decision"]["action"] == "stand_aside"
        assert document["decision"]["abstained"], document["decision"]
        assert document["llm"]["error"]
        assert (document["verdict"]["outcome"], document["execution"]["status"]) == ("approved", "none")
        state = await h.state()
        assert sent(state) == []
        assert_flat(state)
        with h.store() as store:
            (entry,) = store.journal.entries(limit=None)
            assert (entry.status, entry.action) == ("finished", "stand_aside")


async def test_garbage_exits_with_0_and_replays(tmp_path: Path) -> None:
    async with scripted_model.scripted(GARBAGE["prose"]) as model, house(tmp_path, **model.environment) as h:
        done = await asyncio.to_thread(volgamma, h.environment, "decide", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["decision"]["abstained"] == "not_json"
    assert volgamma(h.environment, "replay", "verify", "--all").returncode == 0


async def test_a_model_server_that_is_down(tmp_path: Path) -> None:
    more = {"OPENAI_BASE_URL": f"{CLOSED}/v1", "VOLGAMMA_MODEL": "gone"}
    async with house(tmp_path, **more) as h:
        document = (await h.decide("SOL", "llm")).document()
        assert document["decision"]["abstained"] == "model_unavailable"
        assert_flat(await h.state())
