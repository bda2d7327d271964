"""From a verdict to orders, and from orders to what the database remembers of the pair."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from pydantic import JsonValue

from orchestrator import kill_switch, ledger_feed
from orchestrator.account_guard import no_room
from orchestrator.decide_report import NO_EXECUTION, Candidate
from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.execution.close_pair import close_pair
from orchestrator.execution.forced import why_one_leg
from orchestrator.execution.goal import GOAL, read_goal
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.preflight import apply_settings
from orchestrator.execution.recover import Recovered, recover
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.saga import carry_out
from orchestrator.execution.store import ExecutionStore
from orchestrator.execution.venue import VenueError
from orchestrator.pair_book import close_out, load_state, new_pair, new_state, of_its_cycle, save_state
from orchestrator.pair_money import EARLY_MS, pair_money
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Action, Decision
from traders.contract.portfolio import OpenPair
from traders.contract.verdict import ExecutionPlan, Verdict

#: How long a process asks another one to let go of a symbol; a little more than a lease lives when its owner is dead.
PATIENCE_S = 20.0
#: How long a decision waits for that owner's business to be settled; a plan lives longer.
SETTLING_S = 8


def execution_store(desk: Desk) -> ExecutionStore:
    """The database as execution sees it."""
    return ExecutionStore(desk.store.orders, desk.store.pairs)


def execution_limits(desk: Desk, constraints: ConstraintSet) -> ExecutionLimits:
    """The constraints as execution sees them."""
    return ExecutionLimits.of(constraints.limits, exchange_own_clock=desk.own_clock)


def margin_floor(plan: ExecutionPlan, constraints: ConstraintSet, equity: Decimal) -> Decimal:
    """USDT of pair margin below which a pair that was filled in part is not kept (domain.md section 4: 0.15/L).

    Never more than the plan itself comes to: what was permitted and filled as a whole is kept, whatever whole lots
    left of it.
    """
    whole = sum((leg.quantity for leg in plan.legs), Decimal(0)) * plan.entry_price / plan.leverage
    return min(whole, equity * constraints.limits.pair_margin_floor_numerator / plan.leverage)


@asynccontextmanager
async def acting(desk: Desk, symbol: str) -> AsyncIterator[None]:
    """The one that acts: nobody else in this process, and no other process on this symbol. Raises HostError."""
    if desk.ownership is None:
        async with desk.hands:
            yield
    elif desk.shared:
        # asked for before the hands are taken, or two processes that want each other's symbol would wait for ever;
        # not let go afterwards: whoever opened a pair keeps it, and custody sees to the rest
        async with desk.hands:
            given = desk.ownership.give(symbol)
        if given:  # who asked before us comes first, or a process with much to do would keep it for ever
            await desk.clock.sleep(1.0)
        async with desk.ownership.reserved(symbol, PATIENCE_S):
            await _settled(desk)
            async with desk.hands:
                yield
    else:
        async with desk.hands, desk.ownership.holding(symbol, PATIENCE_S):
            yield


async def _settled(desk: Desk) -> None:
    """Give the keeper of this process the time to settle what the owner before left open, if it can be settled soon."""
    for _ in range(SETTLING_S):
        async with desk.hands:
            if not desk.store.orders.unresolved():
                return
        await desk.clock.sleep(1.0)


async def carry_out_verdict(
    desk: Desk, context: Context, constraints: ConstraintSet, chosen: Candidate
) -> dict[str, JsonValue]:
    """Do what was permitted. The pinned `execution` document; what went wrong is in `reason`, never raised."""
    decision = chosen.verdict.decision
    assert decision is not None
    match decision.action:
        case Action.ENTER:
            return await _enter(desk, context, constraints, decision, chosen.verdict)
        case Action.EXIT:
            return await _reduce(desk, constraints, decision, Decimal(1))
        case Action.REDUCE:
            return await _reduce(desk, constraints, decision, decision.reduce_fraction or Decimal(1))
        case Action.REBALANCE:
            return await _replan(desk, decision)
        case _:
            return dict(NO_EXECUTION)


def taken(desk: Desk, symbol: str) -> str | None:
    """Why a symbol cannot be entered in this account, or None.

    The venue would net two traders' pairs in one symbol, and a close of one would close the other's.
    """
    for other in desk.store.pairs.everyones(desk.exchange_name) if desk.ownership is not None else ():
        if other.symbol == symbol:
            return f"{symbol} is taken in this account by pair {other.pair_id}: two in one symbol would be netted"
    return None


async def _enter(
    desk: Desk, context: Context, constraints: ConstraintSet, decision: Decision, verdict: Verdict
) -> dict[str, JsonValue]:
    plan = verdict.plan
    assert plan is not None
    floor = margin_floor(plan, constraints, context.portfolio.equity)
    limits = replace(execution_limits(desk, constraints), floor_margin=floor)
    if (reason := taken(desk, plan.symbol)) is not None:
        return {**NO_EXECUTION, "reason": reason}
    try:
        problems = await apply_settings(plan, desk.venue)
    except VenueError as error:
        return {**NO_EXECUTION, "reason": f"the account's settings could not be read or changed: {error}"}
    if problems:
        return {**NO_EXECUTION, "reason": "; ".join(f"{p.message} ({p.remedy})" for p in problems)}

    def remember(result: ExecutionResult) -> None:
        if result.status == "open":
            opened(desk, constraints, decision, plan, context, result, context.as_of)

    result = await carry_out(
        plan,
        desk.venue,
        execution_store(desk),
        desk.clock,
        limits,
        commit=remember,
        stopped=lambda: nothing_new(desk),
        no_room=lambda: no_room(desk, context.portfolio.equity),
    )
    await ledger_feed.refresh(desk, plan.symbol)
    return result.document()


def nothing_new(desk: Desk) -> str | None:
    """Why no order that opens may leave right now, None when it may. Never raises: what cannot be read says no."""
    if desk.stopping.is_set():
        return "the run is being stopped: nothing new is opened"
    switch = kill_switch.read(desk.store.database, desk.settings.data_dir)
    return f"the kill switch was thrown ({switch.who}: {switch.why})" if switch.killed else None


def opened(
    desk: Desk,
    constraints: ConstraintSet,
    decision: Decision,
    plan: ExecutionPlan,
    context: Context,
    result: ExecutionResult,
    at: int,
) -> None:
    """Store a pair that came to stand. Safe to repeat: a known pair is left as it is."""
    if any(pair.pair_id == result.pair_id for pair in desk.store.pairs.open_pairs()):
        return
    pair = new_pair(decision, plan, context, result, desk.exchange_name, at)
    market = desk.exchange.market(plan.symbol)
    step = Decimal(str(market["precision"]["amount"]))
    taker = Decimal(str(market.get("taker") or "0.0005"))
    # the state first: a pair that is on record is taken for complete, and without a state its ladder would never run
    state = of_its_cycle(desk, new_state(pair, decision, constraints, taker, step), plan.decision_id)
    save_state(desk, state, "opened", at)
    desk.store.pairs.open_pair(pair, desk.exchange_name)


async def _reduce(
    desk: Desk, constraints: ConstraintSet, decision: Decision, fraction: Decimal
) -> dict[str, JsonValue]:
    pair = pair_meant(desk, decision)
    if pair is None:
        return {**NO_EXECUTION, "reason": "the pair is no longer open"}
    result = await close_pair(
        pair,
        fraction,
        desk.venue,
        execution_store(desk),
        desk.clock,
        execution_limits(desk, constraints),
        reason=decision.action.value,
    )
    await ledger_feed.refresh(desk, pair.symbol)
    if result.status == "closed":
        await _close_record(desk, pair, decision.action.value)
    return result.document()


async def _replan(desk: Desk, decision: Decision) -> dict[str, JsonValue]:
    """A permitted rebalance that only tightens: the standing plan is replaced, nothing is traded."""
    pair = pair_meant(desk, decision)
    if pair is None or decision.plan is None:
        return {**NO_EXECUTION, "reason": "the pair is no longer open"}
    now = await desk.venue.server_time()
    desk.store.pairs.update(pair.model_copy(update={"plan": decision.plan}))
    desk.store.pairs.event(pair.pair_id, decision.pair_id, "replanned", decision.plan.model_dump(mode="json"), now)
    return {
        "status": "open",
        "pair_id": pair.pair_id,
        "orders": [],
        "net_delta": float(pair.net_delta),
        "protected": pair.protected,
        "reason": "the standing plan was tightened",
    }


def pair_meant(desk: Desk, decision: Decision) -> OpenPair | None:
    """The open pair a permitted decision is about."""
    pairs = [pair for pair in desk.store.pairs.open_pairs(desk.exchange_name) if pair.symbol == decision.symbol]
    if decision.pair_id is not None:
        pairs = [pair for pair in pairs if pair.pair_id == decision.pair_id]
    return pairs[0] if len(pairs) == 1 else None


async def recover_open_business(
    desk: Desk, constraints: ConstraintSet, only: Collection[str] | None = None
) -> tuple[str, ...]:
    """Settle what an earlier process left open; one line for each thing that was not as expected.

    What another process holds is left to it, and with `only` whatever is on other symbols. Raises HostError when the
    exchange's time cannot be read.
    """
    symbols = desk.ownership.mine(constraints.limits.allowed_symbols) if desk.ownership else None
    if symbols is not None and only is not None:
        symbols &= set(only)
    pairs = desk.store.pairs.open_pairs(desk.exchange_name)
    if symbols is not None:
        pairs = tuple(pair for pair in pairs if pair.symbol in symbols)
    try:
        outcomes = await recover(
            desk.venue,
            execution_store(desk),
            desk.clock,
            execution_limits(desk, constraints),
            pairs=pairs,
            symbols=constraints.limits.allowed_symbols if symbols is None else symbols,
            commit=lambda item: _commit_recovered(desk, constraints, item),
        )
    except VenueError as error:
        raise HostError(
            "account_unknown", f"{desk.exchange_name} does not answer: {error}", "try again; nothing was sent"
        ) from error
    lines: list[str] = []
    known = {pair.pair_id: pair for pair in pairs}
    for item in outcomes:
        if item.plan is not None:  # an opening undone leaves no pair behind that would ever bring its trades in
            await ledger_feed.refresh(desk, item.symbol)
        pair = known.get(item.pair_id or "")
        still_open = {open_.pair_id for open_ in desk.store.pairs.open_pairs()}
        if item.outcome == "flat" and pair is not None and pair.pair_id in still_open:
            state = load_state(desk, pair.pair_id)
            reason = (state.reason if state else None) or _asked_for(desk, pair)
            reason = reason or await why_one_leg(desk.venue, item.differences, max(0, pair.opened_at - EARLY_MS))
            await _close_record(desk, pair, reason or "found_flat")
        if item.outcome != "protected" or item.differences or item.plan is not None:
            lines.append(item.text)
    return tuple(lines)


def _asked_for(desk: Desk, pair: OpenPair) -> str | None:
    """Why the pair was last told to close entirely: a decision's exit leaves its reason in the goal alone."""
    goals = [read_goal(row) for row in desk.store.orders.of_decision(pair.decision_id) if row.kind == GOAL]
    closing = [goal.reason for goal in goals if goal.goal == "close" and not any(goal.targets.values())]
    return closing[-1] if closing else None


def _commit_recovered(desk: Desk, constraints: ConstraintSet, item: Recovered) -> None:
    """An opening that a crash interrupted came to stand: the journal still knows what it was about."""
    if item.outcome != "protected" or item.plan is None or item.result is None or item.decision_id is None:
        return
    entry = desk.store.journal.load(item.decision_id)
    verdict = Verdict.model_validate(entry.document("verdict"))
    context = Context.model_validate(entry.document("context"))
    if verdict.decision is not None:
        opened(desk, constraints, verdict.decision, item.plan, context, item.result, context.as_of)


async def _close_record(desk: Desk, pair: OpenPair, reason: str) -> None:
    """The pair is flat: close its record with the venue's figures. A venue silent just now is asked again next time:
    the pair stays open in the record, and whoever looks next finds it flat."""
    try:
        now = await desk.venue.server_time()
        money = await pair_money(desk, pair)
    except VenueError:
        return
    await ledger_feed.refresh(desk, pair.symbol)
    close_out(desk, pair, now, reason, money.document())
