"""A decision that is interrupted anywhere is gone on with: nothing is asked, judged or sent a second time."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from db.journal_repository import JournalRepository
from db.models import LeaseRow
from orchestrator.claims import AlreadyClaimed, Order
from orchestrator.clock import SystemClock
from orchestrator.desk import Desk, open_desk
from orchestrator.errors import HostError
from orchestrator.execution.fenced_venue import FencedVenue
from orchestrator.hands import recover_open_business
from orchestrator.host import decide_by_hand
from orchestrator.journey import decide
from orchestrator.settings import load
from tests.e2e.house import SOL, House, assert_flat, assert_pair, house, sent
from traders.volatility_gamma.trader import VolatilityGamma

DUE = 1_735_689_600_000
ORDER = Order(symbol="SOL", policy="rules", due=DUE, adopt=True)
NAME = "11-SOLUSDT-20250101T000000Z"


class Interrupted(BaseException):
    """The process would be gone."""


class Interrupting(JournalRepository):
    """Is interrupted right after a kind of document was recorded, once."""

    after: str | None = None

    def record(self, decision_id: str, kind: str, document: Any) -> str:
        name = super().record(decision_id, kind, document)
        if kind == self.after:
            self.after = None
            raise Interrupted(kind)
        return name


class Asked(VolatilityGamma):
    """Counts how often it was asked for a decision."""

    count = 0

    async def propose(self, *values: Any) -> Any:
        self.count += 1
        return await super().propose(*values)


@asynccontextmanager
async def desk_at(place: House, after: str | None = None, folder: str = "data") -> AsyncIterator[Desk]:
    """A desk of its own data folder on the one database."""
    database = f"sqlite:///{place.folder / 'shared.sqlite'}"
    environment = place.environment | {
        "VOLGAMMA_DATABASE_URL": database,
        "VOLGAMMA_DATA_DIR": str(place.folder / folder),
    }
    async with open_desk(load(environment), SystemClock(), "paper") as desk:
        journal = Interrupting(desk.store.database)
        journal.after = after
        yield replace(desk, trader=Asked(), store=replace(desk.store, journal=journal))


async def take(desk: Desk, order: Order = ORDER) -> Any:
    def no_model() -> Any:
        raise AssertionError("the rules ask no model")

    return await decide(desk, order, no_model)


@pytest.mark.parametrize("after", ["snapshot", "context", "proposal", "verdict", "execution"])
async def test_interrupted_after(after: str, tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        async with desk_at(place, after) as desk:
            with pytest.raises(Interrupted):
                await take(desk)
            assert desk.store.journal.load(NAME).info.status == "started"
            with pytest.raises(AlreadyClaimed):
                await take(desk, replace(ORDER, adopt=False))
        async with desk_at(place) as desk:
            report = await take(desk)
            asked: Any = desk.trader
            assert asked.count == (after in ("snapshot", "context"))
            entry = desk.store.journal.load(NAME)
            counted = Counter(record.kind for record in entry.records)
            assert (counted["context"], counted["proposal"], counted["verdict"]) == (1, 1, 1)
            assert (entry.info.status, entry.info.execution_status) == ("finished", "open")
            assert report.chosen.execution["protected"] is True
            with pytest.raises(AlreadyClaimed):
                await take(desk)
            assert len(desk.store.pairs.open_pairs()) == 1
        state = await place.state()
        assert_pair(state)
        assert len(sent(state)) == 6, "two entries, four bracket orders, each once"


async def test_without_adoption_an_interrupted_decision_has_failed(tmp_path: Path) -> None:
    async with house(tmp_path) as place, desk_at(place, "proposal") as desk:
        with pytest.raises(Interrupted):
            await take(desk, replace(ORDER, adopt=False))
        assert desk.store.journal.load(NAME).info.status == "failed"
        with pytest.raises(AlreadyClaimed):
            await take(desk)


async def test_by_hand_a_taken_suffix_is_no_obstacle(tmp_path: Path) -> None:
    """On a frozen exchange all decisions share one second, and four digits come twice now and then."""
    by_hand = replace(ORDER, adopt=False, dry_run=True)

    def no_model() -> Any:
        raise AssertionError("the rules ask no model")

    async with house(tmp_path) as place, desk_at(place) as desk:
        named = []
        for suffixes in (["aaaa"], ["aaaa", "aaaa", "bbbb"]):
            report = await decide_by_hand(desk, by_hand, no_model, iter(suffixes))
            named.append(report.chosen.decision_id)
        assert named == [f"{NAME}-aaaa", f"{NAME}-bbbb"]
        with pytest.raises(AlreadyClaimed):
            await decide_by_hand(desk, by_hand, no_model, iter(["aaaa", "bbbb", "aaaa"]), tries=3)


class Thief:
    """Another owner takes the symbol right before order number `at` would leave."""

    def __init__(self, inner: Any, desk: Desk, at: int) -> None:
        self._inner, self._desk, self._at, self.count = inner, desk, at, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def place(self, order: Any) -> Any:
        return await self._then(self._inner.place, order)

    async def place_conditional(self, order: Any) -> Any:
        return await self._then(self._inner.place_conditional, order)

    async def _then(self, send: Any, order: Any) -> Any:
        self.count += 1
        if self.count == self._at:
            with self._desk.store.database.write() as connection:
                connection.execute(update(LeaseRow).values(owner="thief", token=LeaseRow.token + 1))
        return await send(order)


@pytest.mark.parametrize("at", [2, 3, 6])
async def test_a_lease_lost_between_two_orders(at: int, tmp_path: Path) -> None:
    """From that order on nothing leaves; the new owner settles it, and the decision is gone on with there."""
    async with house(tmp_path) as place:
        async with desk_at(place) as desk:
            fenced = desk.venue
            assert isinstance(fenced, FencedVenue)
            thief = Thief(fenced, desk, at)
            with pytest.raises(HostError, match="taken over"):
                await take(replace(desk, venue=thief))  # type: ignore[arg-type]
            assert desk.store.journal.load(NAME).info.status == "started"
            assert thief.count == at, "it ends there: no retry, no unwinding, by a process that owns nothing"
        assert len(sent(await place.state())) == at - 1
        async with desk_at(place, folder="other") as desk:
            with desk.store.database.write() as connection:
                connection.execute(update(LeaseRow).values(expires_at=1))
            await recover_open_business(desk, desk.constraints())
            report = await take(desk)
            entry = desk.store.journal.load(NAME)
            assert entry.info.status == "finished"
            stands = at > 2
            assert report.chosen.execution["status"] == ("open" if stands else "unwound")
            assert len(desk.store.pairs.open_pairs()) == stands
            assert desk.store.orders.unresolved() == ()
        state = await place.state()
        if stands:
            assert_pair(state)
        else:
            assert_flat(state)


async def test_two_processes_on_one_database_do_not_act_on_one_symbol(tmp_path: Path) -> None:
    async with house(tmp_path) as place, desk_at(place) as one, desk_at(place, folder="other") as two:
        assert one.ownership is not None
        assert one.ownership.take(SOL)
        assert two.ownership is not None
        with pytest.raises(HostError, match="kept by another process"):
            await two.ownership.obtain(SOL, 0.3)
        assert sent(await place.state()) == []
