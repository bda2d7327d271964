"""After a crash, at every start: find out what happened, and end in "both legs, equal, protected" or "flat".

First every unresolved order is looked up (never sent again), then every unfinished goal is finished, then the pairs
that should stand are compared with the venue, and last whatever of ours rests where nothing is held is cancelled.
Running it again changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from orchestrator.clock import Clock
from orchestrator.execution.bracket import cancel_ours
from orchestrator.execution.close_pair import reach
from orchestrator.execution.codes import ExecutionEvent as E
from orchestrator.execution.goal import GOAL, SIDES, Goal, read_goal, sides_of
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.reconcile import Discrepancy, reconcile
from orchestrator.execution.result import ExecutionResult, Kind
from orchestrator.execution.saga import settle_open
from orchestrator.execution.session import Request, Session, Unsettled
from orchestrator.execution.store import ExecutionStore, StoredIntent
from orchestrator.execution.venue import ConditionalRequest, OrderRequest, Position, Venue, VenueError
from traders.contract.base import Frozen
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair
from traders.contract.quote import Contract
from traders.contract.verdict import ExecutionPlan

ZERO = Decimal(0)
Outcome = Literal["protected", "flat", "foreign", "unknown"]

_SAYS: dict[Outcome, str] = {
    "protected": "both legs, equal, protected",
    "flat": "flat",
    "foreign": "positions that are not ours were found and left alone",
    "unknown": "not known yet: new risk stays blocked",
}


class Recovered(Frozen):
    """What became of one pair. `plan` is there when an opening was finished or undone after a crash."""

    pair_id: str | None
    decision_id: str | None
    symbol: str
    outcome: Outcome
    text: str
    differences: tuple[Discrepancy, ...] = ()
    result: ExecutionResult | None = None
    plan: ExecutionPlan | None = None


async def recover(
    venue: Venue,
    store: ExecutionStore,
    clock: Clock,
    limits: ExecutionLimits,
    *,
    pairs: Sequence[OpenPair] = (),
    symbols: Iterable[str] = (),
    commit: Callable[[Recovered], None] | None = None,
) -> tuple[Recovered, ...]:
    """Settle everything that is open. `pairs`: what the database believes to stand; `symbols`: others to look at.

    `commit` stores what became of an unfinished goal (a pair that came to stand, or that is flat); it is called before
    the goal counts as settled, possibly again after another crash.

    Raises VenueError only when the exchange's time cannot be read at all; anything else ends in outcome `unknown`.
    """
    intents = list(store.orders.unresolved())
    goals = {intent.client_order_id: read_goal(intent) for intent in intents if intent.kind == GOAL}
    silent = await _look_up_all(venue, store, clock, limits, [i for i in intents if i.kind != GOAL])
    done: list[Recovered] = []
    for name, goal in goals.items():
        done.append(await _finish(venue, store, clock, limits, name, goal, silent, commit))
    settled = {item.symbol for item in done}
    for pair in pairs:
        if pair.symbol not in settled:
            done.append(await _stand(venue, store, clock, limits, pair, silent))
            settled.add(pair.symbol)
    others = {*symbols, *(_symbol(i) for i in intents if i.kind != GOAL)} - settled
    for symbol in sorted(others):
        if (item := await _nothing_expected(venue, store, clock, limits, symbol)) is not None:
            done.append(item)
    return tuple(done)


async def _look_up_all(
    venue: Venue, store: ExecutionStore, clock: Clock, limits: ExecutionLimits, intents: list[StoredIntent]
) -> set[str]:
    """Resolve order intents; the decisions of those that the venue says nothing about."""
    silent: set[str] = set()
    first = clock.monotonic_ms()
    for intent in intents:
        request = _request(intent)
        session = _session(venue, store, clock, limits, intent.decision_id, intent.decision_id, request.symbol)
        await session.start()
        try:
            # whatever was sent before this start is old enough once absent_after_s has passed since then
            report = await session.look_up(request, first + limits.unwind_s * 1000, first)
        except Unsettled:
            silent.add(intent.decision_id)
            continue
        session.known(intent.leg_id, _kind(intent), request, report)
    return silent


async def _finish(
    venue: Venue,
    store: ExecutionStore,
    clock: Clock,
    limits: ExecutionLimits,
    name: str,
    goal: Goal,
    silent: set[str],
    commit: Callable[[Recovered], None] | None,
) -> Recovered:
    """Finish a goal that a crash (or a silent venue) left behind."""
    session = _session(venue, store, clock, limits, goal.decision_id, goal.pair_id, goal.symbol)
    await session.start()
    if goal.decision_id in silent:
        return _unknown(session, "an order's outcome is still unknown", goal.plan)
    contract = await _contract(venue, goal.symbol)
    try:
        if goal.goal == "open":
            assert goal.plan is not None
            result = await settle_open(session, goal.plan, contract, "recovered after an interruption", goal.sides)
        else:
            result = await reach(session, goal, contract)
    except Unsettled as error:
        return _unknown(session, str(error), goal.plan)
    item = _done(session, result, goal.plan if goal.goal == "open" else None)
    if commit is not None:
        commit(item)
    store.orders.resolve(name, result.status, {"reason": result.reason}, session.now())
    return item


async def _stand(
    venue: Venue, store: ExecutionStore, clock: Clock, limits: ExecutionLimits, pair: OpenPair, silent: set[str]
) -> Recovered:
    """A pair that should stand: the venue's legs are the truth; one leg alone is closed, the bracket mended."""
    session = _session(venue, store, clock, limits, pair.decision_id, pair.pair_id, pair.symbol)
    await session.start()
    if pair.decision_id in silent:
        return _unknown(session, "an order's outcome is still unknown", None)
    try:
        held = await session.held(session.deadline(limits.unwind_s))
        differences = reconcile(
            {pair.symbol: {leg.side: leg.quantity for leg in pair.legs}},
            held.values(),
        )
        for difference in differences:
            session.event(E.LEG_GONE if "gone" in difference.difference else E.RECOVERED, **_json(difference))
        goal = Goal(
            goal="close",
            pair_id=pair.pair_id,
            decision_id=pair.decision_id,
            symbol=pair.symbol,
            targets=_permitted(pair, held, limits),
            reason="reconciled",
            sides=sides_of(pair),
        )
        result = await reach(session, goal, await _contract(venue, pair.symbol))
    except Unsettled as error:
        return _unknown(session, str(error), None)
    return _done(session, result, None, differences)


def _permitted(pair: OpenPair, held: Mapping[Side, Position], limits: ExecutionLimits) -> dict[Side, Decimal]:
    """What may stay: never more than the pair is meant to have, and legs no further apart than the net-delta limit.

    Less than expected is taken as it is (a half-close that the database had not heard of leaves 1/3).
    """
    meant = {leg.side: leg.quantity for leg in pair.legs}
    kept = {side: min(held[side].quantity, meant.get(side, ZERO)) if side in held else ZERO for side in SIDES}
    gross = sum(kept.values(), ZERO)
    lone = len(sides_of(pair)) == 1  # a directional position is all net delta: that was permitted when it was opened
    if gross and not lone and abs(kept["long"] - kept["short"]) > limits.net_delta_max * gross:
        return dict.fromkeys(SIDES, min(kept.values()))
    return kept


async def _nothing_expected(
    venue: Venue, store: ExecutionStore, clock: Clock, limits: ExecutionLimits, symbol: str
) -> Recovered | None:
    """A symbol on which nothing of ours should be: orphan stops go, positions of others are left alone."""
    session = _session(venue, store, clock, limits, "recovery", "recovery", symbol)
    await session.start()
    try:
        held = await session.held(session.deadline(limits.unwind_s))
        if held:
            differences = reconcile({}, held.values())
            return Recovered(
                pair_id=None,
                decision_id=None,
                symbol=symbol,
                outcome="foreign",
                text=f"{symbol}: {_SAYS['foreign']}",
                differences=differences,
            )
        await cancel_ours(session, session.deadline(limits.unwind_s))
    except Unsettled as error:
        return _unknown(session, str(error), None)
    return None


def _done(
    session: Session,
    result: ExecutionResult,
    plan: ExecutionPlan | None,
    differences: tuple[Discrepancy, ...] = (),
) -> Recovered:
    outcome: Outcome = "protected" if result.status == "open" else "flat"
    text = _SAYS[outcome]
    if outcome == "protected" and result.net_delta:
        text = "both legs, unequal as its ladder left them, protected"
        if len(result.legs) == 1:
            text = "one leg, as planned, protected"
    if outcome == "protected" and not result.protected:
        outcome, text = "unknown", "both legs stand, but no bracket is known for them: close or protect them by hand"
    session.event(E.RECOVERED, outcome=outcome, text=text)
    return Recovered(
        pair_id=session.pair_id,
        decision_id=session.decision_id,
        symbol=session.symbol,
        outcome=outcome,
        text=f"{session.symbol} {session.pair_id}: {text}",
        differences=differences,
        result=result,
        plan=plan,
    )


def _unknown(session: Session, why: str, plan: ExecutionPlan | None) -> Recovered:
    session.event(E.OUTCOME_STILL_UNKNOWN, why=why)
    return Recovered(
        pair_id=session.pair_id,
        decision_id=session.decision_id,
        symbol=session.symbol,
        outcome="unknown",
        text=f"{session.symbol} {session.pair_id}: {_SAYS['unknown']} ({why})",
        plan=plan,
    )


def _session(
    venue: Venue,
    store: ExecutionStore,
    clock: Clock,
    limits: ExecutionLimits,
    decision_id: str,
    pair_id: str,
    symbol: str,
) -> Session:
    return Session(venue, store, clock, limits, decision_id=decision_id, pair_id=pair_id, symbol=symbol)


def _request(intent: StoredIntent) -> Request:
    model = ConditionalRequest if intent.kind == "bracket" else OrderRequest
    return model.model_validate(intent.request)


def _symbol(intent: StoredIntent) -> str:
    return _request(intent).symbol


def _kind(intent: StoredIntent) -> Kind:
    return "bracket" if intent.kind == "bracket" else "entry" if intent.kind == "entry" else "close"


def _json(difference: Discrepancy) -> dict[str, str | None]:
    return {"difference": difference.difference.value, "side": difference.side, "found": str(difference.found)}


async def _contract(venue: Venue, symbol: str) -> Contract | None:
    try:
        return (await venue.leg_quote(symbol)).contract
    except VenueError:
        return None
