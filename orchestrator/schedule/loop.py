"""`volgamma run`: decisions when they are due, and the fast loop in between. One process; a second start refuses.

A short asyncio loop for now: what is due is worked out from the exchange's time, late ticks are skipped with a reason,
and a decision id is claimed once, so that a tick happens once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestrator import kill_switch
from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.execution.fenced_venue import LeaseLost
from orchestrator.execution.venue import VenueError
from orchestrator.hands import PATIENCE_S, recover_open_business
from orchestrator.journey import AlreadyClaimed, Order, Policy, decide
from orchestrator.keeper import Keeper
from orchestrator.mind import ModelSource
from orchestrator.responses import Responses
from orchestrator.schedule.ticks import due_at_or_before, next_due
from orchestrator.storage import translated

FAST_S = 1.0
#: Looks that are spent on closing every pair before the run ends with an error.
FLATTEN_LOOKS = 20


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
    way at the end may close, and opens nothing any more.
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
    constraints = desk.constraints()
    for symbol in constraints.limits.allowed_symbols if desk.ownership else ():
        assert desk.ownership is not None
        with translated():
            await desk.ownership.obtain(symbol, PATIENCE_S)
    for line in await recover_open_business(desk, constraints):
        say(f"recovered: {line}")
    keeper = Keeper(desk, constraints, Responses.of(desk.settings))
    try:
        await keeper.resume()
    except VenueError as error:
        raise HostError(
            "account_unknown", f"{desk.exchange_name} does not answer: {error}", "try again; nothing was sent"
        ) from error
    start = await _exchange_time(desk)
    begun = desk.clock.monotonic_ms()
    due = due_at_or_before(start, plan.every)
    slow: asyncio.Task[None] | None = None
    try:
        while not stop.is_set():
            now = await _exchange_time(desk)
            _still_ours(desk)
            passed = max(now - start, desk.clock.monotonic_ms() - begun)
            if plan.length is not None and passed >= plan.length:
                break
            if now >= due and (slow is None or slow.done()):
                if slow is not None:
                    slow.result()
                slow = asyncio.create_task(_tick(desk, plan, due, open_model, keeper, say, tally))
                due = next_due(now, plan.every)
            elif now >= due:
                tally.skipped += len(plan.symbols)
                say("a tick is skipped: the decision before it is still under way")
                due = next_due(now, plan.every)
            if desk.store.orders.unresolved() and (slow is None or slow.done()):
                # an outcome that was unknown blocks new risk and may hide a lone leg: ask again until it is known
                async with desk.hands:
                    for line in await recover_open_business(desk, constraints):
                        say(f"recovered: {line}")
            switch = kill_switch.read(desk.store.database, desk.settings.data_dir)
            with translated():
                await keeper.look(flatten=switch.killed and switch.flatten)
            for note in keeper.notes:
                say(note)
            keeper.notes.clear()
            await _pause(stop, desk)
    finally:
        stop.set()
        if slow is not None:
            # a decision under way is finished, not cut: it may be between its two legs
            await asyncio.shield(asyncio.wait({slow}))
        if plan.flatten_on_exit:
            await _flatten(desk, keeper, say)
    if slow is not None:
        slow.result()
    return tally


async def _tick(
    desk: Desk,
    plan: Plan,
    due: int,
    open_model: ModelSource,
    keeper: Keeper,
    say: Callable[[str], None],
    tally: Tally,
) -> None:
    """One decision for each symbol; one that cannot be taken does not stop the others."""
    for symbol in plan.symbols:
        try:
            report = await decide(desk, Order(symbol=symbol, policy=plan.policy, due=due), open_model)
        except AlreadyClaimed:
            tally.skipped += 1
            continue
        except (HostError, VenueError) as error:
            tally.failed += 1
            say(f"{symbol}: no decision: {error}")
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


async def _exchange_time(desk: Desk) -> int:
    """The exchange's time. Raises HostError when it does not answer three times in a row."""
    for attempt in range(3):
        try:
            return await desk.venue.server_time()
        except VenueError as error:
            last = error
            await desk.clock.sleep(1.0 + attempt)
    raise HostError(
        "exchange_unreachable",
        f"{desk.exchange_name} does not tell its time: {last}",
        "open pairs stay protected by the bracket at the exchange; start again when it answers",
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
