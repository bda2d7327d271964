"""How long the hands take: `pytest tests/benchmarks/test_bench_hands.py`.

Rebalancer, event -> commands: target under 20 microseconds, median, for a tick that changes nothing. Checked on the
best run, as an idle core's figure; the median is what the table shows.
Tick to order on the wire: the whole way of a running keeper over loopback to the paper exchange in the same process,
SQLite on disk. p50 and p99 are in `extra_info`, in ms, measured to the order's arrival at the exchange: from the tick
(state stored, positions read, intent committed, request sent) and from the start of the look that brought it.
Paper exchange: orders a second, each opening or closing a leg at market.
"""

import asyncio
import itertools
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import pytest
from aiohttp import web

from orchestrator.direct_venue import DirectVenue
from orchestrator.execution.venue import OrderRequest, Venue
from orchestrator.pair_actions import PairActions
from orchestrator.pair_book import save_state
from orchestrator.paper_exchange.http import Front
from orchestrator.rebalancer.events import Tick
from orchestrator.rebalancer.step import step
from tests.chaos.exchange import direct
from tests.kept_pair import Kept, kept_pair
from tests.paper import SOL, paper
from tests.rebalancer_driver import Driver, make_rules, make_state

D = Decimal
QUIET_S = 20e-6
RULES = make_rules(stop=D("0.08"), target=D("0.12"), breakeven_at=D("0.10"), trailing_distance=D("3.6"))


def test_a_quiet_tick_while_neutral(benchmark: Any) -> None:
    state, tick = make_state(rules=RULES), Tick(at=1000, mark=D("120.31"))
    after, commands = benchmark(step, state, tick)
    assert (after, commands) == (state, ())
    assert benchmark.stats.stats.min < QUIET_S


def test_a_quiet_tick_after_band_one(benchmark: Any) -> None:
    driver = Driver(make_state(rules=RULES))
    driver.mark("122.41")
    assert driver.state.bands_hit == 1
    state, tick = driver.state, Tick(at=9000, mark=D("122.01"))
    after, commands = benchmark(step, state, tick)
    assert (after, commands) == (state, ())
    assert benchmark.stats.stats.min < QUIET_S


def test_the_tick_that_reaches_band_one(benchmark: Any) -> None:
    state, tick = make_state(rules=RULES), Tick(at=1000, mark=D("122.41"))
    after, commands = benchmark(step, state, tick)
    assert after.in_flight
    assert [command.reason for command in commands] == ["band_1"]


async def _half_closes(k: Kept, samples: int, looked: list[float]) -> None:
    """Band 1 again and again: the leg is opened again by hand, and the ladder starts from its first state."""
    neutral, stored = k.state(), k.stored().pair
    await k.keeper.look()
    for sample in range(samples):
        await k.move("0.0201")
        looked.append(perf_counter())
        await k.keeper.look()
        held = await k.held()
        assert held["short"] < held["long"], k.keeper.notes[-3:]
        again = {"symbol": "SOLUSDT", "side": "SELL", "positionSide": "SHORT", "type": "MARKET"}
        await k.desk.exchange.fapiPrivatePostOrder({**again, "quantity": str(held["long"] - held["short"])})
        await k.move("0")
        k.desk.store.pairs.update(stored)
        save_state(k.desk, neutral, "the next sample", sample)


def test_tick_to_order_on_the_wire(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, looked, ticked, arrived = 100, [], [], []
    handle, apply = Front.handle, PairActions.apply

    async def arriving(self: Front, request: web.Request) -> web.StreamResponse:
        if (request.method, request.path) == ("POST", "/fapi/v1/order"):
            arrived.append(perf_counter())
        return await handle(self, request)

    async def telling(self: PairActions, pair: Any, state: Any, event: Any, now: int) -> Any:
        if isinstance(event, Tick):
            ticked.append(perf_counter())
        return await apply(self, pair, state, event, now)

    async def measured() -> None:
        async with kept_pair(tmp_path, equity=D(100_000)) as k:
            monkeypatch.setattr(PairActions, "apply", telling)
            await _half_closes(k, samples, looked)

    monkeypatch.setattr(Front, "handle", arriving)
    benchmark.pedantic(lambda: asyncio.run(measured()), rounds=1)
    for name, starts in (("tick", ticked), ("look", looked)):
        ways = [1000 * (min(at for at in arrived if at > start) - start) for start in starts[-samples:]]
        assert all(0 < way < 5_000 for way in ways)
        cuts = quantiles(ways, n=100)
        benchmark.extra_info[f"{name}_to_wire_p50_ms"] = round(cuts[49], 2)
        benchmark.extra_info[f"{name}_to_wire_p99_ms"] = round(cuts[98], 2)
    print(f"\n{benchmark.extra_info}")


def _orders(first: int, count: int) -> list[OrderRequest]:
    """Ten lots of the long opened, then closed, and so on."""
    sides = itertools.cycle(("buy", "sell"))
    return [
        OrderRequest(
            client_order_id=f"bench{number}",
            symbol=SOL,
            side=next(sides),  # type: ignore[arg-type]
            position_side="long",
            type="market",
            quantity=D(10),
            reduces=number % 2 == 1,
        )
        for number in range(first, first + count)
    ]


async def _placed(venue: Venue | DirectVenue, orders: list[OrderRequest]) -> float:
    began = perf_counter()
    for order in orders:
        report = await venue.place(order)
        assert report.status == "filled"
    return len(orders) / (perf_counter() - began)


def test_paper_exchange_orders_in_process(benchmark: Any) -> None:
    async def placed() -> float:
        venue, _ = direct()
        await venue.set_position_mode("hedge")
        return await _placed(venue, _orders(0, 1000))

    rates: list[float] = []
    benchmark.pedantic(lambda: rates.append(asyncio.run(placed())), rounds=5, warmup_rounds=1)
    benchmark.extra_info["orders/s"] = round(max(rates))
    print(f"\n{benchmark.extra_info}")


def test_paper_exchange_orders_over_http(benchmark: Any) -> None:
    """Through ccxt, one after the other; client and exchange share the process."""

    async def placed() -> float:
        async with paper() as exchange:
            await exchange.venue.set_position_mode("hedge")
            return await _placed(exchange.venue, _orders(0, 500))

    rates: list[float] = []
    benchmark.pedantic(lambda: rates.append(asyncio.run(placed())), rounds=3, warmup_rounds=1)
    benchmark.extra_info["orders/s"] = round(max(rates))
    print(f"\n{benchmark.extra_info}")
