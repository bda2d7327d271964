"""`volgamma run`: decisions when they are due, and the fast loop in between. One process; a second start refuses.

What is due is worked out from the exchange's time. A decision id is claimed once in the journal, by whatever starts it:
the time, a price that moved, funding, a person. A tick that cannot be taken in time is skipped, with its reason in the
journal; one that a crash interrupted is gone on with by the next process while it is in time. There is one process and
nobody to share a queue with: the durable queue is for workers (`orchestrator.worker`).
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from orchestrator.claims import AlreadyClaimed, Order, Policy
from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.execution.fenced_venue import LeaseLost
from orchestrator.execution.venue import VenueError
from orchestrator.going_on import STARTED
from orchestrator.hands import PATIENCE_S, recover_open_business
from orchestrator.journey import decide
from orchestrator.keeper import Keeper
from orchestrator.mind import ModelSource
from orchestrator.ownership import Ownership
from orchestrator.reopening import reopen
from orchestrator.responses import Responses
from orchestrator.schedule.ending import DROPPED, let_end
from orchestrator.schedule.sightings import Sightings
from orchestrator.schedule.silence import Silence, first_time
from orchestrator.schedule.telling import Telling
from orchestrator.schedule.triggers import Tick, Ticker, Watch, lateness
from orchestrator.storage import translated
from traders.contract.constraints import ConstraintSet

FAST_S = 1.0
#: Looks that are spent on closing every pair before the run ends with an error.
FLATTEN_LOOKS = 20
#: A tick that waited behind another one is taken within its interval, or within this.
LATE_MS = 60_000


@dataclass(frozen=True)
class Plan:
    """What to run, in milliseconds; `length` None: until stopped.

    Decisions are due by exchange time. A run is over when `length` has passed there or here, whichever comes first: a
    paper exchange may be frozen, or run faster than this machine.
    """

    symbols: tuple[str, ...]
    every: int
    length: int | None
    policy: Policy
    flatten_on_exit: bool = False
    jitter: int = 0
    #: Decide also when the price moved by this fraction since the last decision, and so long before funding.
    move: Decimal | None = None
    before_funding: int | None = None
    #: Open pairs are kept and closed, and nothing is decided.
    keep_only: bool = False


@dataclass
class Tally:
    """What a run did."""

    decisions: int = 0
    entered: int = 0
    skipped: int = 0
    failed: int = 0


async def run(
    desk: Desk, plan: Plan, open_model: ModelSource, say: Callable[[str], None], stop: asyncio.Event
) -> Tally:
    """Run until the time is over or `stop` is set. Raises HostError.

    Open pairs are left to their bracket, or closed when the plan says so, whatever the run ended with. A decision under
    way at the end is dropped when it has sent nothing, else brought to its end while the pairs are kept. A venue that
    stops answering is waited for.
    """
    try:
        return await _run(replace(desk, stopping=stop), plan, open_model, say, stop)
    except LeaseLost as error:
        raise HostError(
            "lease_lost", str(error), "the process that holds it now keeps its pairs; stop one of the two"
        ) from error


async def _run(
    desk: Desk, plan: Plan, open_model: ModelSource, say: Callable[[str], None], stop: asyncio.Event
) -> Tally:
    tally = Tally()
    tell = Telling(desk, say)
    silence = Silence(desk, tell)
    constraints = desk.constraints()
    if desk.ownership is not None:
        with translated():
            await _take(desk, desk.ownership, constraints, tell)
    tell.at(await first_time(desk))
    for line in await recover_open_business(desk, constraints):
        tell(f"recovered: {line}")
    keeper = Keeper(desk, constraints, Responses.of(desk.settings))
    try:
        await keeper.resume()
    except VenueError as error:
        raise HostError(
            "account_unknown", f"{desk.exchange_name} does not answer: {error}", "try again; nothing was sent"
        ) from error
    start = await first_time(desk)
    begun = desk.clock.monotonic_ms()
    tell.at(start)
    tell.pairs(desk.store.pairs.open_pairs(desk.exchange_name))
    silence.over()
    due = _Due(desk, plan)
    slow: asyncio.Task[None] | None = None

    async def beat() -> None:
        """What goes on while a decision comes to its end."""
        now = await silence.time()
        _still_ours(desk)
        if now is not None:
            await _look(desk, keeper, tell)

    try:
        while not stop.is_set():
            now = await silence.time()
            _still_ours(desk)
            passed = max(start if now is None else now, start + desk.clock.monotonic_ms() - begun) - start
            if plan.length is not None and passed >= plan.length:
                break
            if slow is not None and slow.done():
                slow.result()
                slow = None
            if now is None:
                await _pause(stop, desk)
                continue
            if not plan.keep_only:
                slow = await _begun(desk, plan, due, now, slow, open_model, keeper, tell, tally)
            if desk.store.orders.unresolved() and (slow is None or slow.done()):
                # an outcome that was unknown blocks new risk and may hide a lone leg: ask again until it is known
                async with desk.hands:
                    await _settle(desk, constraints, tell)
            await _look(desk, keeper, tell)
            await _pause(stop, desk)
        stop.set()
        if slow is not None:
            await let_end(desk, slow, beat, FAST_S)
        # what the venue closed since the last look is booked before anybody is told that the run is over
        await beat()
    finally:
        stop.set()
        if slow is not None:
            await let_end(desk, slow, None, FAST_S)
            if not slow.cancelled():
                slow.exception()  # looked at: where something else ends the run, that is what is told
        if plan.flatten_on_exit:
            await _flatten(desk, keeper, tell)
        with contextlib.suppress(HostError):  # at worst people are told of it until the next run begins
            silence.over()
    if slow is not None and not slow.cancelled():
        slow.result()
    return tally


async def _begun(
    desk: Desk,
    plan: Plan,
    due: "_Due",
    now: int,
    slow: "asyncio.Task[None] | None",
    open_model: ModelSource,
    keeper: Keeper,
    tell: Telling,
    tally: Tally,
) -> "asyncio.Task[None] | None":
    """The decision under way after what is due at `now` was begun, or skipped because another one is under way."""
    ticks = await due.now(now)
    if ticks and slow is None:
        due.started(ticks)
        slow = asyncio.create_task(_tick(desk, plan, ticks, open_model, keeper, tell, tally))
    elif scheduled := [tick for tick in ticks if tick.kind == "time"]:
        due.started(scheduled)
        tell("a tick is skipped: the decision before it is still under way")
        for tick in scheduled:
            _skip(desk, plan, tick, "the decision before it is still under way", tally)
    if keeper.reopenable and (slow is None or slow.done()):
        if slow is not None:
            slow.result()
        slow = asyncio.create_task(_next_ladder(desk, keeper, tell, tally))
    return slow


async def _settle(desk: Desk, constraints: ConstraintSet, tell: Telling) -> None:
    """Ask for outcomes that are not known. A venue that does not answer is asked again at the next look."""
    try:
        for line in await recover_open_business(desk, constraints):
            tell(f"recovered: {line}")
    except HostError as error:
        if error.code != "account_unknown":
            raise


async def _look(desk: Desk, keeper: Keeper, tell: Telling) -> None:
    """One look of the fast loop; what it noted is said."""
    flatten = tell.switch()
    with translated():
        await keeper.look(flatten=flatten)
    for note in keeper.notes:
        tell(note)
    keeper.notes.clear()


async def _tick(
    desk: Desk,
    plan: Plan,
    ticks: Sequence[Tick],
    open_model: ModelSource,
    keeper: Keeper,
    say: Callable[[str], None],
    tally: Tally,
) -> None:
    """One decision a tick; one that cannot be taken does not stop the others."""
    for tick in ticks:
        if desk.stopping.is_set():
            return
        symbol = tick.symbol
        try:
            if tick is not ticks[0]:  # the ones before it may have taken long
                late = lateness(tick.due, await desk.venue.server_time(), max(plan.every, LATE_MS))
                if late is not None:
                    say(f"{symbol}: skipped: {late}")
                    _skip(desk, plan, tick, late, tally)
                    continue
            order = Order(symbol=symbol, policy=plan.policy, due=tick.due, adopt=True, trigger=tick.trigger)
            report = await decide(desk, order, open_model)
        except asyncio.CancelledError:
            tally.skipped += 1
            say(f"{symbol}: the decision is {DROPPED}")
            _ended(desk, tick, "skipped", DROPPED)
            raise
        except AlreadyClaimed:
            tally.skipped += 1
            continue
        except (HostError, VenueError) as error:
            tally.failed += 1
            say(f"{symbol}: no decision: {error}")
            _ended(desk, tick, "failed", f"{type(error).__name__}: {error}"[:500])
            continue
        tally.decisions += 1
        status = report.chosen.execution["status"]
        tally.entered += report.decision.action == "enter" and status == "open"
        refused = [finding.rule for finding in report.chosen.verdict.findings if finding.effect == "refuse"]
        say(
            f"{report.chosen.decision_id}: {report.decision.action}, {report.chosen.verdict.outcome}, {status}"
            + (f" ({', '.join(refused[:4])})" if refused else "")
        )
        await keeper.bar(report.context)


async def _take(desk: Desk, ownership: Ownership, constraints: ConstraintSet, say: Callable[[str], None]) -> None:
    """Hold every symbol of the trader, except where another trader has a pair: its keeper needs the symbol."""
    mine = {pair.pair_id for pair in desk.store.pairs.open_pairs(desk.exchange_name)}
    others = {
        pair.symbol: pair.pair_id for pair in desk.store.pairs.everyones(desk.exchange_name) if pair.pair_id not in mine
    }
    for symbol in constraints.limits.allowed_symbols:
        if symbol in others:
            say(f"{symbol}: left to `volgamma worker`, which keeps pair {others[symbol]} of another trader there")
        else:
            await ownership.obtain(symbol, PATIENCE_S)


class _Due:
    """What this run is to decide, and when."""

    def __init__(self, desk: Desk, plan: Plan) -> None:
        self._trader_id = desk.trader.descriptor.trader_id
        self._plan = plan
        watches = [Watch(self._trader_id, name, plan.every, plan.move, plan.before_funding) for name in plan.symbols]
        # a run that begins in the middle of an interval decides at once: its tick is in time until the next one
        self._ticker = Ticker(watches, late_after=plan.every, jitter=plan.jitter)
        self._sightings = Sightings(desk, plan.symbols)

    async def now(self, now: int) -> list[Tick]:
        """Ticks that are due and were not started."""
        watching = self._plan.move is not None or self._plan.before_funding is not None
        seen = await self._sightings.now() if watching else {}
        last: dict[tuple[int, str], Decimal] = {}
        for symbol in self._plan.symbols if self._plan.move is not None else ():
            price = self._sightings.last(self._trader_id, symbol)
            if price is not None:
                last[self._trader_id, symbol] = price
        return self._ticker.due(now, seen, last)

    def started(self, ticks: Sequence[Tick]) -> None:
        """Not to be said again."""
        for tick in ticks:
            self._ticker.started(tick)


def _skip(desk: Desk, plan: Plan, tick: Tick, why: str, tally: Tally) -> None:
    """A tick that is not taken leaves its reason in the journal."""
    tally.skipped += 1
    journal = desk.store.journal
    with translated():
        if journal.claim(tick.decision_id, tick.trader_id, tick.symbol, desk.exchange_name, plan.policy, tick.due):
            journal.finish(tick.decision_id, "skipped", {"error": why})


def _ended(desk: Desk, tick: Tick, status: str, why: str) -> None:
    """Nobody goes on with it."""
    with translated():
        found = desk.store.journal.entries(limit=20, status=STARTED, symbol=tick.symbol, trader_id=tick.trader_id)
        if any(entry.decision_id == tick.decision_id for entry in found):
            desk.store.journal.finish(tick.decision_id, status, {"error": why})


async def _next_ladder(desk: Desk, keeper: Keeper, say: Callable[[str], None], tally: Tally) -> None:
    """Follow a ladder that ended by another, where its plan and the guard allow that."""
    try:
        said = await reopen(desk, keeper.reopenable.pop(0))
    except (HostError, VenueError) as error:
        tally.failed += 1
        say(f"no next ladder, the cycle ends: {error}")
        return
    tally.decisions += 1
    tally.entered += ": reopened:" in said
    say(said)


async def _flatten(desk: Desk, keeper: Keeper, say: Callable[[str], None]) -> None:
    """Close every open pair. Raises HostError when some are still open after all looks."""
    for _ in range(FLATTEN_LOOKS):
        try:
            with translated():
                await keeper.look(flatten=True)
                left = [pair.symbol for pair in desk.store.pairs.open_pairs(desk.exchange_name)]
        except HostError as error:
            say(f"closing everything: {error}")
            left = ["unknown"]
        for note in keeper.notes:
            say(note)
        keeper.notes.clear()
        if not left:
            return
        await desk.clock.sleep(FAST_S)
    raise HostError(
        "not_flat",
        f"still open after {FLATTEN_LOOKS} attempts to close everything: {', '.join(left)}",
        "look at the exchange now; what is open there still has its bracket; `volgamma run` takes it up again",
    )


def _still_ours(desk: Desk) -> None:
    """Renew the leases. Raises LeaseLost."""
    with translated():
        lost = desk.ownership.renew_when_due() if desk.ownership else ()
    if lost:
        raise LeaseLost(f"{', '.join(lost)} on {desk.exchange_name}: taken over by another process")


async def _pause(stop: asyncio.Event, desk: Desk) -> None:
    try:
        await asyncio.wait_for(stop.wait(), FAST_S)
    except TimeoutError:
        pass
