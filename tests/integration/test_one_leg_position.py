"""The second trader on the paper exchange: a directional plan of one leg, from decision to flat."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from db.scoped_pairs import ScopedPairs
from db.traders_repository import TradersRepository
from orchestrator.claims import Order
from orchestrator.clock import SystemClock
from orchestrator.desk import Desk, open_desk
from orchestrator.errors import HostError
from orchestrator.hands import recover_open_business
from orchestrator.journey import decide
from orchestrator.keeper import Keeper
from orchestrator.paper_exchange.server import ExchangeConfig, start
from orchestrator.settings import load
from orchestrator.trader_switch import first_limits
from tests.kept_pair import Kept
from traders.example_trend.trader import ExampleTrend

D = Decimal


@asynccontextmanager
async def position(folder: Path, **limits: Any) -> AsyncIterator[tuple[Desk, Kept | None, Any]]:
    """What ExampleTrend's decision led to on the default market."""
    running = await start(ExchangeConfig(frozen=True))
    try:
        settings = load({"VOLGAMMA_DATA_DIR": str(folder), "VOLGAMMA_PAPER_URL": running.url})
        async with open_desk(settings, SystemClock(), "paper") as eleven, aiohttp.ClientSession() as http:
            trader = ExampleTrend()
            own = replace(eleven.store, pairs=ScopedPairs(eleven.store.database, 90))
            desk = replace(eleven, trader=trader, store=own)
            traders = TradersRepository(desk.store.database)
            traders.enrol(90, "ExampleTrend", first_limits(trader.descriptor), "test", "first", 1)
            wanted = {"directional_enabled": True, "unwind_s": 2, "imbalance_grace_s": 1, **limits}
            desk.store.constraints.set(90, wanted, "test", "it has one leg", 1)
            with pytest.raises(HostError, match="is disabled"):
                await decide(desk, Order(symbol="SOL", policy="rules", suffix="early"), _no_model)
            traders.switch(90, True, "test", "on paper", 1)
            before = await desk.venue.balance()
            report = await decide(desk, Order(symbol="SOL", policy="rules", suffix="test"), _no_model)
            pairs = desk.store.pairs.open_pairs("paper")
            if not pairs:
                yield desk, None, report
                return
            keeper = Keeper(desk, desk.constraints())
            await keeper.resume()
            yield desk, Kept(settings, http, running.url, desk, keeper, pairs[0], before), report
    finally:
        await running.stop()


def _no_model() -> Any:
    raise AssertionError("a trader of rules asks no model")


async def test_opened_and_protected_by_its_own_stop(tmp_path: Path) -> None:
    async with position(tmp_path) as (_, kept, report):
        assert kept is not None, report.chosen.verdict.findings
        assert report.trader_id == 90
        assert report.chosen.execution["status"] == "open"
        assert report.chosen.execution["protected"] is True
        [side] = {leg.side for leg in kept.pair.legs}
        assert set(await kept.held()) == {side}
        assert abs(kept.pair.net_delta) == 1
        resting = await kept.resting()
        assert [(row[0], row[1]) for row in resting] == [(side, "STOP_MARKET"), (side, "TAKE_PROFIT_MARKET")]
        # margin: the directional share of equity, 10 % of 100,000, cut by depth alone
        assert D(0) < kept.pair.pair_margin <= D(10_000)
        # another entry is refused: it has its position
        for _ in range(3):
            await kept.keeper.look()
        assert set(await kept.held()) == {side}, "a lone leg that was meant is left alone"
        assert await recover_open_business(kept.desk, kept.desk.constraints()) == ()
        assert set(await kept.held()) == {side}
        await kept.restart()
        assert (await kept.resting()) == resting


@pytest.mark.parametrize("move", ["-0.03", "0.04"])
async def test_its_stop_and_its_target_end_it(tmp_path: Path, move: str) -> None:
    async with position(tmp_path) as (_, kept, _report):
        assert kept is not None
        long = kept.pair.legs[0].side == "long"
        await kept.move(move if long else str(-D(move)))
        await kept.keeper.look()
        # 5x: 1.6 % against it is a stop of 8 % of its margin, 3 % with it the target of 15 %
        result = await kept.assert_flat("stop" if move.startswith("-") else "target")
        assert (result["net"] < 0) is move.startswith("-")


async def test_the_stop_at_the_exchange_closes_it_while_nobody_looks(tmp_path: Path) -> None:
    async with position(tmp_path) as (_, kept, _report):
        assert kept is not None
        long = kept.pair.legs[0].side == "long"
        await kept.move("-0.06" if long else "0.06")
        assert await kept.held() == {}
        await kept.keeper.look()
        assert (await kept.assert_flat("bracket"))["net"] < 0


async def test_half_of_it_goes_at_the_first_band_against_it(tmp_path: Path) -> None:
    """With a wide stop the ladder acts: band 1 closes half of the losing leg, which is the only one."""
    limits = {"stop_loss_max": 0.5, "take_profit_max": 0.9, "trailing_atr_multiple": 30, "directional_share_max": 0.1}
    async with position(tmp_path, **limits) as (_, kept, report):
        assert kept is not None, report.chosen.verdict.findings
        side = kept.pair.legs[0].side
        whole = (await kept.held())[side]
        await kept.move("-0.021" if side == "long" else "0.021")
        await kept.keeper.look()
        left = (await kept.held())[side]
        assert abs(left * 2 - whole) <= D(1), "half, to the lot"
        assert {row[0] for row in await kept.resting()} == {side}
        await kept.move("-0.045" if side == "long" else "0.045")
        await kept.keeper.look()
        await kept.assert_flat("last_band")


async def test_switched_off_it_is_not_opened(tmp_path: Path) -> None:
    async with position(tmp_path, directional_enabled=False) as (desk, kept, report):
        assert kept is None
        assert report.decision.action == "stand_aside"
        assert await desk.venue.positions(["SOL/USDT:USDT"]) == []
