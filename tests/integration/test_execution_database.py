"""The real database under the saga: intents, events and the block on new risk survive a new process."""

from pathlib import Path

import pytest

from db.database import open_database
from db.orders_repository import OrdersRepository
from db.pairs_repository import PairsRepository
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.recover import recover
from orchestrator.execution.saga import carry_out
from orchestrator.execution.store import ExecutionStore
from tests.fake_venue import Crash, CrashPoint, FakeVenue, plan_for

LIMITS = ExecutionLimits()


def test_the_repositories_fit_the_ports_and_survive_a_crash(tmp_path: Path) -> None:
    import asyncio

    async def story() -> None:
        crash = CrashPoint(at=9)
        venue = FakeVenue(crash=crash)
        url = f"sqlite:///{tmp_path / 'a.sqlite'}"
        first = open_database(url)
        first.migrate()
        with pytest.raises(Crash):
            await carry_out(
                plan_for(), venue, ExecutionStore(OrdersRepository(first), PairsRepository(first)), venue.clock, LIMITS
            )
        first.close()
        crash.at = None
        second = open_database(url)
        store = ExecutionStore(OrdersRepository(second), PairsRepository(second))
        kinds = sorted(row.kind for row in store.orders.unresolved())
        assert "goal" in kinds
        (item,) = await recover(venue, store, venue.clock, LIMITS)
        assert item.outcome in ("flat", "protected")
        assert item.plan == plan_for()
        assert store.orders.unresolved() == ()
        names = [event.name for event in PairsRepository(second).events()]
        assert names[0] == "entry_started"
        assert names[-1] == "recovered"
        assert PairsRepository(second).trades_since(0) == 0, "execution counts no trades; the host does"
        second.close()

    asyncio.run(story())
