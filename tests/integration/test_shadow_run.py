"""`volgamma run --shadow`: decisions and would-be orders are recorded, no order leaves; `replay outcome` reads them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pandas as pd
import pytest

from db.journal_repository import JournalRepository
from orchestrator import settings
from orchestrator.clock import SystemClock
from orchestrator.desk import open_desk
from orchestrator.execution.venue import ConditionalRequest, OrderRequest, Rejected
from orchestrator.host import Ask, decide_once
from orchestrator.paper_exchange.server import ExchangeConfig, RunningExchange, start
from orchestrator.storage import opened
from tests.integration.test_run_command import begin, done
from tests.simulated_market import write_market
from tests.store_cli import Volgamma

SOL = "SOL/USDT:USDT"
RUN = ("--every", "1s", "--for", "3s", "--policy", "rules", "--symbols", "SOL", "--json")
#: Everything that opens, protects, closes or cancels.
ORDERS = ("/fapi/v1/order", "/fapi/v1/batchOrders", "/fapi/v1/algoOrder", "/fapi/v1/allOpenOrders")


async def orders_seen(running: RunningExchange) -> list[tuple[str, str]]:
    async with aiohttp.ClientSession() as session, session.get(f"{running.url}/_control/state") as answer:
        seen = [(request["method"], request["path"]) for request in (await answer.json())["requests"]]
    assert seen, "the exchange was not asked at all"
    return [one for one in seen if one[0] != "GET" and one[1] in ORDERS]


def execution(folder: Path, decision_id: str | None = None) -> dict[str, Any]:
    chosen = settings.load({"VOLGAMMA_DATA_DIR": str(folder)})
    with opened(chosen) as database:
        journal = JournalRepository(database)
        entries = [entry for entry in journal.entries() if entry.execution_status == "dry_run"]
        found: dict[str, Any] = journal.load(entries[-1].decision_id).document("execution")
    return found


async def test_no_order_leaves_and_what_would_have_is_recorded(tmp_path: Path) -> None:
    running = await start(ExchangeConfig(frozen=True))
    try:
        code, out, err = await done(await begin(tmp_path, running.url, *RUN, "--shadow"))
        assert code == 0, err
        tally = json.loads(out)
        assert (tally["shadow"], tally["decisions"], tally["entered"], tally["failed"]) == (True, 1, 0, 0), err
        assert await orders_seen(running) == []
        assert (running.engine.account.open_positions(), running.engine.open_algos()) == ([], [])
        recorded = execution(tmp_path)
        assert (recorded["status"], recorded["mode"], recorded["pair_id"]) == ("dry_run", "shadow", None)
        kinds = [(one["kind"], one["side"], one["position_side"]) for one in recorded["orders"]]
        assert kinds[:2] == [("entry", "buy", "long"), ("entry", "sell", "short")]
        assert kinds[2:] == [("bracket", "sell", "long")] * 2 + [("bracket", "buy", "short")] * 2
        assert {one["status"] for one in recorded["orders"]} == {"not_sent"}
        assert all(Decimal(one["quantity"]) > 0 and Decimal(one["filled"]) == 0 for one in recorded["orders"])
        # the same market, without --shadow: the orders do leave, so that the count above can fail
        running.engine.advance(running.engine.now + 60_000)
        resolved = settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_PAPER_URL": running.url})
        await decide_once(resolved, Ask(symbol="SOL", exchange="paper", policy="rules"))
        assert len(await orders_seen(running)) >= 6
        # and now there is a pair that a shadow run could not keep
        code, out, err = await done(await begin(tmp_path, running.url, *RUN, "--shadow"))
        assert (code, json.loads(out)["error"]["code"]) == (1, "shadow_needs_flat")
    finally:
        await running.stop()


async def test_the_last_wall_refuses_whatever_asks(tmp_path: Path) -> None:
    running = await start(ExchangeConfig(frozen=True))
    try:
        resolved = settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_PAPER_URL": running.url})
        async with open_desk(resolved, SystemClock(), "paper", shadow=True) as desk:
            order = OrderRequest(
                client_order_id="vgx", symbol=SOL, side="buy", position_side="long", type="market", quantity=Decimal(1)
            )
            stop = ConditionalRequest(
                client_order_id="vgy",
                symbol=SOL,
                side="sell",
                position_side="long",
                kind="stop",
                trigger_price=Decimal(1),
            )
            for asked in (
                desk.venue.place(order),
                desk.venue.place_conditional(stop),
                desk.venue.cancel(SOL, "vgx", conditional=False),
            ):
                with pytest.raises(Rejected, match="shadow"):
                    await asked
        assert await orders_seen(running) == []
    finally:
        await running.stop()


async def test_flattening_makes_no_sense(tmp_path: Path) -> None:
    code, _, err = await done(await begin(tmp_path, "http://127.0.0.1:1", *RUN, "--shadow", "--flatten-on-exit"))
    assert (code, "nothing to close" in err) == (2, True)


#: A time at which the rules want to enter in the made-up history.
ENTRY = 1_715_846_400_000


async def test_outcome_follows_a_shadow_decision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = tmp_path / "history"
    history.mkdir()
    write_market(history)
    for coin in ("SOL", "AVAX"):
        quarters = pd.read_feather(history / f"{coin}_USDT_USDT-15m-futures.feather").set_index("date")
        how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
        hours = quarters.resample("1h").agg(how).reset_index()
        hours.to_feather(history / f"{coin}_USDT_USDT-1h-futures.feather")
    running = await start(ExchangeConfig(frozen=True, market="recorded", data_dir=history, at=ENTRY))
    try:
        folder = tmp_path / "data"
        words = [word if word != "SOL" else "AVAX" for word in RUN]
        code, _, err = await done(await begin(folder, running.url, *words, "--shadow"))
        assert code == 0, err
        assert await orders_seen(running) == []
    finally:
        await running.stop()
    volgamma = Volgamma(folder, monkeypatch)
    answered = volgamma("replay", "outcome", "--all", "--data", str(history), "--json")
    assert answered.code == 0, answered.err
    (row,) = answered.json["decisions"]
    assert row["action"] == "enter", row
    assert row["net"] is not None and row["complete"], row
