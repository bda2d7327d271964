"""`volgamma run` with other triggers than time, and after a crash: one key for all, in the journal."""

import asyncio
import contextlib
import signal
from pathlib import Path

import aiohttp

from db.journal_repository import JournalRepository
from tests.integration.test_run_command import begin, done, exchange
from tests.store import fresh


async def line_with(process: asyncio.subprocess.Process, what: str) -> str:
    """The first line that contains it."""
    assert process.stdout is not None
    async with asyncio.timeout(300):
        while line := (await process.stdout.readline()).decode():
            if what in line:
                return line
    raise AssertionError(f"it ended without saying {what!r}")


async def price(url: str, value: str) -> None:
    async with aiohttp.ClientSession() as session:
        document = {"symbol": "SOLUSDT", "price": value}
        async with session.post(f"{url}/_control/price", json=document) as answer:
            assert answer.status == 200


async def test_a_price_that_moved_starts_a_decision_that_says_why(tmp_path: Path) -> None:
    words = ("--every", "1h", "--policy", "rules", "--symbols", "SOL", "--on-move", "1.5")
    async with exchange(frozen=False) as running:
        process = await begin(tmp_path, running.url, *words)
        first = (await line_with(process, "11-SOLUSDT-"))[9:].partition(":")[0]
        mark = float(running.engine.marks()["SOLUSDT"])
        # past the minute that the first decision's hour began with: that one's key is taken
        running.engine.advance(running.engine.now)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{running.url}/_control/advance", json={"ms": 60_000}) as answer,
        ):
            assert answer.status == 200
        await price(running.url, f"{mark * 1.018:.2f}")
        second = (await line_with(process, "11-SOLUSDT-"))[9:].partition(":")[0]
        process.send_signal(signal.SIGTERM)
        code, _, err = await done(process)
        assert code == 0, err
    assert second > first
    database = fresh(tmp_path, "volgamma.sqlite")
    with contextlib.closing(database):
        journal = JournalRepository(database)
        trigger = journal.load(second).document("trigger")
        assert trigger["kind"] == "price_move"
        assert abs(float(trigger["move"])) >= 0.015
        assert journal.load(first).get("trigger") is None


async def test_a_decision_that_a_crash_interrupted_is_gone_on_with(tmp_path: Path) -> None:
    words = ("--every", "1h", "--policy", "rules", "--symbols", "SOL", "--for", "6s")
    async with exchange() as running:
        database = fresh(tmp_path, "volgamma.sqlite")
        with contextlib.closing(database):
            name = "11-SOLUSDT-20250101T000000Z"
            journal = JournalRepository(database)
            assert journal.claim(name, 11, "SOL/USDT:USDT", "paper", "rules", running.engine.now)
            code, out, err = await done(await begin(tmp_path, running.url, *words))
            assert code == 0, err
            assert f"{name}: enter" in out
            assert journal.load(name).info.status == "finished"
            code, out, err = await done(await begin(tmp_path, running.url, *words))
            assert f"{name}: " not in out, "taken once"
