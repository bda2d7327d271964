"""The journey of one decision: fetch, observe, propose, requote, review, journal, carry out.

Each stage's product is in the journal before the next stage rests on it; orders leave only after the verdict is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from data_fetchers.snapshot import MarketSnapshot
from orchestrator import paper_account
from orchestrator.account import read_portfolio, read_switches
from orchestrator.asked_symbol import allowed_symbol
from orchestrator.claims import Order, Policy, claim, take_up
from orchestrator.conclusion import acts, execute, finish
from orchestrator.decide_report import NO_EXECUTION, Candidate, DecideReport
from orchestrator.decision_id import decision_id
from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.execution.fenced_venue import LeaseLost
from orchestrator.execution.venue import VenueError
from orchestrator.going_on import judged_before, observed_before, proposed_before
from orchestrator.hands import acting, recover_open_business
from orchestrator.mind import ModelSource, think
from orchestrator.recall import recall
from orchestrator.requote import requote
from orchestrator.risk_guard.review import review
from orchestrator.stopwatch import Stopwatch
from orchestrator.tools import DecisionTools
from orchestrator.trader_switch import require_enabled
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.portfolio import Portfolio
from traders.contract.proposal import Proposal
from traders.contract.quote import Quote

if TYPE_CHECKING:
    from db.journal_entry import JournalEntry

T = TypeVar("T", bound=BaseModel)


async def decide(desk: Desk, order: Order, open_model: ModelSource) -> DecideReport:
    """One decision, end to end. Raises HostError when it could not be taken; refused and abstained are results."""
    try:
        return await _decided(desk, order, open_model)
    except VenueError as error:
        raise HostError(
            "exchange_unanswered",
            f"{desk.exchange_name} does not answer: {error}",
            "try again; no order was sent",
        ) from error
    except LeaseLost as error:
        raise HostError("lease_lost", str(error), "whoever took the symbol over settles what was left open") from error


async def _decided(desk: Desk, order: Order, open_model: ModelSource) -> DecideReport:
    watch = Stopwatch(desk.clock.monotonic_ms)
    require_enabled(desk.store.database, desk.trader.descriptor)
    constraints = desk.constraints()
    symbol = allowed_symbol(order.symbol, constraints)
    recovery: tuple[str, ...] = ()
    if not desk.shared:  # where several work on one account, whoever takes a symbol over settles it
        async with acting(desk, symbol):
            recovery = await recover_open_business(desk, constraints)
            await paper_account.prepare(desk, symbol)
    portfolio = await read_portfolio(desk)
    now = await desk.venue.server_time()
    portfolio = as_stored(portfolio.model_copy(update={"memory": recall(desk, symbol, now)}))
    first_id = decision_id(desk.trader.descriptor.trader_id, symbol, order.due or now, order.suffix)
    standing = take_up(desk, order, first_id, symbol, now)
    try:
        sitting = _Sitting(desk, order, open_model, watch, constraints, symbol, first_id, now)
        return await _claimed(sitting, portfolio, recovery, standing)
    except BaseException as error:
        if not order.adopt:  # else it is gone on with, or given up, by whoever asked
            desk.store.journal.finish(first_id, "failed", {"error": f"{type(error).__name__}: {error}"[:500]})
        raise


def as_stored(value: T) -> T:
    """The value as the journal will give it back, so that whoever decides sees just what a replay will see."""
    return type(value).model_validate_json(value.model_dump_json(by_alias=True))


@dataclass(frozen=True)
class _Sitting:
    """One decision while it is taken."""

    desk: Desk
    order: Order
    open_model: ModelSource
    watch: Stopwatch
    constraints: ConstraintSet
    symbol: str
    name: str
    now: int


async def _claimed(
    it: _Sitting, portfolio: Portfolio, recovery: tuple[str, ...], standing: "JournalEntry | None"
) -> DecideReport:
    desk, order, watch, constraints, symbol = it.desk, it.order, it.watch, it.constraints, it.symbol
    watch.lap("start")
    seen = standing if standing is not None and standing.get("context") is not None else None
    snapshot, context, shared = (
        await _observed(desk, symbol, portfolio, constraints, watch) if seen is None else observed_before(seen)
    )
    if seen is None:
        for kind, document in shared.items():
            desk.store.journal.record(it.name, kind, document)
    watch.lap("journal")
    tools = DecisionTools(snapshot, context, constraints)
    candidates = [await _candidate(it, order.policy, context, it.name, tools, seen, order.propose)]
    if order.compare and order.policy == "llm":
        beside_id = f"{it.name}-rules"
        claim(desk, beside_id, symbol, "rules", it.now)
        for kind, document in shared.items():
            desk.store.journal.record(beside_id, kind, document)
        candidates.append(await _candidate(it, "rules", context, beside_id))
    chosen = next((item for item in candidates if acts(item)), candidates[0])
    execution = await execute(desk, order, context, constraints, chosen)
    watch.lap("execution")
    timings = watch.total()
    finished: list[Candidate] = []
    for item in candidates:
        done = execution if item is chosen else dict(NO_EXECUTION)
        finished.append(item.model_copy(update={"execution": done, "timings_ms": {**timings, **item.timings_ms}}))
        finish(desk, finished[-1], context, constraints)
    chosen_done = finished[candidates.index(chosen)]
    beside = next((item for item in finished if item is not chosen_done), None)
    return DecideReport(
        trader_id=constraints.trader_id,
        symbol=symbol,
        exchange=desk.exchange_name,
        context=context,
        chosen=chosen_done,
        beside=beside,
        fetch={
            name: timing.ms
            if timing.error_code is None
            else {"error": timing.error_code, "message": timing.error_message}
            for name, timing in snapshot.timings.items()
        },
        recovery=recovery,
    )


async def _observed(
    desk: Desk, symbol: str, portfolio: Portfolio, constraints: ConstraintSet, watch: Stopwatch
) -> tuple[MarketSnapshot, Context, dict[str, Any]]:
    """The market, what the trader makes of it, and all that is to be recorded of it."""
    from data_fetchers.collector import collect

    snapshot = await collect(
        desk.trader.requirements(symbol),
        desk.exchange,
        venue_name=desk.exchange_name,
        clock=desk.clock,
        store=desk.series,
        sharing=desk.sharing,
    )
    watch.lap("fetch")
    context = as_stored(desk.trader.observe(snapshot, portfolio, constraints))
    watch.lap("indicators")
    shared = {
        "snapshot": snapshot,
        "portfolio": portfolio,
        "constraints": desk.store.constraints.export_document(constraints.trader_id, constraints.version),
        "context": context,
    }
    return snapshot, context, shared


async def _candidate(
    it: _Sitting,
    policy: Policy,
    context: Context,
    name: str,
    tools: DecisionTools | None = None,
    seen: "JournalEntry | None" = None,
    propose: Callable[[Context], Proposal] | None = None,
) -> Candidate:
    """Propose, requote, review; all of it journalled. What was recorded before an interruption stands."""
    desk, constraints, watch = it.desk, it.constraints, it.watch
    journal = desk.store.journal
    own = Stopwatch(desk.clock.monotonic_ms)
    proposal = None if seen is None else proposed_before(seen)
    verdict = None if seen is None else judged_before(seen)
    if proposal is not None and verdict is not None:
        return Candidate(decision_id=name, proposal=proposal, verdict=verdict, timings_ms=dict(own.laps))
    if proposal is None:
        proposal, failed = (
            await think(desk, policy, it.open_model, context, constraints, tools)
            if propose is None
            else (propose(context), None)
        )
        journal.record(name, "proposal", proposal)
        if failed is not None:
            journal.record(name, "failed_proposal", failed)
    own.lap("policy")
    watch.lap("policy")
    quote = await _quote(desk, proposal, context, name)
    switches = await read_switches(desk, constraints)
    watch.lap("requote")
    own.lap("requote")
    verdict = review(proposal.decision, context, quote, switches, constraints)
    own.lap("guard")
    watch.lap("guard")
    journal.record(name, "quote", quote)
    journal.record(name, "switches", switches)
    journal.record(name, "verdict", verdict)
    return Candidate(decision_id=name, proposal=proposal, verdict=verdict, timings_ms=dict(own.laps))


async def _quote(desk: Desk, proposal: Proposal, context: Context, name: str) -> Quote:
    legs = proposal.decision.plan.legs if proposal.decision.plan is not None else ()
    symbols = tuple(
        dict.fromkeys((context.symbol, *(leg.symbol for leg in legs if leg.symbol in desk.exchange.markets)))
    )
    return await requote(desk.venue, symbols, name, desk.clock, own_clock=desk.own_clock)
