"""Alerts over real HTTP: `volgamma run` and `volgamma alerts test` against a loopback server, good and bad."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator import settings
from orchestrator.alerts.events import Message
from orchestrator.alerts.sender import MOST_WAITING, Sender, channels
from orchestrator.alerts.watch import watching
from orchestrator.clock import SystemClock
from orchestrator.errors import HostError
from orchestrator.paper_exchange.server import ExchangeConfig, start
from tests.notified import notified


async def volgamma(folder: Path, more: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VOLGAMMA_", "OPENAI_"))}
    environment |= {"VOLGAMMA_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1", **more}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 300)
    assert b"Traceback" not in err
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_a_full_queue_loses_messages_and_keeps_nobody_waiting() -> None:
    with notified() as server:
        server.hang = True
        sender = Sender(channels((SecretStr(server.url),)))
        begun = time.monotonic()
        for number in range(300):
            sender.put(Message("info", "volgamma: test", str(number)))
        sender.close(0.2)
        assert time.monotonic() - begun < 60  # the server would have held it for ten minutes
        assert sender.channels[0].dropped >= 300 - 1 - MOST_WAITING


RUN = ("run", "--every", "1s", "--for", "5s", "--policy", "rules", "--symbols", "SOL", "--json")


async def test_a_run_tells_what_happened_and_repeats_nothing(tmp_path: Path) -> None:
    running = await start(ExchangeConfig(frozen=True))
    try:
        with notified() as server:
            more = {"VOLGAMMA_PAPER_URL": running.url, "VOLGAMMA_ALERTS": server.url}
            code, out, err = await volgamma(tmp_path, more, *RUN, "--for", "8s", "--flatten-on-exit")
            assert code == 0, err
            assert server.titles.count("volgamma: pair opened") == json.loads(out)["entered"] >= 1
            closed = [one for one in server.arrived if one["title"] == "volgamma: pair closed"]
            assert len(closed) == server.titles.count("volgamma: pair opened")
            assert "net " in closed[0]["message"] and "USDT after fees and funding" in closed[0]["message"]
            assert "hush" not in out + err
            (line,) = [one for one in err.splitlines() if one.startswith("alerts: ")]
            assert line == "alerts: JSON", "nothing was lost"
            code, out, err = await volgamma(tmp_path, {}, "alerts", "list", "--json")
            assert code == 0, err
            told = json.loads(out)["alerts"]
            assert sorted(f"volgamma: {one['title']}" for one in told) == sorted(server.titles)
            assert {one["services"][0]["state"] for one in told} == {"delivered"}, "the last one too"
            assert {one["by"].partition(" on ")[0] for one in told} == {"run"}
            assert [one["at"] for one in told] == sorted((one["at"] for one in told), reverse=True)
            server.arrived.clear()
            running.engine.advance(running.engine.now + 60_000)
            assert (await volgamma(tmp_path, {}, "kill", "--why", "news"))[0] == 0
            code, _, err = await volgamma(tmp_path, more, *RUN)
            assert code == 0, err
            assert "volgamma: pair opened" not in server.titles
            (kill,) = [one for one in server.arrived if one["title"] == "volgamma: kill"]
            assert "news" in kill["message"] and "volgamma resume" in kill["message"]
            assert kill["type"] == "failure"
            server.arrived.clear()
            code, _, err = await volgamma(tmp_path, more, "alerts", "test", "--digest")
            assert code == 0, err
            (digest,) = server.arrived
            assert "decisions in 24 h" in digest["message"] and "Equity " in digest["message"]
            (picture,) = digest["attachments"]
            assert picture["mimetype"] == "image/png"
            assert picture["base64"].startswith("iVBORw0KGgo")
    finally:
        await running.stop()


async def test_a_server_that_hangs_delays_nothing(tmp_path: Path) -> None:
    running = await start(ExchangeConfig(frozen=True))
    try:
        with notified() as server:
            server.hang = True
            more = {"VOLGAMMA_PAPER_URL": running.url, "VOLGAMMA_ALERTS": server.url}
            begun = time.monotonic()
            code, out, err = await volgamma(tmp_path, more, *RUN)
            took = time.monotonic() - begun
            assert code == 0, err
            tally = json.loads(out)
            assert (tally["decisions"], tally["failed"]) == (1, 0), err
            # start-up, five seconds, and the patience at the end; the server would have held it for ten minutes
            assert took < 150
    finally:
        await running.stop()


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_a_run_that_ends_with_an_error_says_so(tmp_path: Path) -> None:
    with notified() as server:
        chosen = settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_ALERTS": server.url})
        said: list[str] = []
        with (
            pytest.raises(HostError),
            watching(chosen, SystemClock(), None, said.append, "run on here"),
        ):
            raise HostError("exchange_unreachable", "paper does not tell its time", "start again when it answers")
        (ended,) = server.arrived
        assert (ended["title"], ended["type"]) == ("volgamma: run ended", "failure")
        assert "does not tell its time" in ended["message"] and "start again" in ended["message"]
        assert said == ["alerts: JSON"]
        # started again, and dead of the same cause within the ten minutes: an event of its own
        with pytest.raises(HostError), watching(chosen, SystemClock(), None, said.append, "run on here"):
            raise HostError("exchange_unreachable", "paper does not tell its time", "start again when it answers")
        assert [one["title"] for one in server.arrived] == ["volgamma: run ended"] * 2


async def test_the_test_command_tells_what_arrived(tmp_path: Path) -> None:
    with notified() as server:
        dead = "json://me:hush-hush@127.0.0.1:1/alerts"
        code, out, err = await volgamma(tmp_path, {"VOLGAMMA_ALERTS": server.url}, "alerts", "test", "--json")
        (row,) = json.loads(out)["channels"]
        assert (code, row["service"], row["delivered"]) == (0, "JSON", True), err
        assert server.titles == ["volgamma: test"]
        both = {"VOLGAMMA_ALERTS": f"{server.url}, {dead}"}
        code, out, err = await volgamma(tmp_path, both, "alerts", "test", "--json")
        assert (code, [row["delivered"] for row in json.loads(out)["channels"]]) == (3, [True, False])
        assert "hush" not in out + err
        server.status = 500
        code, out, err = await volgamma(tmp_path, {"VOLGAMMA_ALERTS": server.url}, "alerts", "test")
        assert (code, "NOT delivered" in out) == (3, True)
        assert "hush" not in out + err
    code, out, err = await volgamma(tmp_path, {}, "alerts", "list", "--limit", "2")
    assert (code, err) == (0, "")
    newest, second = (line.strip() for line in out.splitlines() if line.strip().startswith("["))
    assert newest == "[JSON failed (the service did not take it); volgamma alerts test]"
    assert second == "[JSON delivered, JSON #2 failed (the service did not take it); volgamma alerts test]"
    assert out.endswith("1 older ones: --limit 3\n")
    for file in list(tmp_path.iterdir()):  # noqa: ASYNC240
        assert b"hush" not in file.read_bytes(), file.name


@pytest.mark.parametrize("address", ["nonsense", "tgram://hush-hush", "json://127.0.0.1:1,carrier://hush-hush"])
async def test_an_address_that_is_none_is_refused_without_being_shown(tmp_path: Path, address: str) -> None:
    code, out, err = await volgamma(tmp_path, {"VOLGAMMA_ALERTS": address}, "alerts", "kinds", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (1, "alerts_invalid")
    assert "hush" not in out + err


async def test_nothing_told_yet(tmp_path: Path) -> None:
    code, out, _ = await volgamma(tmp_path, {}, "alerts", "list")
    assert (code, out) == (0, "nothing was told yet: no address is set, see VOLGAMMA_ALERTS\n")
    code, out, _ = await volgamma(tmp_path, {}, "alerts", "list", "--json")
    assert (code, json.loads(out)["alerts"]) == (0, [])


async def test_without_an_address_nothing_is_sent_and_the_remedy_is_named(tmp_path: Path) -> None:
    code, out, _ = await volgamma(tmp_path, {}, "alerts", "test", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (1, "no_alerts")
    assert "VOLGAMMA_ALERTS" in json.loads(out)["error"]["remedy"]
