"""Two traders in one account on the paper exchange: sums are capped, and one symbol is never shared."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from db.scoped_pairs import ScopedPairs
from orchestrator.claims import Order
from orchestrator.desk import Desk, find_trader
from orchestrator.journey import decide
from tests.integration.test_one_leg_position import position


def eleven(desk: Desk, **settings: Any) -> Desk:
    """Trader 11 at the same account, seeing its own positions only, as a worker gives it to it."""
    own = replace(desk.store, pairs=ScopedPairs(desk.store.database, 11))
    return replace(desk, trader=find_trader(11), store=own, settings=replace(desk.settings, **settings))


def no_model() -> Any:
    raise AssertionError("rules ask no model")


async def test_the_sum_of_two_traders_is_capped(tmp_path: Path) -> None:
    async with position(tmp_path) as (desk, kept, _):
        assert kept is not None
        held = sum(leg.quantity * leg.entry_price for leg in kept.pair.legs)
        # trader 11 alone may, and trader 90 alone did: together they may not
        full = eleven(desk, account_gross_max=float(held) / 100_000 + 0.1)
        report = await decide(full, Order(symbol="AVAX", policy="rules", suffix="full"), no_model)
        before = await kept.held()
        assert (report.decision.action, report.chosen.verdict.outcome) == ("enter", "approved")
        assert report.chosen.execution["status"] == "none"
        assert "account_gross_max" in str(report.chosen.execution["reason"])
        assert await kept.held() == before
        assert desk.store.orders.unresolved() == ()
        room = await decide(eleven(desk), Order(symbol="AVAX", policy="rules", suffix="room"), no_model)
        assert room.chosen.execution["status"] == "open", "with room for both it is opened"
        assert len(desk.store.pairs.everyones("paper")) == 2


async def test_one_symbol_is_not_shared_between_two_traders(tmp_path: Path) -> None:
    async with position(tmp_path) as (desk, kept, _):
        assert kept is not None
        before = await kept.held()
        for shared in (True, False):
            other = replace(eleven(desk), shared=shared)
            report = await decide(other, Order(symbol="SOL", policy="rules", suffix=f"s{int(shared)}"), no_model)
            assert (report.decision.action, report.chosen.verdict.outcome) == ("enter", "approved")
            assert report.chosen.execution["status"] == "none"
            assert "is taken in this account" in str(report.chosen.execution["reason"])
            assert await kept.held() == before, "netted silently"
        assert [pair.pair_id for pair in desk.store.pairs.everyones("paper")] == [kept.pair.pair_id]
