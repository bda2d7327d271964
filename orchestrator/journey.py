"""The journey of one decision: fetch, observe, propose, requote, review, journal, carry out.

Each stage's product is in the journal before the next stage rests on it; orders leave only after the verdict is.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, JsonValue

from data_fetchers.snapshot import MarketSnapshot
from data_fetchers.symbols import UnknownSymbol, normalise
from orchestrator import paper_account
from orchestrator.account import read_portfolio, read_switches
from orchestrator.decide_report import NO_EXECUTION, Candidate, DecideReport
from orchestrator.decision_id import decision_id
from orchestrator.desk import Desk
from orchestrator.errors import HostError, UsageError
from orchestrator.execution.fenced_venue import LeaseLost
from orchestrator.execution.venue import VenueError
from orchestrator.going_on import STARTED, done_before, judged_before, observed_before, proposed_before
from orchestrator.hands import acting, carry_out_verdict, recover_open_business, taken
from orchestrator.mind import ModelSource, think
from orchestrator.recall import recall
from orchestrator.requote import requote
from orchestrator.risk_guard.review import review
from orchestrator.stopwatch import Stopwatch
from orchestrator.storage import translated
from orchestrator.tools import DecisionTools
from orchestrator.trader_switch import require_enabled
from orchestrator.would_be import not_sent
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Action
from traders.contract.portfolio import Portfolio
from traders.contract.proposal import Proposal
from traders.contract.quote import Quote

if TYPE_CHECKING:
    from db.journal_entry import JournalEntry

Policy = Literal["llm", "rules"]
T = TypeVar("T", bound=BaseModel)
CODE_VERSION = version("volatility-gamma")


class AlreadyClaimed(HostError):
    """Another process takes, or took, this decision."""


@dataclass(frozen=True)
class Order:
    """What to decide on. `suffix` makes a manual decision unique; `due` is the scheduled time (None: now)."""

    symbol: str
    policy: Policy
    dry_run: bool = False
    compare: bool = False
    due: int | None = None
    suffix: str | None = None
    #: Go on with this decision where an interruption left it; whoever asks for this makes sure that nobody else does.
    adopt: bool = False
    #: Why now, where it is not simply the time: kept with the decision.
    trigger: Mapping[str, JsonValue] | None = None
    #: Proposes instead of the policy: the next ladder of a cycle is nobody's idea. Its proposal says so.
    propose: Callable[[Context], Proposal] | None = None


def allowed_symbol(text: str, constraints: ConstraintSet) -> str:
    """The unified symbol. Raises UsageError for no symbol at all, HostError for one that this trader may not trade."""
    try:
        symbol = normalise(text)
    except UnknownSymbol as error:
        raise UsageError("unknown_symbol", str(error), "use SOL or AVAX") from error
    allowed = constraints.limits.allowed_symbols
    if symbol not in allowed:
        raise HostError(
            "symbol_not_allowed",
            f"{symbol} is not among the symbols of trader #{constraints.trader_id}: {', '.join(allowed)}",
            "use one of them, or change allowed_symbols with `volgamma constraints set`",
        )
    return symbol


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
        return await _claimed(
            desk, order, open_model, watch, constraints, symbol, portfolio, first_id, now, recovery, standing
        )
    except BaseException as error:
        if not order.adopt:  # else it is gone on with, or given up, by whoever asked
            desk.store.journal.finish(first_id, "failed", {"error": f"{type(error).__name__}: {error}"[:500]})
        raise


def as_stored(value: T) -> T:
    """The value as the journal will give it back, so that whoever decides sees just what a replay will see."""
    return type(value).model_validate_json(value.model_dump_json(by_alias=True))


def claim(desk: Desk, name: str, symbol: str, policy: str, now: int) -> None:
    """Take a decision id. Raises AlreadyClaimed."""
    with translated():
        mine = desk.store.journal.claim(name, desk.trader.descriptor.trader_id, symbol, desk.exchange_name, policy, now)
    if not mine:
        raise AlreadyClaimed("already_claimed", f"decision {name} was taken before", "see `volgamma journal show`")


def take_up(desk: Desk, order: Order, name: str, symbol: str, now: int) -> "JournalEntry | None":
    """Claim a decision: None for a new one, the entry of one to go on with. Raises AlreadyClaimed."""
    try:
        claim(desk, name, symbol, order.policy, now)
    except AlreadyClaimed:
        entry = desk.store.journal.load(name)
        if not order.adopt or entry.info.status != STARTED:
            raise
        return entry
    if order.trigger is not None:
        desk.store.journal.record(name, "trigger", dict(order.trigger))
    return None


async def _claimed(
    desk: Desk,
    order: Order,
    open_model: ModelSource,
    watch: Stopwatch,
    constraints: ConstraintSet,
    symbol: str,
    portfolio: Portfolio,
    first_id: str,
    now: int,
    recovery: tuple[str, ...],
    standing: "JournalEntry | None",
) -> DecideReport:
    watch.lap("start")
    seen = standing if standing is not None and standing.get("context") is not None else None
    snapshot, context, shared = (
        await _observed(desk, symbol, portfolio, constraints, watch) if seen is None else observed_before(seen)
    )
    if seen is None:
        for kind, document in shared.items():
            desk.store.journal.record(first_id, kind, document)
    watch.lap("journal")
    tools = DecisionTools(snapshot, context, constraints)
    candidates = [
        await _candidate(
            desk, order.policy, open_model, context, constraints, first_id, watch, tools, seen, order.propose
        )
    ]
    if order.compare and order.policy == "llm":
        beside_id = f"{first_id}-rules"
        claim(desk, beside_id, symbol, "rules", now)
        for kind, document in shared.items():
            desk.store.journal.record(beside_id, kind, document)
        candidates.append(await _candidate(desk, "rules", open_model, context, constraints, beside_id, watch))
    chosen = next((item for item in candidates if acts(item)), candidates[0])
    execution = await _execute(desk, order, context, constraints, chosen)
    watch.lap("execution")
    timings = watch.total()
    finished: list[Candidate] = []
    for item in candidates:
        done = execution if item is chosen else dict(NO_EXECUTION)
        finished.append(item.model_copy(update={"execution": done, "timings_ms": {**timings, **item.timings_ms}}))
        _finish(desk, finished[-1], context, constraints)
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


def acts(candidate: Candidate) -> bool:
    """Whether a candidate is permitted and changes anything."""
    quiet = (Action.HOLD, Action.STAND_ASIDE)
    return candidate.verdict.outcome != "refused" and candidate.proposal.decision.action not in quiet


async def _candidate(
    desk: Desk,
    policy: Policy,
    open_model: ModelSource,
    context: Context,
    constraints: ConstraintSet,
    name: str,
    watch: Stopwatch,
    tools: DecisionTools | None = None,
    seen: "JournalEntry | None" = None,
    propose: Callable[[Context], Proposal] | None = None,
) -> Candidate:
    """Propose, requote, review; all of it journalled. What was recorded before an interruption stands."""
    journal = desk.store.journal
    own = Stopwatch(desk.clock.monotonic_ms)
    proposal = None if seen is None else proposed_before(seen)
    verdict = None if seen is None else judged_before(seen)
    if proposal is not None and verdict is not None:
        return Candidate(decision_id=name, proposal=proposal, verdict=verdict, timings_ms=dict(own.laps))
    if proposal is None:
        proposal, failed = (
            await think(desk, policy, open_model, context, constraints, tools)
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


async def _execute(
    desk: Desk, order: Order, context: Context, constraints: ConstraintSet, chosen: Candidate
) -> dict[str, JsonValue]:
    if not acts(chosen):
        return dict(NO_EXECUTION)
    if order.dry_run:
        return not_sent(chosen, "dry_run")
    if desk.shadow:
        return not_sent(chosen, "shadow", "a shadow run: the decision is judged and recorded, no order is sent")
    if desk.reads_only:
        reason = f"{desk.exchange_name} is read without keys: the decision is judged and recorded, no order is sent"
        return not_sent(chosen, "reads_only", reason)
    entering = desk.shared and chosen.verdict.decision is not None and chosen.verdict.decision.action is Action.ENTER
    if entering and done_before(desk, chosen) is None and (why := taken(desk, context.symbol)) is not None:
        return {**NO_EXECUTION, "reason": why}  # known before anybody is asked to let go of the symbol
    async with acting(desk, context.symbol):
        if order.adopt and (done := done_before(desk, chosen)) is not None:
            return done
        try:
            done = await _to_its_end(carry_out_verdict(desk, context, constraints, chosen))
            return {**done, "paper_fills": True} if desk.paper_fills else done
        except VenueError as error:
            # orders may have left: the next decision's recovery finds out, and until then no new risk is taken
            return {**NO_EXECUTION, "status": "unknown", "reason": f"{desk.exchange_name} does not answer: {error}"}


async def _to_its_end(work: Coroutine[Any, Any, dict[str, JsonValue]]) -> dict[str, JsonValue]:
    """Orders are carried out whole: an interruption in between would leave one leg alone, so it waits, and is spent."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if task.cancelled() or me is None:
                raise
            me.uncancel()
        except VenueError:
            break
    return task.result()


def _finish(desk: Desk, item: Candidate, context: Context, constraints: ConstraintSet) -> None:
    journal, proposal, verdict = desk.store.journal, item.proposal, item.verdict
    journal.record(item.decision_id, "execution", item.execution)
    journal.record(item.decision_id, "timings", item.timings_ms)
    versions: Mapping[str, Any] = {
        "code": CODE_VERSION,
        "guard": verdict.guard_version,
        "constraints": constraints.version,
        "constraints_hash": constraints.hash,
        "prompt": proposal.prompt_version,
    }
    journal.record(item.decision_id, "versions", versions)
    pair_id = item.execution.get("pair_id")
    journal.finish(
        item.decision_id,
        "finished",
        {
            "finished_at": context.as_of + item.timings_ms.get("total", 0),
            "model": proposal.model,
            "action": proposal.decision.action.value,
            "outcome": verdict.outcome,
            "refused_rules": tuple(finding.rule for finding in verdict.findings if finding.effect == "refuse"),
            "execution_status": str(item.execution["status"]),
            "pair_id": None if pair_id is None else str(pair_id),
            "context_hash": context.context_hash,
            "constraints_version": constraints.version,
            "guard_version": verdict.guard_version,
            "code_version": CODE_VERSION,
            "prompt_tokens": proposal.usage.prompt_tokens,
            "completion_tokens": proposal.usage.completion_tokens,
            "cost_usd": proposal.usage.cost_usd,
            "error": proposal.error,
        },
    )
