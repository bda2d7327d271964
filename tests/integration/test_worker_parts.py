"""A worker's parts in this process: what becomes of a tick, who keeps a pair, and what cannot be started."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from sqlalchemy import make_url, update

from db.leases_repository import LeasesRepository
from db.models import LeaseRow
from db.traders_repository import TradersRepository
from orchestrator.paper_account import prepare
from orchestrator.schedule.triggers import Tick
from orchestrator.settings import load
from orchestrator.worker.custody import Custody
from orchestrator.worker.durable import _place
from orchestrator.worker.floor import Floor, open_floor
from orchestrator.worker.tick_run import Counts, TickRunner, partition, read_tick, written_tick
from orchestrator.worker.work import PlaceLost, Shift, Worker
from tests.chaos.sigkill import HastyClock
from tests.e2e.house import SOL, House, assert_pair, house, sent, volgamma

START = 1_735_689_600_000
TICK = Tick(11, SOL, START)


def no_model() -> Any:
    raise AssertionError("the rules ask no model")


@asynccontextmanager
async def floor_of(place: House, worker: str) -> AsyncIterator[Floor]:
    async with open_floor(load(place.environment), HastyClock(), "paper", worker, (11,)) as floor:
        assert floor.ownership.take(SOL) or worker != "w1"
        if worker == "w1":
            await prepare(floor.desk, SOL)
        yield floor


def runner(floor: Floor) -> TickRunner:
    return TickRunner(floor, "rules", no_model, 60_000, Counts(), lambda _: None)


async def test_a_late_tick_and_a_disabled_trader_leave_their_reason_in_the_journal(tmp_path: Path) -> None:
    async with house(tmp_path) as place, floor_of(place, "w1") as floor:
        late = Tick(11, SOL, START - 90_000)
        run = runner(floor)
        assert await run(written_tick(late)) == "skipped: late by 90 s, more than 60 s"
        info = floor.desk.store.journal.load(late.decision_id).info
        assert (info.status, info.error) == ("skipped", "late by 90 s, more than 60 s")
        assert await run(written_tick(late)) == "taken before"
        TradersRepository(floor.desk.store.database).switch(11, False, "test", "test", 1)
        assert await run(written_tick(TICK)) == "skipped: trader #11 is disabled"
        assert sent(await place.state()) == []


async def test_a_defect_of_a_trader_ends_as_a_failed_decision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as place, floor_of(place, "w1") as floor:

        def broken(*_: Any) -> Any:
            raise ZeroDivisionError("of the trader's own")

        monkeypatch.setattr(type(floor.seats[11].desk.trader), "observe", broken)
        assert "ZeroDivisionError" in await runner(floor)(written_tick(TICK))
        info = floor.desk.store.journal.load(TICK.decision_id).info
        assert info.status == "failed"
        assert "of the trader's own" in str(info.error)


async def test_whoever_opened_a_pair_keeps_it_until_it_dies(tmp_path: Path) -> None:
    async with house(tmp_path) as place, floor_of(place, "w1") as one, floor_of(place, "w2") as two:
        assert await runner(one)(written_tick(TICK)) == "enter, approved, open"
        said: list[str] = []
        first, second = Custody(one, Counts(), said.append), Custody(two, Counts(), said.append)
        await first.look()
        await second.look()
        assert (one.ownership.symbols, two.ownership.symbols, said) == ((SOL,), (), [])
        with one.desk.store.database.write() as connection:
            connection.execute(update(LeaseRow).values(expires_at=1))
        await second.look()
        assert said[0] == f"{SOL}: taken over, token 2"
        assert len(said) == 1, "it was settled: nothing was wrong with it"
        await first.look()
        assert (one.ownership.symbols, two.ownership.symbols) == ((), (SOL,))
        assert_pair(await place.state())


async def test_a_symbol_goes_to_who_asks_and_is_not_taken_back_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as place, floor_of(place, "w1") as one, floor_of(place, "w2") as two:
        await runner(one)(written_tick(TICK))
        first = Custody(one, Counts(), lambda _: None)
        await first.look()
        assert not two.ownership.take(SOL, ask=True)
        await first.look()
        assert one.ownership.symbols == ()
        await first.look()
        assert one.ownership.symbols == (), "left to the one that asked"
        assert two.ownership.take(SOL)


async def test_a_symbol_that_needs_no_keeper_is_let_go(tmp_path: Path) -> None:
    async with house(tmp_path) as place, floor_of(place, "w1") as floor:
        assert floor.ownership.take(SOL)
        await Custody(floor, Counts(), lambda _: None).look()
        assert floor.ownership.symbols == ()


class Later(HastyClock):
    """What was asked of the market before is too old to be used again: the control side scales its whole past."""

    def monotonic_ms(self) -> float:
        return super().monotonic_ms() + 60_000


async def test_a_ladder_that_ended_is_followed_by_the_worker_that_kept_it(tmp_path: Path) -> None:
    async with house(tmp_path) as place, floor_of(place, "w1") as floor:
        await runner(floor)(written_tick(TICK))
        seat, said = floor.seats[11], list[str]()
        (pair,) = seat.desk.store.pairs.open_pairs("paper")
        plan = pair.plan.model_copy(update={"reopen": True})
        seat.desk.store.pairs.update(pair.model_copy(update={"plan": plan}))
        again = replace(seat, desk=replace(seat.desk, series=None, sharing=None, clock=Later()))
        custody = Custody(replace(floor, seats={**floor.seats, 11: again}), Counts(), said.append)
        await custody.look()
        for change in ("1.0201", "1.0401"):
            await place.control("price", {"symbol": "SOLUSDT", "price": str(pair.entry_price * Decimal(change))})
            await custody.look()
        async with asyncio.timeout(120):
            while not any("reopened" in line for line in said):
                await asyncio.sleep(0.1)
                await custody.look()
        assert [line for line in said if f"{SOL}: reopened: ladder 2" in line], said
        (second,) = seat.desk.store.pairs.open_pairs("paper")
        assert second.pair_id.endswith("-ladder2")
        assert_pair(await place.state())


class Queue:
    """In place of the durable queue: whose work was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def resume(self, worker: str) -> tuple[str, ...]:
        self.asked.append(worker)
        return ("a tick",)


async def test_a_dead_worker_is_minded_once_and_notices_when_it_wakes(tmp_path: Path) -> None:
    async with house(tmp_path) as place, floor_of(place, "w2") as floor:
        leases = LeasesRepository(floor.desk.store.database)
        queue, said = Queue(), list[str]()
        dead, one, other = (Worker(floor, name, Shift("rules"), no_model, said.append) for name in ("d", "w1", "w2"))
        for worker in (dead, one, other):
            worker._durable = queue  # type: ignore[assignment]
            worker._place = leases.acquire(f"worker:{worker._name}", worker._name, 60_000)
        await one._mind()
        assert queue.asked == [], "everybody lives"
        with floor.desk.store.database.write() as connection:
            connection.execute(update(LeaseRow).where(LeaseRow.name == "worker:d").values(expires_at=1))
        await one._mind()
        await other._mind()
        assert queue.asked == ["d"]
        assert said == ["worker d is dead: 1 decision(s) resumed: a tick"]
        await one._beat()
        with pytest.raises(PlaceLost, match="no sign of life"):
            await dead._beat()


def test_the_queues_file_is_opened_while_another_worker_makes_its_tables(tmp_path: Path) -> None:
    """SQLite refuses a change of journal mode at once while another connection holds the write lock."""
    file = tmp_path / "v-durable.sqlite"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE theirs (x)")
        committed = Timer(0.3, other.execute, ("COMMIT",))
        committed.start()
        url, _ = _place(make_url(f"sqlite:///{tmp_path}/v.sqlite"))
        committed.join()
        assert url == f"sqlite:///{file}"
        assert other.execute("SELECT count(*) FROM theirs").fetchone() == (0,)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_tick_is_read_as_it_was_written() -> None:
    tick = Tick(3, SOL, START, "price_move", {"from": "1", "to": "2"})
    assert read_tick(written_tick(tick)) == tick
    assert partition(tick) == "3-SOLUSDT"


@pytest.mark.parametrize(
    ("words", "environment", "code", "says"),
    [
        ((), {}, 1, "VOLGAMMA_PAPER_URL"),
        ((), {"VOLGAMMA_PAPER_URL": "http://127.0.0.1:1"}, 1, "exchange serve"),
        (("--traders", "eleven"), {}, 2, "--traders"),
        (("--late", "soon"), {}, 2, "--late"),
        (("--on-move", "0"), {}, 2, "--on-move"),
        (("--database-url", "postgresql+psycopg://x@127.0.0.1:1/none"), {}, 1, "127.0.0.1"),
    ],
)
def test_what_cannot_be_started(
    words: tuple[str, ...], environment: dict[str, str], code: int, says: str, tmp_path: Path
) -> None:
    with contextlib.chdir(tmp_path):
        done = volgamma({"VOLGAMMA_DATA_DIR": str(tmp_path), **environment}, "worker", "--policy", "rules", *words)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
