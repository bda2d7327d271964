"""The store on PostgreSQL: a private server where one is installed (tests/postgres.py), or VOLGAMMA_TEST_POSTGRES."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from db.constraints_repository import ConstraintsRepository
from db.database import Database, open_database
from db.errors import NotMigrated
from db.health import examine
from db.journal_repository import JournalRepository
from db.ledger_repository import LedgerRepository, LedgerRow
from db.models import Base
from db.orders_repository import OrdersRepository
from db.state_repository import StateRepository


@pytest.fixture
def database(postgres_database: Callable[[], str]) -> Iterator[Database]:
    database = open_database(postgres_database())
    with pytest.raises(NotMigrated):
        database.check()
    database.migrate()
    yield database
    database.close()


def at_once(database: Database, work: Any, items: list[Any]) -> list[Any]:
    """Each item in its own thread with its own connection."""

    def one(item: Any) -> Any:
        mine = open_database(database.url.render_as_string(hide_password=False))
        try:
            return work(mine, item)
        finally:
            mine.close()

    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(one, items))


def test_schema_seed_and_health(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    at_once(database, lambda mine, _: mine.migrate(), [0, 1, 2])
    assert ConstraintsRepository(database).current(11).version == 1
    assert examine(database, deep=True).problems == ()


def test_one_claim_wins_and_all_records_are_kept(database: Database) -> None:
    claims = at_once(
        database, lambda mine, _: JournalRepository(mine).claim("d", 11, "S", "paper", "rules", 1), [0] * 5
    )
    assert sorted(claims) == [False] * 4 + [True]
    at_once(database, lambda mine, n: JournalRepository(mine).record("d", "note", {"n": n}), list(range(8)))
    entry = JournalRepository(database).load("d")
    assert sorted(document["n"] for document in entry.documents("note")) == list(range(8))
    assert [record.seq for record in entry.records] == list(range(8))


def test_concurrent_constraint_changes_are_all_kept(database: Database) -> None:
    changes = [{"leverage_max": 7}, {"pairs_max": 1}, {"bb_active_bars": 24}]
    made = at_once(database, lambda mine, one: ConstraintsRepository(mine).set(11, one, "a", "b", 1).version, changes)
    assert sorted(made) == [2, 3, 4]
    limits = ConstraintsRepository(database).current(11).limits
    assert (limits.leverage_max, limits.pairs_max, limits.bb_active_bars) == (7, 1, 24)


def test_intents_ledger_and_state_are_idempotent_and_exact(database: Database) -> None:
    orders = OrdersRepository(database)
    assert orders.intend("vg1", "d", "long", 0, "entry", {}, 1)
    assert not orders.intend("vg1", "d", "long", 0, "entry", {}, 2)
    ledger = LedgerRepository(database)
    row = LedgerRow("paper", "fill", "1", 5, "SOL/USDT:USDT", Decimal("0.000000000000000001"))
    assert (ledger.add([row, row]).new, ledger.rows()) == (1, (row,))
    state = StateRepository(database)
    state.kill("anna", "news", 1)
    assert state.kill_switch().who == "anna"
    assert state.note_equity("paper", Decimal("100000.10"), 5) == (Decimal("100000.10"), Decimal("100000.10"))
