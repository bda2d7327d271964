"""The kill path: what goes wrong with one pair does not keep the others open."""

from pathlib import Path

import pytest

from orchestrator.journey import Order, decide
from orchestrator.keeper import Keeper
from orchestrator.model_choice import open_model
from orchestrator.rebalancer.state import PairState
from tests.kept_pair import SOL, kept_pair
from traders.contract.portfolio import OpenPair


class Broken(Keeper):
    """A keeper with a defect that shows on AVAX."""

    async def _look_at(self, pair: OpenPair, state: PairState, flatten: bool) -> None:
        if pair.symbol != SOL:
            raise RuntimeError("a defect")
        await super()._look_at(pair, state, flatten)


async def test_a_defect_on_one_pair_does_not_keep_the_other_open(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        order = Order(symbol="AVAX", policy="rules", suffix="test")
        report = await decide(k.desk, order, lambda: open_model(k.settings, k.desk.clock))
        assert report.chosen.execution["status"] == "open"
        assert next(pair.symbol for pair in k.desk.store.pairs.open_pairs("paper")) != SOL, "the broken one comes first"
        keeper = Broken(k.desk, k.desk.constraints())
        with pytest.raises(RuntimeError, match="a defect"):
            await keeper.look()
        await keeper.look(flatten=True)
        assert {row["symbol"] for row in (await k.truth())["positions"]} == {"AVAXUSDT"}
        assert any("a defect" in note for note in keeper.notes)
