"""Decide, execute, and look from outside: what an independent ccxt client sees is what counts."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import scripted_model
from tests.e2e.house import AVAX, SOL, assert_flat, assert_pair, held, house, sent, stranger, volgamma

D = Decimal
PINNED = {
    "decision_id",
    "trader_id",
    "symbol",
    "exchange",
    "policy",
    "model",
    "context_hash",
    "prompt_hash",
    "decision",
    "verdict",
    "execution",
    "timings_ms",
    "fetch",
    "llm",
}
STAGES = {"fetch", "indicators", "policy", "guard", "execution", "total"}
ORDER_FIELDS = {
    "leg_id",
    "kind",
    "client_order_id",
    "exchange_order_id",
    "side",
    "position_side",
    "quantity",
    "filled",
    "average",
    "fee",
    "status",
}


async def test_a_pair_as_anybody_else_sees_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        report = await h.decide()
        plan = report.chosen.verdict.plan
        assert plan is not None
        async with stranger(h.running.url) as client:
            await _legs(client, plan)
            await _bracket(client, plan)
            await _fees(client, report.document())
        _document(report.document())


async def _legs(client: Any, plan: Any) -> None:
    rows = [row for row in await client.fetch_positions([SOL]) if row["contracts"]]
    assert sorted(row["side"] for row in rows) == ["long", "short"]
    assert {D(str(row["contracts"])) for row in rows} == {leg.quantity for leg in plan.legs}
    assert len({leg.quantity for leg in plan.legs}) == 1, "both legs are the same size"
    assert {row["marginMode"] for row in rows} == {"isolated"}
    settings = await client.fapiPrivateGetSymbolConfig({"symbol": "SOLUSDT"})
    assert [int(row["leverage"]) for row in settings] == [plan.leverage]
    # domain.md section 7: liquidation at least 6 % beyond the outer band, 10 % from entry, on both sides
    for row in rows:
        assert abs(D(str(row["liquidationPrice"])) / plan.entry_price - 1) >= D("0.10")


async def _bracket(client: Any, plan: Any) -> None:
    rows = await client.fapiPrivateGetOpenAlgoOrders({"symbol": "SOLUSDT"})
    assert await client.fetch_open_orders(SOL) == [], "no plain order rests"
    seen = {(row["positionSide"], row["orderType"]): row for row in rows}
    assert len(rows) == 4 and len(seen) == 4
    outer, tick = max(band.move for band in plan.bands), D("0.01")
    upper, lower = plan.entry_price * (1 + outer + D("0.01")), plan.entry_price * (1 - outer - D("0.01"))
    expected = {
        ("SHORT", "STOP_MARKET"): ("BUY", upper),
        ("LONG", "TAKE_PROFIT_MARKET"): ("SELL", upper),
        ("LONG", "STOP_MARKET"): ("SELL", lower),
        ("SHORT", "TAKE_PROFIT_MARKET"): ("BUY", lower),
    }
    assert set(seen) == set(expected)
    for key, (side, price) in expected.items():
        row = seen[key]
        assert row["side"] == side
        assert str(row["closePosition"]).lower() == "true"
        assert row["workingType"] == "MARK_PRICE"
        assert abs(D(row["triggerPrice"]) - price) <= tick, key


async def _fees(client: Any, document: dict[str, Any]) -> None:
    trades = await client.fetch_my_trades(SOL)
    by_order: dict[str, Decimal] = {}
    for trade in trades:
        fee = D(str(trade["price"])) * D(str(trade["amount"])) * D("0.0005")
        assert abs(D(str(trade["fee"]["cost"])) - fee) < D("0.0001"), "taker 5 bp of the fill's notional"
        by_order[trade["order"]] = by_order.get(trade["order"], D(0)) + D(str(trade["fee"]["cost"]))
    entries = {row["exchange_order_id"]: row for row in document["execution"]["orders"] if row["kind"] == "entry"}
    assert {name: D(row["fee"]) for name, row in entries.items()} == by_order


def _document(document: dict[str, Any]) -> None:
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again.keys() >= PINNED
    assert again["trader_id"] == 11 and again["exchange"] == "paper" and again["symbol"] == SOL
    assert again["timings_ms"].keys() >= STAGES
    assert all(isinstance(ms, int) for ms in again["timings_ms"].values())
    assert again["execution"]["status"] == "open" and again["execution"]["protected"] is True
    kinds = [row["kind"] for row in again["execution"]["orders"]]
    assert kinds.count("entry") == 2 and kinds.count("bracket") == 4
    for row in again["execution"]["orders"]:
        assert row.keys() >= ORDER_FIELDS
        for field in ("quantity", "filled", "average", "fee"):
            assert row[field] is None or isinstance(row[field], str), f"{field}: money is a decimal string"
    assert set(again["llm"]) >= {"prompt_tokens", "completion_tokens", "cost_usd", "attempts"}
    assert again["fetch"] and all(isinstance(ms, int) for ms in again["fetch"].values())
    assert again["verdict"]["outcome"] in ("approved", "amended")


async def test_the_context_hash_is_that_of_canonical_json_without_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        report = await h.decide(dry_run=True)
        with h.store() as store:
            context = store.journal.export_line(report.chosen.decision_id)["context"]
    recorded = context.pop("context_hash")
    text = json.dumps(context, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    assert recorded == report.document()["context_hash"] == hashlib.sha256(text.encode()).hexdigest()


async def test_a_dry_run_sends_no_order(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        report = await h.decide(dry_run=True)
        assert report.document()["execution"]["status"] == "dry_run"
        assert report.chosen.verdict.outcome in ("approved", "amended")
        state = await h.state()
        assert sent(state) == []
        assert_flat(state)
        assert D(state["fees_paid"]) == 0
        with h.store() as store:
            assert list(store.pairs.open_pairs()) == []


async def test_the_second_decision_holds_and_avax_is_a_pair_of_its_own(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        first = await h.decide()
        assert first.document()["execution"]["status"] == "open"
        before = await h.state()
        second = await h.decide()
        after = await h.state()
        assert second.decision.action.value == "hold"
        assert second.document()["execution"]["status"] == "none"
        assert held(after) == held(before) and len(sent(after)) == len(sent(before))
        assert_pair(after)
        third = await h.decide("AVAXUSDT")
        assert (third.symbol, third.document()["execution"]["status"]) == (AVAX, "open")
        both = await h.state()
        assert_pair(both, "AVAXUSDT")
        assert_pair(both, "SOLUSDT")
        with h.store() as store:
            assert {pair.symbol for pair in store.pairs.open_pairs()} == {SOL, AVAX}


async def test_avax_alone(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        report = await h.decide("avax")
        state = await h.state()
        assert report.decision.symbol == AVAX
        assert_pair(state, "AVAXUSDT")
        assert {symbol for symbol, _ in held(state)} == {"AVAXUSDT"}
        async with stranger(h.running.url) as client:
            rows = [row for row in await client.fetch_positions([AVAX]) if row["contracts"]]
        assert {D(str(row["contracts"])) for row in rows} == {held(state)["AVAXUSDT", "LONG"]}


async def test_every_finding_says_what_was_measured(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        findings = (await h.decide(dry_run=True)).document()["verdict"]["findings"]
    assert findings, "the note on the achievable ladder is always there"
    for row in findings:
        assert set(row) == {"rule", "effect", "observed", "limit", "unit", "message"}
        assert row["effect"] in ("refuse", "amend", "note") and row["message"]


async def test_the_command_prints_one_document_and_nothing_else(tmp_path: Path) -> None:
    import asyncio

    async with house(tmp_path) as h:
        done = await asyncio.to_thread(volgamma, h.environment, "decide", "--policy", "rules", "--json")
        assert done.returncode == 0, done.stderr
        _document(json.loads(done.stdout))
        assert_pair(await h.state())


async def test_compare_carries_out_the_model_when_it_is_permitted(tmp_path: Path) -> None:
    async with scripted_model.scripted(scripted_model.enter) as model, house(tmp_path, **model.environment) as h:
        report = await h.decide("SOL", "llm", compare=True)
        document = report.document()
        assert (document["policy"], document["model"], document["execution"]["status"]) == ("llm", "scripted", "open")
        assert document["llm"]["prompt_tokens"] == 1000 and document["llm"]["attempts"] == 1
        assert document["beside"]["policy"] == "rules" and document["beside"]["execution"]["status"] == "none"
        state = await h.state()
        assert_pair(state)
        assert len(sent(state)) == 6, "one pair, not two"


def _eager(body: dict[str, Any]) -> str:
    """An entry that the guard must refuse: it cites a number that was not shown."""
    said = json.loads(scripted_model.enter(body))
    said["evidence"][0]["value"] = "77"
    return json.dumps(said)


def _shy(body: dict[str, Any]) -> str:
    return scripted_model.reply(body, action="stand_aside")


@pytest.mark.parametrize(("script", "first"), [(_eager, "refused"), (_shy, "approved")])
async def test_compare_falls_back_to_the_rules(tmp_path: Path, script: Any, first: str) -> None:
    async with scripted_model.scripted(script) as model, house(tmp_path, **model.environment) as h:
        report = await h.decide("SOL", "llm", compare=True)
        document = report.document()
        assert (document["policy"], document["execution"]["status"]) == ("rules", "open")
        assert document["beside"]["policy"] == "llm" and document["beside"]["execution"]["status"] == "none"
        assert document["beside"]["verdict"]["outcome"] == first
        assert_pair(await h.state())
        with h.store() as store:
            entries = {one.policy: one for one in store.journal.entries(limit=None)}
        assert set(entries) == {"llm", "rules"}
        assert (entries["llm"].execution_status, entries["rules"].execution_status) == ("none", "open")


async def test_a_refused_model_alone_trades_nothing(tmp_path: Path) -> None:
    async with scripted_model.scripted(_eager) as model, house(tmp_path, **model.environment) as h:
        report = await h.decide("SOL", "llm")
        assert report.chosen.verdict.outcome == "refused"
        refusals = {row.rule for row in report.chosen.verdict.findings if row.effect == "refuse"}
        assert refusals == {"ungrounded"}, refusals
        state = await h.state()
        assert sent(state) == []
        assert_flat(state)
