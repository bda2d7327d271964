"""The embedded model, end to end: child process, HTTP, constrained answer, decision. About half a minute."""

import contextlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.clock import SystemClock
from orchestrator.local_model import LocalModel, _who_answers, ensure_local_model, is_installed
from orchestrator.model_choice import open_model
from orchestrator.settings import Settings, load
from tests.ports import free_port
from tests.trader_samples import context
from traders.contract.decision import Action
from traders.volatility_gamma.trader import VolatilityGamma

pytestmark = [
    pytest.mark.llm,
    pytest.mark.skipif(not is_installed(), reason="the embedded model is not installed (extra local-llm)"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("llm")
    return load({"VOLGAMMA_DATA_DIR": str(folder), "VOLGAMMA_LLM_PORT": str(free_port())})


@pytest.fixture(scope="module")
def running(chosen: Settings) -> Iterator[LocalModel]:
    """One server for the module, started the way `decide` starts it."""
    import asyncio

    local = asyncio.run(ensure_local_model(chosen, SystemClock()))
    yield local
    local.stop()


async def test_a_decision_from_the_embedded_model_and_the_same_again(chosen: Settings, running: LocalModel) -> None:
    """Temperature 0 and no cache: the same question gets the same answer."""
    async with open_model(chosen, SystemClock()) as model:
        proposal = await VolatilityGamma().propose(context(), model, None, "llm")
        again = await model.complete(proposal.requests[0])
    assert proposal.decision.action in (Action.ENTER, Action.STAND_ASIDE)
    assert proposal.model == "embedded/gemma-3-270m-q4_k_m" and proposal.prompt_version is not None
    assert 1 <= proposal.attempts <= 2 and len(proposal.replies) == proposal.attempts
    # the server's own count, against the budget of the compact prompt
    first = proposal.replies[0].prompt_tokens
    assert first is not None and 800 < first < 1500
    assert proposal.replies[0].finish_reason == "stop"
    assert again.text == proposal.replies[0].text
    assert _who_answers(chosen.llm_port) == "ours", "a server that was there before is left running"


def test_the_child_ends_with_its_parent(chosen: Settings, tmp_path: Path) -> None:
    """The parent is killed without any chance to clean up."""
    port = free_port()
    code = (
        "import asyncio, sys\n"
        "from orchestrator.clock import SystemClock\n"
        "from orchestrator.local_model import ensure_local_model\n"
        "from orchestrator.settings import load\n"
        "asyncio.run(ensure_local_model(load(), SystemClock()))\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    models = chosen.data_dir / "models"
    if models.is_dir():
        (tmp_path / "models").symlink_to(models)
    environment = {**os.environ, "VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_LLM_PORT": str(port)}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert parent.stdout is not None and parent.stdout.readline() == "ready\n"
        assert _who_answers(port) == "ours"
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        for stream in (parent.stdin, parent.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
    for _ in range(600):
        if _who_answers(port) == "nobody":
            return
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.1)"], check=True)
    pytest.fail("the child outlived its parent")


async def test_another_program_on_the_port_is_left_alone(tmp_path: Path, chosen: Settings) -> None:
    """Something else answers on the configured port: another port is taken, the stranger is not talked to."""
    import asyncio

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    other: Any = load({"VOLGAMMA_DATA_DIR": str(chosen.data_dir), "VOLGAMMA_LLM_PORT": str(port)})
    async with server:
        local = await ensure_local_model(other, SystemClock())
        try:
            assert f":{port}/" not in local.base_url
            opened = await asyncio.to_thread(urllib.request.urlopen, f"{local.base_url}/models")
            opened.close()
        finally:
            local.stop()
            local.stop()
    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(urllib.request.urlopen, f"{local.base_url}/models")


def test_serving_on_a_taken_port_says_so(chosen: Settings, running: LocalModel) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "llm", "serve", "--port", str(chosen.llm_port), "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "VOLGAMMA_DATA_DIR": str(chosen.data_dir)},
    )
    assert done.returncode == 1 and '"port_taken"' in done.stdout
