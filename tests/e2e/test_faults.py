"""One decision on a sick exchange: the account ends flat or as a whole protected pair, nothing doubled."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.decide_report import DecideReport
from orchestrator.errors import HostError
from orchestrator.paper_exchange.server import ExchangeConfig, start
from tests.e2e.house import ALGO, ORDER, House, assert_flat, assert_pair, held, house, memory, resting, volgamma


def ids(state: Any, *, algo: bool) -> list[str]:
    return [row["clientOrderId"] for row in state["orders"] if row["algo"] is algo]


@asynccontextmanager
async def sick_house(folder: Path) -> AsyncIterator[House]:
    """A house whose trader gives up sooner, so that these tests are not mostly waiting."""
    async with house(folder) as h:
        with h.store() as store:
            store.constraints.set(11, {"unwind_s": "2", "imbalance_grace_s": "1"}, "test", "short tests", 0)
        yield h


async def assert_at_rest(h: House, status: str) -> None:
    """The exchange and the database agree: a protected pair, or nothing at all."""
    state = await h.state()
    with h.store() as store:
        pairs = list(store.pairs.open_pairs())
        assert not store.orders.unresolved(), "no question is left open"
    if status == "open":
        assert_pair(state)
        (pair,) = pairs
        assert {leg.quantity for leg in pair.legs} == set(held(state).values())
        assert pair.protected
    else:
        assert_flat(state)
        assert pairs == []


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
async def test_a_rejected_leg_leaves_nothing(tmp_path: Path, side: str) -> None:
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ORDER, "nth": 1}, "do": "reject_leg", "position_side": side})
        document = (await h.decide()).document()
        assert document["execution"]["status"] in ("unwound", "none")
        assert document["execution"]["reason"]
        await assert_at_rest(h, "flat")
        # the next decision is not burdened by it
        assert (await h.decide()).document()["execution"]["status"] == "open"
        await assert_at_rest(h, "open")


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("code", [-2019, -4164, -1111])
async def test_a_refusal_by_code_leaves_nothing(tmp_path: Path, nth: int, code: int) -> None:
    """Margin insufficient, notional too small, precision: the venue's words are in the reason."""
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ORDER, "nth": nth}, "do": "error_code", "code": code})
        document = (await h.decide()).document()
        assert document["execution"]["status"] in ("unwound", "none")
        await assert_at_rest(h, "flat")


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_lost_answer_of_an_entry_makes_one_order_each(tmp_path: Path, nth: int) -> None:
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ORDER, "nth": nth}, "do": "drop_response"})
        document = (await h.decide()).document()
        assert document["execution"]["status"] == "open", document["execution"]
        await assert_at_rest(h, "open")
        state = await h.state()
        assert len(ids(state, algo=False)) == 2 and len(set(ids(state, algo=False))) == 2
        assert len(state["fills"]) >= 2 and len(ids(state, algo=True)) == 4


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
async def test_a_lost_answer_of_a_bracket_makes_one_order_each(tmp_path: Path, nth: int) -> None:
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ALGO, "nth": nth}, "do": "drop_response"})
        document = (await h.decide()).document()
        assert document["execution"]["status"] == "open" and document["execution"]["protected"] is True
        await assert_at_rest(h, "open")
        state = await h.state()
        assert len(ids(state, algo=True)) == 4 and len(ids(state, algo=False)) == 2


async def test_every_answer_lost(tmp_path: Path) -> None:
    async with sick_house(tmp_path) as h:
        await h.faults({"match": ORDER, "do": "drop_response"}, {"match": ALGO, "do": "drop_response"})
        assert (await h.decide()).document()["execution"]["status"] == "open"
        await assert_at_rest(h, "open")
        assert len((await h.state())["orders"]) == 6


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_503_on_an_order(tmp_path: Path, nth: int) -> None:
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ORDER, "nth": nth}, "do": "status", "status": 503})
        status = (await h.decide()).document()["execution"]["status"]
        assert status in ("open", "unwound")
        await assert_at_rest(h, status)


async def test_a_bracket_that_cannot_be_placed_does_not_leave_a_naked_pair(tmp_path: Path) -> None:
    async with sick_house(tmp_path) as h:
        await h.faults({"match": ALGO, "do": "error_code", "code": -2010})
        document = (await h.decide()).document()
        assert document["execution"]["status"] == "unwound", document["execution"]
        await assert_at_rest(h, "flat")


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_partial_fill(tmp_path: Path, nth: int) -> None:
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ORDER, "nth": nth}, "do": "partial_fill"})
        status = (await h.decide()).document()["execution"]["status"]
        assert status in ("open", "unwound")
        await assert_at_rest(h, status)


async def test_a_pair_filled_below_the_margin_floor_is_not_kept(tmp_path: Path) -> None:
    """Some twenty lots a leg: 2 x 20 x 190 / 5 = 1,520 USDT of margin, the floor is 0.15 / 5 of 100,000."""
    async with sick_house(tmp_path) as h:
        thin = {"do": "partial_fill", "fraction": 0.02}
        await h.faults(*({"match": {**ORDER, "nth": nth}, **thin} for nth in (1, 2, 3, 4)))
        document = (await h.decide()).document()
        assert document["execution"]["status"] == "unwound", document["execution"]
        await assert_at_rest(h, "unwound")


async def test_a_command_that_settled_nothing_says_so(tmp_path: Path) -> None:
    """The order was filled, its answer was lost and it cannot be asked for: told in full, and not as done."""
    async with sick_house(tmp_path) as h:
        down = {"do": "status", "status": 503}
        await h.faults(
            {"match": {**ORDER, "nth": 1}, "do": "drop_response"},
            {"match": {"method": "GET", "path": "/fapi/v1/order"}, **down},
        )
        done = await asyncio.to_thread(volgamma, h.environment, "decide", "--policy", "rules", "--json")
        document = json.loads(done.stdout)
        assert (done.returncode, document["execution"]["status"]) == (1, "unknown"), done.stderr
        assert document["error"]["code"] == "outcome_unknown"
        assert document["error"]["message"] in done.stderr
        await h.faults()
        done = await asyncio.to_thread(volgamma, h.environment, "decide", "--policy", "rules", "--json")
        document = json.loads(done.stdout)
        assert (done.returncode, "error" in document) == (0, False), done.stderr
        assert document["recovery"]


async def test_partial_fills_throughout(tmp_path: Path) -> None:
    """Each order gets half of what it asks for, those that close as well."""
    async with sick_house(tmp_path) as h:
        await h.faults({"match": ORDER, "do": "partial_fill"})
        status = (await h.decide()).document()["execution"]["status"]
        assert status in ("open", "unwound")
        await assert_at_rest(h, status)


@pytest.mark.parametrize("path", ["/fapi/v1/klines", "/futures/data/*"])
async def test_a_source_that_is_down_is_named(tmp_path: Path, path: str) -> None:
    """The decision is made without the source and says so; nothing is opened on what it did not see."""
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {"method": "GET", "path": path}, "do": "status", "status": 503})
        document = (await h.decide()).document()
        missing = [said for said in document["fetch"].values() if isinstance(said, dict)]
        assert missing and all(said["error"] and said["message"] for said in missing)
        state = await h.state()
        if path == "/fapi/v1/klines":
            assert held(state) == {} and resting(state) == [], "no candles, no entry"
        if held(state):
            assert_pair(state)


@pytest.mark.parametrize("path", ["/fapi/v1/depth", "/fapi/v1/premiumIndex", "/fapi/v3/account"])
async def test_no_fresh_price_no_verdict(tmp_path: Path, path: str) -> None:
    """Without a quote nothing can be judged: a clear error, the decision marked as failed, nothing sent."""
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {"method": "GET", "path": path}, "do": "status", "status": 503})
        with pytest.raises(HostError) as caught:
            await h.decide()
        assert caught.value.exit_code == 1 and "paper" in caught.value.message and caught.value.remedy
        assert_flat(await h.state())
        with h.store() as store:
            assert {one.status for one in store.journal.entries(limit=None)} <= {"failed"}
            assert memory(store)["pairs"] == 0 and memory(store)["unresolved"] == 0


@pytest.mark.parametrize("dead", ["first order", "second order", "first bracket", "third bracket"])
async def test_an_exchange_that_dies_half_way_is_put_right_by_the_next_decision(tmp_path: Path, dead: str) -> None:
    number, place = dead.split()
    fault = ORDER if place == "order" else ALGO
    nth = {"first": 1, "second": 2, "third": 3}[number]
    async with sick_house(tmp_path) as h:
        # the answer is lost, and from then on no question about orders or positions is answered
        await h.faults(
            {"match": {**fault, "nth": nth}, "do": "drop_response"},
            *({"match": {**fault, "nth": later}, "do": "status", "status": 503} for later in range(nth + 1, nth + 12)),
            {"match": {"method": "GET", "path": "/fapi/v1/order"}, "do": "status", "status": 503},
            {"match": {"method": "GET", "path": "/fapi/v1/algoOrder"}, "do": "status", "status": 503},
            {"match": {"method": "DELETE", "path": "*"}, "do": "status", "status": 503},
        )
        status = (await h.decide()).document()["execution"]["status"]
        assert status in ("unknown", "unwound", "open")
        await h.faults()
        again = (await h.decide()).document()
        await assert_at_rest(h, "open" if held(await h.state()) else "flat")
        assert again["execution"]["status"] in ("none", "open")


async def test_an_exchange_that_is_gone_while_deciding(tmp_path: Path) -> None:
    """It closes its port in the middle of execution and comes back with what it had accepted."""
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ORDER, "nth": 2}, "do": "delay_ms", "ms": 1500})
        deciding = asyncio.create_task(h.decide())
        for _ in range(6000):
            await asyncio.sleep(0.02)
            if held(await h.state()):
                break
        await h.running.stop()
        status = (await deciding).document()["execution"]["status"]
        assert status in ("unknown", "unwound")
        h.running = await start(ExchangeConfig(frozen=True, port=h.running.port, state_file=h.folder / "exchange.json"))
        await h.decide()
        await assert_at_rest(h, "open" if held(await h.state()) else "flat")


async def test_a_process_killed_between_two_legs_is_put_right_by_the_next(tmp_path: Path) -> None:
    """SIGKILL while one leg stands alone: the next decision completes or removes it, and nothing is doubled."""
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ORDER, "nth": 2}, "do": "delay_ms", "ms": 20_000})
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "orchestrator", "decide", "--policy", "rules", "--json"),
            env={**os.environ, **h.environment},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        for _ in range(6000):
            await asyncio.sleep(0.02)
            if (await h.state())["fills"]:
                break
        process.kill()
        await process.wait()
        await h.faults()
        with h.store() as store:
            assert store.orders.unresolved(), "the intent was durable before the order left"
        document = (await h.decide()).document()
        assert document["recovery"], "the page says what was put right"
        await assert_at_rest(h, "open" if held(await h.state()) else "flat")
        names = ids(await h.state(), algo=False)
        assert len(names) == len(set(names))


async def test_two_decisions_at_once_open_one_pair(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        both = await asyncio.gather(h.decide(), h.decide(), return_exceptions=True)
        (refused,) = [one for one in both if isinstance(one, HostError)]
        (done,) = [one for one in both if isinstance(one, DecideReport)]
        assert refused.code == "data_dir_busy" and done.document()["execution"]["status"] == "open"
        await assert_at_rest(h, "open")
        assert len(ids(await h.state(), algo=False)) == 2


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
async def test_an_interruption_between_two_legs_waits_for_the_second(tmp_path: Path, signal_name: str) -> None:
    async with sick_house(tmp_path) as h:
        await h.faults({"match": {**ORDER, "nth": 2}, "do": "delay_ms", "ms": 1500})
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "orchestrator", "decide", "--policy", "rules", "--json"),
            env={**os.environ, **h.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(6000):
            await asyncio.sleep(0.02)
            if (await h.state())["fills"]:
                break
        process.send_signal(signal.Signals[signal_name])
        _, said = await process.communicate()
        assert b"Traceback" not in said
        await assert_at_rest(h, "open" if held(await h.state()) else "flat")
        with h.store() as store:
            (entry,) = store.journal.entries(limit=None)
        assert (entry.status, entry.execution_status) == ("finished", "open")
