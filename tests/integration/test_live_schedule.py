"""`volgamma run --live`: as careful as `decide --live` before anything is sent, and it keeps what it has opened.

Driven in this process, and through the real command in a process of its own that is ended with Ctrl-C.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from db.database import open_database
from db.pairs_repository import PairsRepository
from orchestrator import host
from orchestrator.errors import HostError
from orchestrator.host import run_schedule
from orchestrator.live import CONFIRM
from orchestrator.live_check import pre_flight
from orchestrator.paper_exchange.server import RunningExchange
from orchestrator.schedule.loop import Plan, Tally
from tests.live_venue import (
    ALL,
    BOTH,
    KEYS,
    MISSING_STEPS,
    YES,
    VenueClock,
    bracket,
    changes,
    control,
    environment,
    held,
    live_venue,
    owner,
    resolved,
    state,
    until,
)

SOL = "SOL/USDT:USDT"


@pytest.fixture
async def venue() -> AsyncIterator[RunningExchange]:
    async with live_venue() as running:
        yield running


async def run(
    folder: Path,
    running: RunningExchange,
    monkeypatch: pytest.MonkeyPatch,
    more: Mapping[str, str] = ALL,
    said: str | None = YES,
    length: int | None = 4_000,
    **how: Any,
) -> tuple[Tally, list[str]]:
    """A run of this process, its clock set by the venue's."""
    monkeypatch.setattr(host, "SystemClock", lambda: VenueClock(running))
    lines: list[str] = []
    plan = Plan(symbols=(), every=60_000, length=length, policy="rules")
    tally = await run_schedule(
        resolved(folder, running, more),
        "binanceusdm",
        ("SOL",),
        plan,
        lines.append,
        live=True,
        confirm=lambda found: said,
        **how,
    )
    return tally, lines


@pytest.mark.parametrize(("more", "said", "code"), MISSING_STEPS)
async def test_a_missing_step_refuses_and_nothing_is_sent(
    tmp_path: Path,
    venue: RunningExchange,
    monkeypatch: pytest.MonkeyPatch,
    more: Mapping[str, str],
    said: str | None,
    code: str,
) -> None:
    with pytest.raises(HostError) as raised:
        await run(tmp_path, venue, monkeypatch, more, said)
    assert raised.value.code == code, raised.value.message
    assert await changes(venue) == []


@pytest.mark.slow  # a minute: requests to a real venue are paced
async def test_a_pair_is_opened_kept_left_protected_and_taken_up_again(
    tmp_path: Path, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = asyncio.create_task(run(tmp_path, venue, monkeypatch, length=None))
    try:
        found = await until(venue, lambda seen: bracket(seen) == BOTH, "opened with both brackets")
        first = held(found)
        assert first["long"] == first["short"] > 0
        # a stop that is gone is put back, within the run
        async with owner(venue) as by_hand:
            resting = await by_hand.open_orders(SOL, conditional=True)
            await by_hand.cancel(SOL, resting[0].client_order_id, conditional=True)
        assert bracket(await state(venue)) != BOTH
        await control(venue, "advance", {"ms": 11_000})  # what rests is asked for every ten seconds of the venue's time
        await until(venue, lambda seen: bracket(seen) == BOTH, "protected again")
        # the first band: half of the leg that loses, and the bracket follows
        await control(venue, "price", {"symbol": "SOLUSDT", "price": "193.82"})  # 190 at entry, and 2.01 %
        found = await until(venue, lambda seen: held(seen)["short"] < first["short"], "a band that acts")
        assert held(found)["long"] == first["long"]
        assert abs(held(found)["short"] / first["short"] - Decimal("0.5")) < Decimal("0.01")
        await until(venue, lambda seen: bracket(seen) == BOTH, "protected after the band")
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        tally, lines = await asyncio.wait_for(going, 300)
    finally:
        going.cancel()
        with contextlib.suppress(asyncio.CancelledError, HostError):
            await going
    assert (tally.decisions, tally.entered, tally.failed) == (1, 1, 0), lines
    assert any(line.startswith("stopping: ") and "open pairs stay protected" in line for line in lines)
    left = held(await state(venue))
    assert bracket(await state(venue)) == BOTH
    assert left["short"] < left["long"] == first["long"], "nothing was closed at the end"

    # the venue's account is known again: the pre-flight finds nothing strange, and the ladder goes on where it was
    ready = await pre_flight(resolved(tmp_path, venue, ALL), VenueClock(venue), "binanceusdm")
    assert ready.ready, [one for one in ready.findings if one.status == "fail"]
    await control(venue, "price", {"symbol": "SOLUSDT", "price": "197.65"})  # 4.03 %: the last band
    tally, lines = await run(tmp_path, venue, monkeypatch)
    assert (tally.entered, tally.failed) == (0, 0), lines
    found = await state(venue)
    assert (held(found), bracket(found)) == ({}, []), lines
    database = open_database(f"sqlite:///{tmp_path / 'volgamma.sqlite'}")
    try:
        (closed,) = PairsRepository(database).closed_pairs("binanceusdm", 0)
        assert (closed.pair.symbol, closed.reason) == (SOL, "last_band")
    finally:
        database.close()


class Command:
    """`volgamma` in a process of its own, whose clock agrees with the venue's."""

    def __init__(self, folder: Path, running: RunningExchange, more: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("VOLGAMMA_", "OPENAI_"))}
        self._environment = {**kept, "PYTHONUNBUFFERED": "1", **environment(folder, running, more)}
        self._venue = running

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        await state(self._venue)  # its clock is set by each request
        offset = self._venue.engine.now - host.SystemClock().now_ms()
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.cli_at", str(offset), *words, "--json"),
            env=self._environment,
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def end(self, process: asyncio.subprocess.Process) -> tuple[int, Any, str]:
        """Exit code, the document on stdout, and what was said."""
        try:
            out, err = await asyncio.wait_for(process.communicate(), 300)
        except TimeoutError:
            process.kill()
            out, err = await process.communicate()
        assert b"Traceback" not in err, err.decode()
        assert process.returncode is not None
        return process.returncode, json.loads(out), err.decode()

    async def __call__(self, *words: str) -> tuple[int, Any, str]:
        return await self.end(await self.start(*words))


RUN = ("run", "--live", "--exchange", "binanceusdm", "--symbols", "SOL", "--every", "1m", "--policy", "rules")


async def test_the_command_refuses_what_is_not_confirmed_and_shadow_together_with_live(
    tmp_path: Path,
) -> None:
    async with live_venue(frozen=False) as venue:
        for more, words, code, name in (
            (KEYS, (), 1, "live_off"),
            (ALL, (), 2, "live_not_confirmed"),  # nobody can be asked
            ({**ALL, CONFIRM: "yes"}, (), 2, "live_not_confirmed"),
            ({**ALL, CONFIRM: YES}, ("--shadow",), 2, "usage"),
        ):
            exit_code, document, said = await Command(tmp_path, venue, more)(*RUN, *words)
            assert (exit_code, document["error"]["code"]) == (code, name), said
            assert document["error"]["remedy"]
        assert await changes(venue) == []


@pytest.mark.slow
async def test_the_command_trades_until_ctrl_c_and_the_next_one_takes_up_its_pair(tmp_path: Path) -> None:
    async with live_venue(frozen=False) as venue:
        volgamma = Command(tmp_path, venue, {**ALL, CONFIRM: YES})
        process = await volgamma.start(*RUN)
        try:
            found = await until(venue, lambda seen: bracket(seen) == BOTH, "opened with both brackets")
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            code, document, said = await volgamma.end(process)
        assert code == 0, said
        assert (document["entered"], document["failed"]) == (1, 0), said
        assert "Real money" not in said and "no real order was ever sent by us" in " ".join(said.split())
        assert "stopping: " in said and "open pairs stay protected" in said
        first, after = held(found), await state(venue)
        assert (held(after), bracket(after)) == (first, BOTH)

        # nobody keeps it: a stop disappears, and the next run puts it back before anything else
        async with owner(venue) as by_hand:
            resting = await by_hand.open_orders(SOL, conditional=True)
            await by_hand.cancel(SOL, resting[0].client_order_id, conditional=True)
        assert bracket(await state(venue)) != BOTH
        process = await volgamma.start(*RUN, "--flatten-on-exit")
        try:
            await until(venue, lambda seen: bracket(seen) == BOTH, "protected again")
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            code, document, said = await volgamma.end(process)
        assert (code, document["entered"]) == (0, 0), said
        found = await state(venue)
        assert (held(found), bracket(found)) == ({}, []), said
