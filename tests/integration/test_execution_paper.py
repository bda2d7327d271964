"""The whole way over HTTP and ccxt to the paper exchange: what the exchange holds is what counts."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.execution.close_pair import close_pair
from orchestrator.execution.recover import recover
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.saga import carry_out
from orchestrator.execution.store import ExecutionStore
from orchestrator.ledger.book import Book, tie_out
from orchestrator.ledger.rows import Row
from tests.fake_venue import CrashPoint, memory_store
from tests.open_pairs import pair_of
from tests.paper import LIMITS, SOL, Paper, paper

D = Decimal
ENTRY = {"method": "POST", "path": "/fapi/v1/order"}
BRACKET = {"method": "POST", "path": "/fapi/v1/algoOrder"}


async def enter(p: Paper, store: ExecutionStore, decision_id: str = "11-SOLUSDT-1") -> ExecutionResult:
    return await carry_out(await p.plan(decision_id), p.venue, store, p.clock, LIMITS)


def legs(state: Any) -> dict[str, str]:
    return {row["positionSide"]: row["quantity"] for row in state["positions"]}


def resting(state: Any) -> list[Any]:
    return [row for row in state["orders"] if row["status"] in ("NEW", "PARTIALLY_FILLED")]


def posts(state: Any, path: str) -> int:
    return sum(1 for row in state["requests"] if row["method"] == "POST" and row["path"] == path)


def assert_open(result: ExecutionResult, state: Any) -> None:
    assert result.status == "open", result.reason
    held = legs(state)
    assert set(held) == {"LONG", "SHORT"}
    assert held["LONG"] == held["SHORT"]
    kinds = ("STOP_MARKET", "TAKE_PROFIT_MARKET")
    assert sorted((row["positionSide"], row["type"]) for row in resting(state)) == [
        (side, kind) for side in ("LONG", "SHORT") for kind in kinds
    ]


async def test_opens_reduces_and_exits() -> None:
    async with paper() as p:
        store = memory_store()
        plan = await p.plan()
        result = await carry_out(plan, p.venue, store, p.clock, LIMITS)
        assert_open(result, await p.state())
        assert all(line.fee and line.fee > 0 for line in result.orders if line.kind == "entry")
        pair = pair_of(plan, result)
        reduced = await close_pair(pair, D("0.5"), p.venue, store, p.clock, LIMITS)
        assert_open(reduced, await p.state())
        assert {leg.quantity for leg in reduced.legs} == {plan.legs[0].quantity / 2}
        closed = await close_pair(pair, D(1), p.venue, store, p.clock, LIMITS)
        state = await p.state()
        assert (closed.status, state["positions"], resting(state)) == ("closed", [], [])
        assert store.orders.unresolved() == []


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_lost_answer_of_an_entry_leaves_one_order_ten_times_over(nth: int) -> None:
    async with paper() as p:
        for n in range(10):
            await p.faults({"match": {**ENTRY, "nth": nth}, "do": "drop_response"})
            store = memory_store()
            plan = await p.plan(f"d{nth}-{n}")
            before = await p.state()
            result = await carry_out(plan, p.venue, store, p.clock, LIMITS)
            after = await p.state()
            assert_open(result, after)
            sent = [row for row in after["orders"] if not row["algo"]][
                len([r for r in before["orders"] if not r["algo"]]) :
            ]
            assert len(sent) == 2
            assert posts(after, ENTRY["path"]) - posts(before, ENTRY["path"]) == 2, "never sent again"
            assert store.orders.unresolved() == []
            await p.faults()
            assert (await close_pair(pair_of(plan, result), D(1), p.venue, store, p.clock, LIMITS)).status == "closed"


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
async def test_a_lost_answer_of_a_bracket_order_leaves_one_order(nth: int) -> None:
    async with paper() as p:
        await p.faults({"match": {**BRACKET, "nth": nth}, "do": "drop_response"})
        result = await enter(p, memory_store())
        state = await p.state()
        assert_open(result, state)
        assert len([row for row in state["orders"] if row["algo"]]) == 4


async def test_every_order_answer_lost() -> None:
    async with paper() as p:
        await p.faults({"match": ENTRY, "do": "drop_response"}, {"match": BRACKET, "do": "drop_response"})
        result = await enter(p, memory_store())
        state = await p.state()
        assert_open(result, state)
        assert len(state["orders"]) == 6


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
async def test_one_leg_rejected_ends_flat(side: str) -> None:
    async with paper() as p:
        store = memory_store()
        # without nth the close of that side would be refused as well
        await p.faults({"match": {**ENTRY, "nth": 1}, "do": "reject_leg", "position_side": side})
        result = await enter(p, store)
        state = await p.state()
        assert (result.status, state["positions"], resting(state)) == ("unwound", [], [])
        assert store.orders.unresolved() == []


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_partial_fill_is_completed(nth: int) -> None:
    async with paper() as p:
        await p.faults({"match": {**ENTRY, "nth": nth}, "do": "partial_fill"})
        result = await enter(p, memory_store())
        assert_open(result, await p.state())
        assert len([line for line in result.orders if line.kind == "entry"]) == 3


async def test_a_server_error_before_anything_happened_is_looked_up_and_sent_under_a_new_id() -> None:
    async with paper() as p:
        await p.faults({"match": {**ENTRY, "nth": 1}, "do": "status", "status": 503})
        result = await enter(p, memory_store())
        assert_open(result, await p.state())
        entries = [line.status for line in result.orders if line.kind == "entry"]
        assert entries.count("absent") == 1


async def test_a_silent_exchange_leaves_the_question_open_and_recovery_answers_it() -> None:
    async with paper() as p:
        store = memory_store()
        await p.faults(
            {"match": {**ENTRY, "nth": 2}, "do": "drop_response"},
            {"match": {"method": "GET", "path": "/fapi/v1/order"}, "do": "status", "status": 503},
        )
        plan = await p.plan()
        result = await carry_out(plan, p.venue, store, p.clock, LIMITS)
        assert result.status == "unknown"
        assert sorted(row.kind for row in store.orders.unresolved()) == ["entry", "goal"]
        again = await enter(p, store, "another")
        assert again.status == "none"
        await p.faults()
        (item,) = await recover(p.venue, store, p.clock, LIMITS, symbols=[SOL])
        state = await p.state()
        assert item.outcome == "protected"
        assert item.result is not None
        assert_open(item.result, state)
        assert len([row for row in state["orders"] if not row["algo"]]) == 2
        assert store.orders.unresolved() == []


async def test_a_leg_gone_behind_our_back_is_found_and_the_other_closed() -> None:
    async with paper() as p:
        store = memory_store()
        plan = await p.plan()
        result = await carry_out(plan, p.venue, store, p.clock, LIMITS)
        by_hand = {"symbol": "SOLUSDT", "side": "BUY", "positionSide": "SHORT", "type": "MARKET"}
        exchange = p.venue._exchange
        await exchange.fapiPrivatePostOrder({**by_hand, "quantity": str(plan.legs[0].quantity)})
        (item,) = await recover(p.venue, store, p.clock, LIMITS, pairs=[pair_of(plan, result)])
        state = await p.state()
        assert (item.outcome, state["positions"], resting(state)) == ("flat", [], [])


async def test_the_bracket_fires_as_a_pair() -> None:
    async with paper() as p:
        store = memory_store()
        plan = await p.plan()
        result = await carry_out(plan, p.venue, store, p.clock, LIMITS)
        await p.control("price", {"symbol": "SOLUSDT", "price": str(plan.bracket.upper * D("1.001"))})
        await p.control("advance", {"ms": 2000})
        (item,) = await recover(p.venue, store, p.clock, LIMITS, pairs=[pair_of(plan, result)])
        state = await p.state()
        assert (item.outcome, state["positions"], resting(state)) == ("flat", [], [])


async def test_the_ledger_ties_out_with_the_wallet_to_the_last_digit() -> None:
    async with paper() as p:
        store = memory_store()
        opening = await p.venue.balance()
        await p.control("advance", {"ms": 8 * 3_600_000 - 60_000})
        plan = await p.plan(lots=333)
        result = await carry_out(plan, p.venue, store, p.clock, LIMITS)
        pair = pair_of(plan, result)
        await p.control("advance", {"ms": 120_000})  # over the funding time
        await close_pair(pair, D("0.3"), p.venue, store, p.clock, LIMITS)
        await p.control("price", {"symbol": "SOLUSDT", "price": str(plan.entry_price * D("1.013"))})
        await close_pair(pair, D(1), p.venue, store, p.clock, LIMITS)
        since = opening_time = (await p.venue.server_time()) - 12 * 3_600_000
        rows = [
            Row(
                fill.trade_id,
                fill.time,
                "fill",
                SOL,
                fill.fee,
                fill.position_side,
                fill.side,
                fill.price,
                fill.quantity,
            )
            for fill in await p.venue.fills(SOL, since)
        ]
        income = await p.venue.income(None, opening_time)
        rows += [
            Row(row.income_id, row.time, "funding", SOL, row.amount) for row in income if row.kind == "FUNDING_FEE"
        ]
        book = Book()
        book.add(rows)
        assert any(row.kind == "funding" for row in rows), "funding was paid and received in between"
        assert [cycle.flat for cycle in book.cycles] == [True]
        assert book.funding == 0, "equal legs: the long pays what the short receives"
        closing = await p.venue.balance()
        assert abs(tie_out(book, opening.wallet, closing.wallet).difference) <= D("0.00000010")
        venue_side = sum(
            (row.amount for row in income if row.kind in ("COMMISSION", "REALIZED_PNL", "FUNDING_FEE")), D(0)
        )
        assert abs(opening.wallet + venue_side - closing.wallet) <= D("0.00000010")


async def test_killed_between_two_requests_and_started_again() -> None:
    from tests.fake_venue import Crash

    for touch in (2, 6, 9, 14):
        async with paper() as p:
            crash = CrashPoint(at=touch)
            store = memory_store(crash)
            with pytest.raises(Crash):
                await enter(p, store)
            crash.at = None
            items = await recover(p.venue, store, p.clock, LIMITS, symbols=[SOL])
            state = await p.state()
            assert store.orders.unresolved() == []
            if state["positions"]:
                (item,) = items
                assert item.result is not None
                assert_open(item.result, state)
            else:
                assert resting(state) == []
