"""`volgamma simulate --policy llm`: a scripted server over a made-up history, its replies kept, the rules beside it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.scripted_model import Script, ScriptedModel, enter, scripted
from tests.simulated_market import write_market
from tests.store_cli import Volgamma

WEEKS = ("--from", "2024-05-25", "--to", "2024-06-10")


@contextmanager
def serving(say: Script) -> Iterator[ScriptedModel]:
    """The server in a thread of its own: the command under test runs its own loop in this one."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: list[ScriptedModel] = []

    async def serve() -> None:
        async with scripted(say) as model:
            found.append(model)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("history"))


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)


def ask(volgamma: Volgamma, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in model.environment.items():
        monkeypatch.setenv(name, value)


def test_a_model_is_asked_once_and_held_against_the_rules(
    volgamma: Volgamma, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("simulate", "--data", str(folder), *WEEKS, "--policy", "llm", "--json")
    with serving(enter) as model:
        ask(volgamma, model, monkeypatch)
        first = volgamma(*words)
        assert first.code == 0, first.out
        asked = len(model.requests)
        again = volgamma(*words)
        page = volgamma(*words[:-1], "--report", str(tmp_path / "r.html"))
        assert len(model.requests) == asked, "replies are kept"
    found, said = first.json, first.json["model"]
    rules = volgamma("simulate", "--data", str(folder), *WEEKS, "--json").json
    assert found["policy"] == "llm" and found["actions"]["enter"] > 0 and found["cycles"] > 0
    assert (said["rules_cycles"], said["rules_net"]) == (rules["cycles"], rules["net"])
    assert said["asked"] == found["decisions"] <= asked, "the probe of what the server can do comes on top"
    assert again.json["model"]["asked"] == 0 and again.json["model"]["kept"] == said["asked"]
    assert (again.json["net"], again.json["cycles"]) == (found["net"], found["cycles"])
    assert "rules alone" in page.out and all(len(line) <= 80 for line in page.out.splitlines() if "r.html" not in line)
    assert "The rules alone opened" in (tmp_path / "r.html").read_text()


def test_it_stops_at_the_number_of_calls_and_goes_on_from_there(
    volgamma: Volgamma, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("simulate", "--data", str(folder), *WEEKS, "--policy", "llm:scripted", "--json", "--model-calls")
    with serving(enter) as model:
        ask(volgamma, model, monkeypatch)
        stopped = volgamma(*words, "5")
        assert (stopped.code, stopped.json["error"]["code"]) == (1, "model_calls_spent")
        assert "--model-calls" in stopped.json["error"]["remedy"]
        whole = volgamma(*words, "5000").json
    assert whole["model"]["kept"] == 5 and whole["decisions"] == whole["model"]["asked"] + 5


def test_a_server_that_fails_is_no_opinion(volgamma: Volgamma, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda body: 401) as model:
        ask(volgamma, model, monkeypatch)
        done = volgamma("simulate", "--data", str(folder), *WEEKS, "--policy", "llm", "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "model_failed"), done.out
    assert "kept" in done.json["error"]["remedy"]
