"""The kill path: what goes wrong with one pair does not keep the others open."""

from pathlib import Path

import pytest
from sqlalchemy import delete

from db.models import StateRow
from orchestrator.claims import Order
from orchestrator.journey import decide
from orchestrator.keeper import Keeper
from orchestrator.model_choice import open_model
from orchestrator.rebalancer.state import PairState
from tests.kept_pair import kept_pair
from traders.contract.portfolio import OpenPair


class Broken(Keeper):
    """A keeper with a defect that shows on one symbol."""

    on = ""

    async def _look_at(self, pair: OpenPair, state: PairState | None, flatten: bool) -> None:
        if pair.symbol == self.on:
            raise RuntimeError("a defect")
        await super()._look_at(pair, state, flatten)


async def test_a_defect_on_one_pair_does_not_keep_the_other_open(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        order = Order(symbol="AVAX", policy="rules", suffix="test")
        report = await decide(k.desk, order, lambda: open_model(k.settings, k.desk.clock))
        assert report.chosen.execution["status"] == "open"
        keeper = Broken(k.desk, k.desk.constraints())
        first, second = [pair.symbol for pair in k.desk.store.pairs.open_pairs("paper")]
        keeper.on = first
        with pytest.raises(RuntimeError, match="a defect"):
            await keeper.look()
        await keeper.look(flatten=True)
        assert {row["symbol"] for row in (await k.truth())["positions"]} == {
            first.replace("/", "").removesuffix(":USDT")
        }
        assert [pair.symbol for pair in k.desk.store.pairs.open_pairs("paper")] == [first], second
        assert any("a defect" in note for note in keeper.notes)


async def test_a_pair_without_a_ladder_state_is_closed_all_the_same(tmp_path: Path) -> None:
    """Nothing is known of its ladder, but what is to be closed is at the exchange."""
    async with kept_pair(tmp_path) as k:
        with k.desk.store.database.write() as connection:
            connection.execute(delete(StateRow).where(StateRow.key.startswith("rebalancer:")))
        await k.keeper.look()
        assert len(await k.held()) == 2, "without flattening only its bracket protects it"
        await k.keeper.look(flatten=True)
        await k.assert_flat("kill")
