"""`volgamma run` as a person starts it: a process of its own against a paper exchange in this one."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start


async def begin(folder: Path, url: str, *words: str) -> asyncio.subprocess.Process:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VOLGAMMA_", "OPENAI_"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {"VOLGAMMA_DATA_DIR": str(folder), "VOLGAMMA_PAPER_URL": url, "PYTHONUNBUFFERED": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        "run",
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def done(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), 300)
    assert process.returncode is not None
    assert b"Traceback" not in err
    return process.returncode, out.decode(), err.decode()


async def line_with(process: asyncio.subprocess.Process, *words: str) -> str:
    """The next line that says one of these."""
    assert process.stdout is not None
    while line := (await asyncio.wait_for(process.stdout.readline(), 120)).decode():
        if any(word in line for word in words):
            return line
    raise AssertionError(f"{words} was never said")


@asynccontextmanager
async def exchange(frozen: bool = True) -> AsyncIterator[RunningExchange]:
    running = await start(ExchangeConfig(frozen=frozen))
    try:
        yield running
    finally:
        await running.stop()


def positions(running: RunningExchange) -> list[str]:
    return sorted(f"{p.symbol} {p.quantity}" for p in running.engine.account.open_positions())


def resting(running: RunningExchange) -> int:
    return len(running.engine.open_algos())


SHORT = ("--every", "1s", "--policy", "rules", "--symbols", "SOL,AVAX")


async def test_runs_decides_and_ends(tmp_path: Path) -> None:
    async with exchange(frozen=False) as running:
        code, out, err = await done(await begin(tmp_path, running.url, "--for", "12s", *SHORT, "--json"))
        assert code == 0, err
        tally = json.loads(out)
        assert tally["schema"] == "volgamma.run/1"
        assert (tally["decisions"] >= 2, tally["failed"]) == (True, 0), err
        assert tally["entered"] >= 1
        assert resting(running) == 2 * len(positions(running)) > 0


async def test_a_second_start_refuses_and_sigint_ends_orderly(tmp_path: Path) -> None:
    async with exchange() as running:
        first = await begin(tmp_path, running.url, *SHORT)
        await line_with(first, "enter")
        code, out, err = await done(await begin(tmp_path, running.url, "--for", "4s", *SHORT))
        assert (code, out) == (1, "")
        assert "another volgamma" in err
        first.send_signal(signal.SIGINT)
        code, out, err = await done(first)
        assert code == 0, err
        assert "stopping" in out
        assert "decisions" in out.splitlines()[-1]
        assert resting(running) == 2 * len(positions(running)) >= 4, "open pairs stay protected"


async def test_an_exchange_that_does_not_answer_at_the_start_is_an_error(tmp_path: Path) -> None:
    async with exchange() as running:
        url = running.url
    code, out, err = await done(await begin(tmp_path, url, *SHORT))
    assert (code, out) == (1, "")
    assert "does not answer" in err and "check the address" in err


@pytest.mark.slow  # the venue is away for longer than the run used to wait
async def test_an_exchange_that_dies_is_waited_for_and_the_run_goes_on(tmp_path: Path) -> None:
    """Its pair is open; it comes back at the same address, after a quarter of a minute."""
    config = ExchangeConfig(frozen=True, state_file=tmp_path / "exchange.json")
    running = await start(config)
    process = await begin(tmp_path, running.url, "--every", "1h", "--policy", "rules", "--symbols", "SOL")
    try:
        await line_with(process, "enter")
        await running.stop()
        gone = await line_with(process, "does not answer")
        assert gone[2] == gone[5] == ":" and "keep their bracket" in gone, gone
        await asyncio.sleep(15)
        assert process.returncode is None, "it waits"
        running = await start(replace(config, port=running.port))
        back = await line_with(process, "answers again", "does not answer")
        assert "answers again after" in back and "the run goes on" in back, back
        process.send_signal(signal.SIGTERM)
        code, out, err = await done(process)
        assert (code, err) == (0, ""), err
        assert "entries" in out.splitlines()[-1]
        assert resting(running) == 2 * len(positions(running)) > 0
    finally:
        if process.returncode is None:
            process.kill()
        await running.stop()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--symbols", "DOGE/USDT:USDT"), 1, "not among the symbols"),
        (("--symbols", "SOL,nonsense"), 1, "NONSENSE"),
        (("--symbols", ","), 2, "symbol"),
        (("--every", "soon"), 2, "soon"),
        (("--for", "-1s"), 2, "-1s"),
        (("--policy", "hope"), 2, "hope"),
        (("--exchange", "mtgox"), 2, "mtgox"),
    ],
)
async def test_what_cannot_be_run(tmp_path: Path, words: tuple[str, ...], code: int, says: str) -> None:
    async with exchange() as running:
        usual = {"--for": "1s", "--policy": "rules", "--symbols": "SOL"} | dict(zip(*[iter(words)] * 2, strict=True))
        got, out, err = await done(await begin(tmp_path, running.url, *(w for pair in usual.items() for w in pair)))
        assert (got, out) == (code, ""), err
        assert says in err
        assert positions(running) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_flatten_on_exit(tmp_path: Path, number: signal.Signals) -> None:
    async with exchange() as running:
        process = await begin(tmp_path, running.url, *SHORT, "--flatten-on-exit")
        await line_with(process, "enter")
        assert positions(running)
        process.send_signal(number)
        code, out, err = await done(process)
        assert code == 0, err
        assert "all pairs are closed" in out
        assert (positions(running), resting(running)) == ([], 0)


async def test_sigusr1_throws_the_kill_switch_and_leaves_pairs_protected(tmp_path: Path) -> None:
    async with exchange() as running:
        process = await begin(tmp_path, running.url, "--every", "1h", "--policy", "rules", "--symbols", "SOL")
        await line_with(process, "enter")
        process.send_signal(signal.SIGUSR1)
        await line_with(process, "kill switch on")
        process.send_signal(signal.SIGTERM)
        code, _, err = await done(process)
        assert code == 0, err
        assert resting(running) == 2 * len(positions(running)) > 0
