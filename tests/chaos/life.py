"""One life of a pair: an account, a process that may be killed, and what it does between its start and its end."""

import asyncio
import functools
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import numpy as np

from orchestrator.direct_venue import DirectVenue
from orchestrator.errors import HostError
from orchestrator.execution.preflight import apply_settings
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.saga import carry_out
from orchestrator.execution.venue import Venue, VenueError
from orchestrator.hands import execution_limits, execution_store, opened, recover_open_business
from orchestrator.keeper import Keeper
from orchestrator.paper_exchange.account import Account
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.market import Level, Market, tick
from orchestrator.paper_exchange.synthetic import START, SyntheticMarket
from orchestrator.paper_exchange.texture import TEXTURES
from tests.chaos import invariants
from tests.chaos.exchange import WALLET
from tests.chaos.faulty_venue import Chaos, Crash, FaultyVenue
from tests.chaos.memory_desk import MemoryDesk, as_desk, memory_store
from tests.chaos.simulated_clock import SimulatedClock, SkewedClock
from tests.guard_scenario import permitted
from tests.paper import Paper
from traders.contract.verdict import ExecutionPlan

D = Decimal


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
    own_clock: SkewedClock
    engine: Engine
    chaos: Chaos
    desk: MemoryDesk
    keeper: Keeper
    plan: ExecutionPlan
    crashes: int = 0
    bars: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def rng(self) -> random.Random:
        return self.chaos.rng

    @property
    def mishaps(self) -> int:
        """How many requests went wrong, and what else the venue did to it."""
        return sum(1 for line in self.chaos.log if not line.endswith(": ok") and not line.startswith(("bar ", "calm")))

    def demand(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(f"seed {self.seed} at {self.clock.monotonic_ms():.0f} ms: {what}")


def begin(seed: int) -> Life:
    """A flat account with its settings applied, and a permitted plan."""
    rng, clock, scene = random.Random(seed), SimulatedClock(), permitted()
    own_clock = SkewedClock(clock, rng.choice((0, 0, 300, -300, 900, -900)))
    market = LightMarket(_bars(), seed, TEXTURES["expanding"])
    engine = Engine(market, Account(WALLET, WALLET), START, D("0.0005"), D("0.0002"))
    direct = DirectVenue(engine, clock)
    chaos = Chaos(rng, rng.choice((0, 0.1, 0.3, 0.5)), rng.choice((0, 0.02, 0.1)), rng.choice((0, 0, 0.005, 0.02)))
    store = memory_store(scene.context.model_copy(update={"as_of": START}), chaos.touch)
    desk = MemoryDesk(store, own_clock, direct)
    life = Life(
        seed, clock, own_clock, engine, chaos, desk, Keeper(as_desk(desk), scene.constraints), cast("Any", None)
    )
    faulty = FaultyVenue(
        direct, engine, clock, chaos, lambda: invariants.always(life), lambda order: invariants.opening(life, order)
    )
    maker = Paper(venue=cast("Any", direct), url="", session=cast("Any", None), clock=cast("Any", clock))
    life.plan = asyncio.run(maker.plan(f"11-SOLUSDT-{seed}", invariants.LOTS))
    asyncio.run(apply_settings(life.plan, direct))
    desk.venue = cast("Venue", faulty)
    verdict = scene.review()
    store.journal.verdicts[life.plan.decision_id] = verdict
    return life


async def enter(life: Life) -> None:
    desk, scene = as_desk(life.desk), permitted()
    decision = scene.decision
    context = scene.context.model_copy(update={"as_of": START})

    def remember(result: ExecutionResult) -> None:
        if result.status == "open":
            opened(desk, scene.constraints, decision, life.plan, context, result, context.as_of)

    limits = execution_limits(desk, scene.constraints)
    for _ in range(8):  # a preflight that could not read sends nothing, and is asked for again
        store = execution_store(desk)
        result = await carry_out(life.plan, desk.venue, store, desk.clock, limits, commit=remember)
        if result.status != "none":
            return


async def restart(life: Life) -> None:
    """What a new process does first; a venue that does not answer is asked again."""
    constraints = permitted().constraints
    for _ in range(100):
        try:
            await recover_open_business(as_desk(life.desk), constraints)
            life.keeper = Keeper(as_desk(life.desk), constraints)
            return await life.keeper.resume()
        except (VenueError, HostError):
            life.clock.pass_ms(1_000)
    raise Broken(f"seed {life.seed}: no start in a hundred attempts")


async def look(life: Life) -> None:
    """One round of the loop; a decision's own recovery comes first when something is unknown and no pair stands."""
    if life.desk.store.orders.unresolved() and not life.desk.store.pairs.open_pairs():
        try:
            await recover_open_business(as_desk(life.desk), permitted().constraints)
        except HostError:
            return
    await life.keeper.look()


def surviving(life: Life, work: Any) -> None:
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
            return asyncio.run(restart(life))
        except Crash:
            continue
