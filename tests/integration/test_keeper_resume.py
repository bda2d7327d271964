"""A restart in every state of a ladder, and order answers that never arrive: the end is right, nothing is doubled."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.pair_book import save_state
from orchestrator.rebalancer.events import Tick
from orchestrator.rebalancer.step import step
from tests.kept_pair import Kept, kept_pair

D = Decimal
ORDER = {"method": "POST", "path": "/fapi/v1/order"}
BOTH, AFTER_UP = {"long": D(263), "short": D(263)}, {"long": D(263), "short": D(132)}
TIGHT = {("long", "STOP_MARKET", D("186.2")), ("short", "TAKE_PROFIT_MARKET", D("186.2"))}


async def market_orders(k: Kept) -> list[Any]:
    return [row for row in (await k.truth())["orders"] if not row["algo"] and row["status"] == "FILLED"]


async def to_the_end(k: Kept) -> None:
    """From after band 1 upward: once more the same price, then the last band."""
    for _ in range(2):
        await k.keeper.look()
    assert await k.held() == AFTER_UP
    assert set(await k.resting()) >= TIGHT
    assert len(await k.resting()) == 4
    assert (k.trades(), len(k.events("half_closed"))) == (2, 1)
    await k.move("0.0401")
    await k.keeper.look()
    await k.assert_flat("last_band")
    assert len(await market_orders(k)) == 5, "two entries, one half, two closes"


async def test_restarted_while_neutral(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.keeper.look()
        before = k.state()
        await k.restart()
        assert k.state() == before
        assert await k.held() == BOTH
        await k.move("0.0201")
        await k.keeper.look()
        await to_the_end(k)


async def test_restarted_after_band_one(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        before = k.state()
        await k.restart()
        money = {"realised": D(0), "fees": D(0)}
        assert k.state().model_copy(update=money) == before.model_copy(update=money)
        assert abs(k.state().realised - before.realised) < D("0.01")
        assert abs(k.state().fees - before.fees) < D("0.01")
        assert [note for note in k.keeper.notes if "quantity" in note] == []
        await to_the_end(k)


async def test_killed_between_the_decision_to_half_close_and_the_order(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        mark = await k.move("0.0201")
        now = await k.desk.venue.server_time()
        asked, _ = step(k.state(), Tick(at=now, mark=mark))
        assert asked.in_flight
        save_state(k.desk, asked, "Tick", now)
        await k.restart()
        await k.keeper.look()
        await to_the_end(k)


async def test_killed_between_the_half_close_and_its_booking(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        mark = await k.move("0.0201")
        now = await k.desk.venue.server_time()
        asked, _ = step(k.state(), Tick(at=now, mark=mark))
        save_state(k.desk, asked, "Tick", now)
        await k.by_hand("short", D(131))  # as our order had done it
        await k.restart()
        await k.keeper.look()
        await to_the_end(k)


async def test_killed_between_the_half_close_and_the_bracket(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.control("faults", [{"match": {"path": "/fapi/v1/algoOrder"}, "do": "status", "status": 503}])
        await k.move("0.0201")
        await k.keeper.look()
        assert await k.held() == AFTER_UP
        assert k.stored().pair.protected is False, "the new bracket is not confirmed: no new risk meanwhile"
        await k.control("faults", [])
        await k.restart()
        await k.keeper.look()
        assert k.stored().pair.protected is True
        await to_the_end(k)


async def test_the_bracket_is_tried_again_without_a_restart(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.control("faults", [{"match": {"path": "/fapi/v1/algoOrder"}, "do": "status", "status": 503}])
        await k.move("0.0201")
        await k.keeper.look()
        await k.control("faults", [])
        await k.keeper.look()
        assert k.stored().pair.protected is True
        await to_the_end(k)


@pytest.mark.parametrize("restart", [False, True])
async def test_the_answer_of_the_half_close_is_lost(tmp_path: Path, restart: bool) -> None:
    async with kept_pair(tmp_path) as k:
        await k.control("faults", [{"match": {**ORDER, "nth": 1}, "do": "drop_response"}])
        await k.move("0.0201")
        await k.keeper.look()
        await k.control("faults", [])
        if restart:
            await k.restart()
        await k.keeper.look()
        await to_the_end(k)


@pytest.mark.parametrize("restart", [False, True])
async def test_the_exchange_falls_silent_right_after_the_half_close(tmp_path: Path, restart: bool) -> None:
    """The order happened, and nobody can say so: nothing is concluded until it can be looked up."""
    async with kept_pair(tmp_path) as k:
        await k.control(
            "faults",
            [
                {"match": {**ORDER, "nth": 1}, "do": "drop_response"},
                {"match": {"method": "GET", "path": "/fapi/v1/order"}, "do": "status", "status": 503},
            ],
        )
        await k.move("0.0201")
        await k.keeper.look()
        assert k.state().in_flight
        assert k.desk.store.orders.unresolved()
        await k.control("faults", [])
        if restart:
            await k.restart()
        await k.keeper.look()
        await to_the_end(k)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("restart", [False, True])
async def test_the_answer_of_a_final_close_is_lost(tmp_path: Path, nth: int, restart: bool) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        await k.control("faults", [{"match": {**ORDER, "nth": nth}, "do": "drop_response"}])
        await k.move("0.0401")
        await k.keeper.look()
        await k.control("faults", [])
        if restart:
            await k.restart()
        await k.keeper.look()
        await k.assert_flat("last_band")
        assert len(await market_orders(k)) == 5


async def test_flat_at_the_exchange_and_killed_before_the_record_was_closed(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        await k.control("faults", [{"match": {"path": "/fapi/v1/income"}, "do": "status", "status": 503}])
        await k.move("0.0401")
        await k.keeper.look()
        assert await k.held() == {}
        assert k.stored().closed_at is None, "its money cannot be read yet"
        await k.control("faults", [])
        await k.keeper.look()
        await k.assert_flat("last_band")


async def test_the_bracket_fired_while_no_process_ran(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.move("0.0201")
        await k.keeper.look()
        await k.move("0.07")
        await k.restart()
        await k.keeper.look()
        await k.assert_flat(str(k.stored().reason))
        assert k.stored().reason in ("bracket", "found_flat")


async def test_the_exchange_is_silent_for_a_while(tmp_path: Path) -> None:
    async with kept_pair(tmp_path) as k:
        await k.control("faults", [{"match": {"path": "/fapi/v1/time"}, "do": "status", "status": 503}])
        for _ in range(3):
            await k.keeper.look()
        assert len([note for note in k.keeper.notes if "does not answer" in note]) == 1
        await k.control("faults", [])
        await k.move("0.0201")
        await k.keeper.look()
        await to_the_end(k)
