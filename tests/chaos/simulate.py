"""Whole lives of a pair on a simulated clock, with seeded mishaps: `python -m tests.chaos.simulate --seeds 20000`.

One seed is one life: an entry through the saga, looks of the keeper while the price walks, kills of the process with
recovery on the same database, an end. It is a pure function of the seed; a failing one is shown with its log and
played again by `--seed N`.
"""

import argparse
import asyncio
import functools
import random
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import numpy as np

from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.execution.preflight import apply_settings
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.saga import carry_out
from orchestrator.execution.venue import OrderRequest, Venue, VenueError
from orchestrator.hands import execution_limits, execution_store, opened, recover_open_business
from orchestrator.keeper import Keeper
from orchestrator.ledger.book import Book, tie_out
from orchestrator.ledger.rows import Row
from orchestrator.ledger_feed import refresh
from orchestrator.pair_book import load_state
from orchestrator.paper_exchange.account import Account
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.market import Level, Market, tick
from orchestrator.paper_exchange.synthetic import START, SyntheticMarket
from orchestrator.paper_exchange.texture import TEXTURES
from orchestrator.rebalancer.state import Phase
from tests.chaos.exchange import WALLET, DirectVenue
from tests.chaos.faulty_venue import Chaos, Crash, FaultyVenue
from tests.chaos.memory_desk import MemoryDesk, as_desk, memory_store
from tests.chaos.simulated_clock import SimulatedClock
from tests.guard_scenario import SOL, permitted
from tests.paper import Paper
from traders.contract.verdict import ExecutionPlan

D = Decimal
ROUNDS, CALM_ROUNDS, LOTS = 25, 12, 100


class Broken(AssertionError):
    """An invariant does not hold."""


@functools.cache
def _bars() -> SyntheticMarket:
    return SyntheticMarket(7, "expanding")


class LightMarket(Market):
    """Ten levels a side are enough here, and quick to make."""

    def _make_book(self, symbol: str, now: int, mid: float) -> tuple[list[Level], list[Level]]:
        step, rng = tick(symbol), np.random.default_rng([self.seed, now // 1000])
        centre = (D(repr(mid)) / step).to_integral_value() * step
        sizes = [D(int(size)) for size in rng.integers(5, 200, 20)]
        bids = [(centre - step * (i + 1), sizes[i]) for i in range(10)]
        return bids, [(centre + step * (i + 1), sizes[10 + i]) for i in range(10)]


@dataclass
class Life:
    """Everything one seed needs."""

    seed: int
    clock: SimulatedClock
    engine: Engine
    chaos: Chaos
    desk: MemoryDesk
    keeper: Keeper
    plan: ExecutionPlan
    crashes: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def rng(self) -> random.Random:
        return self.chaos.rng

    def demand(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(f"seed {self.seed} at {self.clock.monotonic_ms():.0f} ms: {what}")


def begin(seed: int) -> Life:
    """A flat account with its settings applied, and a permitted plan."""
    rng, clock, scene = random.Random(seed), SimulatedClock(), permitted()
    market = LightMarket(_bars(), seed, TEXTURES["expanding"])
    engine = Engine(market, Account(WALLET, WALLET), START, D("0.0005"), D("0.0002"))
    direct = DirectVenue(engine, clock)
    chaos = Chaos(rng, rng.choice((0, 0.1, 0.3, 0.5)), rng.choice((0, 0.02, 0.1)), rng.choice((0, 0, 0.005, 0.02)))
    store = memory_store(scene.context.model_copy(update={"as_of": START}), chaos.touch)
    desk = MemoryDesk(store, clock, direct)
    life = Life(seed, clock, engine, chaos, desk, Keeper(as_desk(desk), scene.constraints), cast("Any", None))
    faulty = FaultyVenue(direct, engine, clock, chaos, lambda: always(life), lambda order: opening(life, order))
    maker = Paper(venue=cast("Any", direct), url="", session=cast("Any", None), clock=cast("Any", clock))
    life.plan = asyncio.run(maker.plan(f"11-SOLUSDT-{seed}", LOTS))
    asyncio.run(apply_settings(life.plan, direct))
    desk.venue = cast("Venue", faulty)
    verdict = scene.review()
    store.journal.verdicts[life.plan.decision_id] = verdict
    return life


def opening(life: Life, order: OrderRequest) -> None:
    """No new risk while an outcome is unknown."""
    others = [
        row.client_order_id
        for row in life.desk.store.orders.unresolved()
        if row.kind != "goal" and row.client_order_id != order.client_order_id
    ]
    life.demand(not others, f"an opening order while {others} are unknown")
    life.demand(order.client_order_id in life.desk.store.orders.rows, "an order without an intent")


def always(life: Life) -> None:
    """What holds after every event at the venue."""
    names = [row["clientOrderId"] for row in life.engine.orders]
    life.demand(len(names) == len(set(names)), "an id was used for two orders")
    for side, opens in (("LONG", "BUY"), ("SHORT", "SELL")):
        rows = [row for row in life.engine.orders if (row["positionSide"], row["side"]) == (side, opens)]
        filled = sum((D(row["executedQty"]) for row in rows), D(0))
        life.demand(filled <= LOTS, f"{filled} opened of {LOTS} on the {side} side")
    held = {position.side for position in life.engine.account.open_positions()}
    orphans = [row["clientAlgoId"] for row in life.engine.open_algos() if row["positionSide"] not in held]
    life.demand(not orphans, f"conditional orders of a position that is gone: {orphans}")
    for pair in life.desk.store.pairs.open_pairs():
        life.demand(f"rebalancer:{pair.pair_id}" in life.desk.store.state.rows, "a pair whose ladder has no state")


def settled(life: Life) -> None:
    """What holds once a calm venue has been looked at: protected and within the limit, or flat with nothing left."""
    always(life)
    store = life.desk.store
    life.demand(not store.orders.unresolved(), f"unresolved: {[r.client_order_id for r in store.orders.unresolved()]}")
    held = {p.side: abs(p.quantity) for p in life.engine.account.open_positions()}
    pairs = store.pairs.open_pairs()
    resting = life.engine.open_algos() + life.engine.open_orders()
    if not held:
        life.demand(not resting, "flat, but orders rest")
        life.demand(not pairs, "flat, but the record says open")
        return
    life.demand(set(held) == {"LONG", "SHORT"}, f"one leg alone: {held}")
    life.demand(len(pairs) == 1, "positions without a pair on record")
    state = load_state(as_desk(life.desk), pairs[0].pair_id)
    life.demand(state is not None and not state.in_flight, "closes still in flight")
    assert state is not None
    life.demand((held["LONG"], held["SHORT"]) == (state.long.left, state.short.left), f"{held} is not as remembered")
    life.demand(abs(state.net_delta) <= D("0.35"), f"net delta {state.net_delta}")
    life.demand(state.phase is not Phase.NEUTRAL or held["LONG"] == held["SHORT"], f"unequal while neutral: {held}")
    places = {(row["positionSide"], row["orderType"]) for row in resting}
    life.demand(len(resting) == 4 and len(places) == 4, f"the bracket is not four orders: {sorted(places)}")


def tied(life: Life) -> None:
    """Every cent of the wallet is in the ledger."""
    asyncio.run(refresh(as_desk(life.desk), SOL))
    book = Book()
    book.add(
        Row(r.venue_id, r.time, r.kind, r.symbol, r.amount, r.position_side, r.side, r.price, r.quantity)  # type: ignore[arg-type]
        for r in life.desk.store.ledger.rows.values()
    )
    difference = tie_out(book, WALLET, life.engine.account.wallet).difference
    life.demand(abs(difference) < D("0.005"), f"the ledger is off by {difference}")


async def _enter(life: Life) -> None:
    desk, scene = as_desk(life.desk), permitted()
    decision = scene.decision
    context = scene.context.model_copy(update={"as_of": START})

    def remember(result: ExecutionResult) -> None:
        if result.status == "open":
            opened(desk, scene.constraints, decision, life.plan, context, result, context.as_of)

    limits = execution_limits(desk, scene.constraints)
    for _ in range(8):  # a preflight that could not read sends nothing, and is asked for again
        store = execution_store(desk)
        result = await carry_out(life.plan, desk.venue, store, cast("Clock", life.clock), limits, commit=remember)
        if result.status != "none":
            return


async def _restart(life: Life) -> None:
    """What a new process does first; a venue that does not answer is asked again."""
    constraints = permitted().constraints
    for _ in range(20):
        try:
            await recover_open_business(as_desk(life.desk), constraints)
            life.keeper = Keeper(as_desk(life.desk), constraints)
            return await life.keeper.resume()
        except (VenueError, HostError):
            life.clock.pass_ms(1_000)
    raise Broken(f"seed {life.seed}: no start in twenty attempts")


async def _look(life: Life) -> None:
    """One round of the loop; a decision's own recovery comes first when something is unknown and no pair stands."""
    if life.desk.store.orders.unresolved() and not life.desk.store.pairs.open_pairs():
        try:
            await recover_open_business(as_desk(life.desk), permitted().constraints)
        except HostError:
            return
    await life.keeper.look()


def _surviving(life: Life, work: Any) -> None:
    """Do a piece of work; when the process is killed in it, start again until it stands."""
    try:
        return asyncio.run(work)
    except Crash:
        pass
    while True:
        life.crashes += 1
        life.desk.hands = type(life.desk.hands)()  # a new process holds no lock
        life.clock.pass_ms(life.rng.choice((100, 3_000, 20_000)))
        try:
            return asyncio.run(_restart(life))
        except Crash:
            continue


def _market_moves(life: Life) -> None:
    """The price walks, at times it jumps; rarely the venue takes a leg."""
    engine, rng = life.engine, life.rng
    engine.advance(life.clock.now_ms())
    size = rng.choice((0.002, 0.006, 0.006, 0.025)) * rng.uniform(-1, 1)
    price = engine.market.price("SOLUSDT", engine.now) * (1 + size)
    engine.market.set_price("SOLUSDT", price, engine.now)
    engine.touch("SOLUSDT")
    if rng.random() < 0.01 and (held := engine.account.open_positions()):
        victim = rng.choice(held)
        life.chaos.log.append(f"the venue liquidates {victim.side}")
        engine._liquidate(victim)
    always(life)


def live(seed: int) -> Life:
    """One life. Raises Broken."""
    life = begin(seed)
    try:
        _surviving(life, _enter(life))
        for _ in range(ROUNDS):
            life.clock.pass_ms(1_000)
            _market_moves(life)
            _surviving(life, _look(life))
        life.chaos.calm = True
        life.chaos.log.append("calm")
        began = life.clock.monotonic_ms()
        life.clock.pass_ms(3_000)
        for _ in range(CALM_ROUNDS):
            life.clock.pass_ms(1_000)
            _surviving(life, _look(life))
        settled(life)
        life.demand(life.clock.monotonic_ms() - began < 60_000, "no good end within a minute of calm")
        asyncio.run(life.keeper.look(flatten=True))
        asyncio.run(life.keeper.look(flatten=True))
        settled(life)
        life.demand(not life.engine.account.open_positions(), "not flat at the end")
        tied(life)
    except Exception as error:
        error.add_note(f"seed {seed}: play it again with --seed {seed}\n" + "\n".join(life.chaos.log[-60:]))
        raise
    return life


def main(arguments: list[str]) -> int:
    """Play seeds; 0 when all hold."""
    parser = argparse.ArgumentParser(description="Lives of a pair on a simulated clock.")
    parser.add_argument("--seeds", type=int, default=500, help="how many, from --first")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="play this one and show its log")
    asked = parser.parse_args(arguments)
    seeds = range(asked.first, asked.first + asked.seeds) if asked.seed is None else [asked.seed]
    failed, crashes, faults, life = [], 0, 0, None
    for seed in seeds:
        try:
            life = live(seed)
            crashes += life.crashes
            faults += sum(1 for line in life.chaos.log if not line.endswith(": ok"))
        except Exception as error:
            failed.append(seed)
            print(f"{type(error).__name__}: {error}")
            if asked.seed is not None or len(failed) == 1:
                print("\n".join(getattr(error, "__notes__", [])))
    if asked.seed is not None and life is not None:
        print("\n".join(life.chaos.log))
    print(f"{len(seeds)} seeds, {faults} mishaps, {crashes} restarts, {len(failed)} failed {failed[:20]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
