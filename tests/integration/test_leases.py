"""Leases with fencing tokens, and the venue that sends for their owner only, on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from db.database import Database, open_database
from db.errors import Unreachable
from db.leases_repository import LeasesRepository
from db.models import LeaseRow
from orchestrator.errors import HostError
from orchestrator.execution.fenced_venue import FencedVenue, LeaseLost
from orchestrator.execution.venue import ConditionalRequest, OrderRequest
from orchestrator.owned_orders import OwnedOrders
from orchestrator.ownership import Ownership
from tests.chaos.simulated_clock import SimulatedClock

SOL, AVAX = "SOL/USDT:USDT", "AVAX/USDT:USDT"


@pytest.fixture
def database(either_url: str) -> Iterator[Database]:
    database = open_database(either_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def leases(database: Database) -> LeasesRepository:
    return LeasesRepository(database)


def run_out(database: Database, name: str) -> None:
    """The owner has not renewed for too long."""
    with database.write() as connection:
        connection.execute(update(LeaseRow).where(LeaseRow.name == name).values(expires_at=1))


def test_one_owner_at_a_time_and_a_token_that_grows(database: Database, leases: LeasesRepository) -> None:
    first = leases.acquire("x", "a", 60_000)
    assert first is not None
    assert (first.owner, first.token) == ("a", 1)
    assert leases.acquire("x", "b", 60_000) is None
    assert 55_000 < (leases.remaining(first) or 0) <= 60_000
    assert [lease.owner for lease in leases.live("x")] == ["a"]

    run_out(database, "x")
    assert (leases.remaining(first) or 0) < 0, "run out, and nobody took it"
    assert [lease.name for lease in leases.expired()] == ["x"]
    second = leases.acquire("x", "b", 60_000)
    assert second is not None
    assert (second.owner, second.token) == ("b", 2)
    assert (leases.remaining(first), leases.renew(first, 60_000), leases.release(first)) == (None, None, False)

    assert leases.release(second)
    third = leases.acquire("x", "a", 60_000)
    assert third is not None
    assert third.token == 3, "free again, and still counted on"
    assert leases.remaining(first) is None, "the same owner under an old token is fenced off"


def test_the_same_name_after_a_restart_fences_off_the_process_before(leases: LeasesRepository) -> None:
    before = leases.acquire("x", "a", 60_000)
    after = leases.acquire("x", "a", 60_000)
    assert before is not None
    assert after is not None
    assert (after.token, leases.remaining(before)) == (2, None)


def test_a_lease_that_ran_out_untaken_can_be_renewed(database: Database, leases: LeasesRepository) -> None:
    lease = leases.acquire("x", "a", 60_000)
    assert lease is not None
    run_out(database, "x")
    renewed = leases.renew(lease, 60_000)
    assert renewed is not None
    assert (renewed.token, renewed.wanted_by) == (1, None)
    assert leases.acquire("x", "b", 60_000, ask=True) is None
    wanted = leases.renew(lease, 60_000)
    assert wanted is not None
    assert wanted.wanted_by == "b"


def test_of_many_that_take_it_at_once_one_gets_it(database: Database, either_url: str) -> None:
    def take(number: int) -> Any:
        mine = open_database(either_url)
        try:
            return LeasesRepository(mine).acquire("x", f"owner {number}", 60_000)
        finally:
            mine.close()

    with ThreadPoolExecutor(8) as pool:
        got = [lease for lease in pool.map(take, range(8)) if lease is not None]
    assert len(got) == 1
    assert got[0].token == 1


class Recorder:
    """A venue that takes note of what would change something; reads answer nothing."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def called(*values: Any, **named: Any) -> Any:
            self.sent.append(name)

        return called


ORDER = OrderRequest(
    client_order_id="vg1",
    symbol=SOL,
    side="sell",
    position_side="long",
    type="market",
    quantity=Decimal(1),
    reduces=True,
)
BRACKET = ConditionalRequest(
    client_order_id="vg2", symbol=SOL, side="sell", position_side="long", kind="stop", trigger_price=Decimal(90)
)
CHANGES: dict[str, Callable[[FencedVenue], Any]] = {
    "place": lambda venue: venue.place(ORDER),
    "place_conditional": lambda venue: venue.place_conditional(BRACKET),
    "cancel": lambda venue: venue.cancel(SOL, "vg1", conditional=True),
    "set_leverage": lambda venue: venue.set_leverage(SOL, 5),
    "set_margin_mode": lambda venue: venue.set_margin_mode(SOL, "isolated"),
}


def owner(leases: LeasesRepository, name: str, *, lazily: bool = False) -> Ownership:
    return Ownership(leases, "paper", name, SimulatedClock(), lazily=lazily)


@pytest.mark.parametrize("change", sorted(CHANGES))
async def test_who_lost_the_lease_sends_nothing(change: str, database: Database, leases: LeasesRepository) -> None:
    mine, theirs, sink = owner(leases, "a"), owner(leases, "b"), Recorder()
    venue: Any = FencedVenue(sink, mine)  # type: ignore[arg-type]
    with pytest.raises(LeaseLost, match="not held"):
        await CHANGES[change](venue)
    assert mine.take(SOL)
    await CHANGES[change](venue)
    assert sink.sent == [change]
    run_out(database, mine.name(SOL))
    await CHANGES[change](venue)
    assert sink.sent == [change] * 2, "nobody took it: renewed on the way"
    run_out(database, mine.name(SOL))
    assert theirs.take(SOL)
    with pytest.raises(LeaseLost, match="taken over"):
        await CHANGES[change](venue)
    with pytest.raises(LeaseLost):
        await CHANGES[change](venue)
    assert sink.sent == [change] * 2
    assert await venue.balance() is None, "reads pass"


async def test_what_cannot_be_confirmed_is_not_sent(database: Database, leases: LeasesRepository) -> None:
    mine, sink = owner(leases, "a"), Recorder()
    assert mine.take(SOL)
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE leases RENAME TO elsewhere")
    with pytest.raises(Exception, match="leases"):
        await FencedVenue(sink, mine).place(ORDER)  # type: ignore[arg-type]
    assert sink.sent == []


async def test_every_method_of_the_venue_is_there() -> None:
    from orchestrator.execution.venue import Venue

    methods = {name for name in vars(Venue) if not name.startswith("_")}
    assert methods <= set(vars(FencedVenue))


async def test_a_polite_owner_hands_over(leases: LeasesRepository) -> None:
    mine, theirs = owner(leases, "a"), owner(leases, "b")
    assert mine.take(SOL)
    assert not theirs.take(SOL)
    with pytest.raises(HostError, match=r"kept by another process \(a\)"):
        await theirs.obtain(SOL, 1)
    assert mine.renew() == ()
    assert mine.wanted() == (SOL,)
    mine.release([SOL])
    async with theirs.holding(SOL, 1):
        assert theirs.symbols == (SOL,)
        with pytest.raises(LeaseLost):
            mine.confirm(SOL)
    assert theirs.symbols == ()
    assert mine.take(SOL)


async def test_a_lone_process_takes_a_symbol_with_its_first_order_and_never_back(
    database: Database, leases: LeasesRepository
) -> None:
    mine, theirs = owner(leases, "a", lazily=True), owner(leases, "b")
    mine.confirm(SOL)
    run_out(database, mine.name(SOL))
    assert theirs.take(SOL)
    assert mine.renew() == (SOL,)
    theirs.release()
    with pytest.raises(LeaseLost):
        mine.confirm(SOL)  # somebody acted in between: only after a new start, with its recovery


def test_what_another_process_is_sending_is_not_left_over(database: Database, leases: LeasesRepository) -> None:
    mine, theirs, alone = owner(leases, "a"), owner(leases, "b"), owner(leases, "c", lazily=True)
    assert mine.take(SOL)
    assert theirs.take(AVAX)
    orders = OwnedOrders(database, mine.mine)
    for name, symbol in (("vg1", SOL), ("vg2", AVAX)):
        orders.intend(name, "d", "long", 1, "entry", {"symbol": symbol}, 1)
    assert [row.client_order_id for row in orders.unresolved()] == ["vg1"]
    assert [row.client_order_id for row in orders.blocking()] == ["vg1"]
    assert OwnedOrders(database, alone.mine).unresolved() == ()
    orders.resolve("vg2", "unknown", None, 2)
    assert [row.client_order_id for row in orders.unresolved()] == ["vg1"]
    assert [row.client_order_id for row in orders.blocking()] == ["vg1", "vg2"], "nobody knows: no new risk"
    theirs.release()
    assert [row.client_order_id for row in OwnedOrders(database, alone.mine).unresolved()] == ["vg2"]


async def test_a_database_that_is_gone_is_an_error_not_a_permission(tmp_path: Path) -> None:
    database = open_database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    mine = Ownership(LeasesRepository(database), "paper", "a", SimulatedClock())
    with pytest.raises(Unreachable):
        mine.take(SOL)


async def test_a_symbol_is_given_to_who_asks_unless_it_is_about_to_be_acted_on(leases: LeasesRepository) -> None:
    mine, theirs = owner(leases, "a"), owner(leases, "b")
    assert mine.take(SOL)
    assert not mine.give(SOL), "nobody asks"
    assert not theirs.take(SOL, ask=True)
    assert mine.renew() == ()
    async with mine.reserved(SOL, 1):
        assert not mine.give(SOL)
    assert mine.symbols == (SOL,), "kept after the block, unlike by `holding`"
    assert mine.give(SOL)
    assert theirs.take(SOL)
    theirs.confirm(SOL)
