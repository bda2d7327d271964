"""The paper exchange stopped and started again, and `volgamma exchange serve` as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from orchestrator.paper_exchange.server import ExchangeConfig, start
from orchestrator.paper_exchange.state_file import BadState
from tests.paper_client import client

SERVE = [sys.executable, "-c", "from orchestrator.cli.app import main; main()", "exchange", "serve"]


async def test_account_time_and_price_go_on_where_they_stopped(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.json"
    async with client(state_file=path) as first:
        await first.hedge()
        await first.open_pair(50)
        await first.conditional("sell", "LONG", "STOP_MARKET", 170, "kept")
        await first.price(205)
        await first.control("advance", {"ms": 9 * 3_600_000 + 123})
        before = await first.state()
    async with client(state_file=path) as second:
        after = await second.state()
        assert {**after, "requests": None} == {**before, "requests": None}
        assert (await second.ccxt.fetch_position_mode())["hedged"] is True
        found = await second.ccxt.fapiPrivateGetAlgoOrder({"clientAlgoId": "kept"})
        assert found["algoStatus"] == "NEW"
        await second.order("sell", "LONG", 50)
        numbers = [row["id"] for row in (await second.state())["fills"]]
        assert len(numbers) == len(set(numbers))
        assert second.engine.account.positions["SOLUSDT", "SHORT"].isolated


async def test_a_killed_exchange_has_stored_every_order(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    async with client(state_file=path) as first:
        await first.hedge()
        await first.open_pair(50)
        stored = json.loads(path.read_text())
    assert len(stored["orders"]) == 2


async def test_one_account_is_kept_by_one_exchange(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    async with client(state_file=path):
        with pytest.raises(BadState, match="another exchange keeps its account in"):
            await start(ExchangeConfig(frozen=True, state_file=path))
        with pytest.raises(ValueError, match="no market"):
            await start(ExchangeConfig(market="moon", state_file=tmp_path / "other.json"))
    again = await start(ExchangeConfig(frozen=True, state_file=path))
    await again.stop()
    other = await start(ExchangeConfig(frozen=True, state_file=tmp_path / "other.json"))
    await other.stop()


@pytest.mark.parametrize(
    "change",
    [
        "no json",
        "[]",
        {"format": "other"},
        {"now": None},
        {"account": {}},
        {"overrides": 5},
        {"identity": {"market": "synthetic", "seed": 8, "scenario": "expanding"}},
    ],
)
async def test_a_file_that_is_no_state_of_this_exchange_is_named_and_kept(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "state.json"
    running = await start(ExchangeConfig(frozen=True, state_file=path))
    await running.stop()
    text = change if isinstance(change, str) else json.dumps({**json.loads(path.read_text()), **change})
    path.write_text(text)
    with pytest.raises(BadState, match=str(path.name).replace(".", "[.]")):
        await start(ExchangeConfig(frozen=True, state_file=path))
    assert path.read_text() == text


def serve(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SERVE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )


def test_serve_announces_itself_answers_and_ends_at_sigterm(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    process = serve("--frozen", "--port", "0", "--json", "--state", str(state))
    assert process.stdout is not None
    try:
        text = ""
        while not text.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            text += line
        ready = json.loads(text)
        assert ready["schema"] == "volgamma.exchange/1"
        with urllib.request.urlopen(f"{ready['url']}/fapi/v1/time", timeout=60) as answer:
            assert json.load(answer) == {"serverTime": ready["now"]}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.communicate()[1] == ""
        assert json.loads(state.read_text())["now"] == ready["now"]
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--scenario", "stormy"], 2, "stormy"),
        (["--market", "recorded", "--at", "2024-08-05T02:05:00Z", "--data", "nowhere"], 1, "nowhere"),
        (["--market", "recorded"], 2, "--at"),
        (["--port", "TAKEN"], 1, "port"),
    ],
)
def test_what_serve_cannot_do_it_says_in_one_breath(arguments: list[str], code: int, word: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = str(taken.getsockname()[1])
        process = serve(*(number if text == "TAKEN" else text for text in arguments))
        out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert out == ""
    assert word in err
    assert "Traceback" not in err
