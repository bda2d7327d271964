"""Reducing and ending a pair, and what the rebalancer asks for in between: half a leg, another bracket price.

Closing is never blocked by anything but the venue: no guard, budget or kill switch is asked here.
"""

from collections.abc import Mapping
from decimal import Decimal

from orchestrator.clock import Clock
from orchestrator.execution.bracket import BracketImpossible, cancel_ours, ensure_bracket
from orchestrator.execution.closing import reduce_to
from orchestrator.execution.codes import ExecutionEvent as E
from orchestrator.execution.goal import SIDES, Goal, declare, latest_bracket, sides_of
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.report import flat_result, held_result, nothing_sent, unknown_result
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.session import Session, Unsettled
from orchestrator.execution.store import UNKNOWN, ExecutionStore
from orchestrator.execution.venue import Position, Venue, VenueError
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair
from traders.contract.quote import Contract
from traders.contract.verdict import Bracket

ZERO = Decimal(0)


async def close_pair(
    pair: OpenPair,
    fraction: Decimal,
    venue: Venue,
    store: ExecutionStore,
    clock: Clock,
    limits: ExecutionLimits,
    *,
    reason: str = "exit",
) -> ExecutionResult:
    """Close `fraction` of each leg as the venue has it now, on the step; 1 closes all and removes the bracket.

    Equal legs lose the same quantity; unequal ones (after band 1) keep their proportion, so that reducing never
    raises the net delta. What would be left below the minima is closed too. A pair of which one leg is gone is closed
    entirely. Status `open` (reduced), `closed` (flat), `unknown`, or `none` when the venue could not be read at all.
    Raises ValueError for a fraction outside (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"a fraction above 0 and at most 1 is needed, not {fraction}")
    session = _session(pair, venue, store, clock, limits)
    try:
        await session.start()
        contract = (await venue.leg_quote(pair.symbol)).contract if fraction < 1 else await _contract(session)
        held = await session.held(session.deadline(limits.unwind_s))
    except (VenueError, Unsettled) as error:
        return nothing_sent(f"the venue could not be read, nothing was closed: {error}")
    sides = sides_of(pair)
    return await _towards(session, _remaining(held, fraction, contract, sides), held, contract, reason, sides)


async def close_leg(
    pair: OpenPair,
    side: Side,
    quantity: Decimal,
    venue: Venue,
    store: ExecutionStore,
    clock: Clock,
    limits: ExecutionLimits,
    *,
    reason: str,
) -> ExecutionResult:
    """Close `quantity` of one leg (the rebalancer's CloseLeg), capped by what is there. Statuses as `close_pair`."""
    session = _session(pair, venue, store, clock, limits)
    try:
        await session.start()
        contract = await _contract(session)
        held = await session.held(session.deadline(limits.unwind_s))
    except (VenueError, Unsettled) as error:
        return nothing_sent(f"the venue could not be read, nothing was closed: {error}")
    targets = {name: position.quantity for name, position in held.items()}
    targets[side] = max(ZERO, targets.get(side, ZERO) - max(ZERO, quantity))
    return await _towards(session, targets, held, contract, reason, sides_of(pair))


async def move_bracket(
    pair: OpenPair,
    bracket: Bracket,
    venue: Venue,
    store: ExecutionStore,
    clock: Clock,
    limits: ExecutionLimits,
    *,
    reason: str,
) -> ExecutionResult:
    """Put the pair bracket at other prices (the rebalancer's MoveBracket). If it cannot stand, the pair is closed."""
    session = _session(pair, venue, store, clock, limits)
    try:
        await session.start()
        contract = await _contract(session)
        held = await session.held(session.deadline(limits.unwind_s))
    except (VenueError, Unsettled) as error:
        return nothing_sent(f"the venue could not be read, the bracket was not moved: {error}")
    goal = Goal(
        goal="bracket",
        pair_id=pair.pair_id,
        decision_id=pair.decision_id,
        symbol=pair.symbol,
        targets={side: held[side].quantity if side in held else ZERO for side in SIDES},
        bracket=bracket,
        reason=reason,
        sides=sides_of(pair),
    )
    return await carry_to(session, goal, contract)


async def reach(session: Session, goal: Goal, contract: Contract | None) -> ExecutionResult:
    """Do what a close or bracket goal says. Raises Unsettled. Also used after a crash."""
    deadline = session.deadline(session.limits.unwind_s)
    held = await reduce_to(session, goal.targets, deadline, contract=contract)
    wanted = {side for side, quantity in goal.targets.items() if quantity > 0}
    if wanted != set(goal.sides) or set(held) != set(goal.sides):
        # a pair of which one leg is left is no pair: whoever took the other leg, this one goes as well
        for side in sorted(wanted - set(held)):
            session.event(E.LEG_GONE, side=side)
        await reduce_to(session, {}, session.deadline(session.limits.unwind_s), contract=contract)
        await cancel_ours(session, session.deadline(session.limits.unwind_s))
        session.event(E.PAIR_FLAT, reason=goal.reason)
        return await flat_result(session, "closed", goal.reason)
    # the last one asked for: an older goal that is finished late must not bring its own back
    bracket = latest_bracket(session.store, session.decision_id) or goal.bracket
    if bracket is not None:
        try:
            await ensure_bracket(session, bracket, session.deadline(session.limits.unwind_s), goal.sides)
        except BracketImpossible as error:
            session.event(E.BRACKET_IMPOSSIBLE, error=str(error))
            everything = goal.model_copy(update={"targets": {}, "reason": f"could not be protected: {error}"})
            return await reach(session, everything, contract)
        held = await session.held(session.deadline(session.limits.unwind_s))
        if set(held) != set(goal.sides):
            return await reach(session, goal, contract)
    session.event(E.PAIR_REDUCED, reason=goal.reason, **{side: str(held[side].quantity) for side in goal.sides})
    return await held_result(session, held, protected=bracket is not None, reason=goal.reason)


async def _towards(
    session: Session,
    targets: Mapping[Side, Decimal],
    held: Mapping[Side, Position],
    contract: Contract | None,
    reason: str,
    sides: tuple[Side, ...],
) -> ExecutionResult:
    session.event(E.CLOSE_STARTED, reason=reason, **{f"from_{side}": str(held[side].quantity) for side in sorted(held)})
    goal = Goal(
        goal="close",
        pair_id=session.pair_id,
        decision_id=session.decision_id,
        symbol=session.symbol,
        targets={side: targets.get(side, ZERO) for side in SIDES},
        reason=reason,
        sides=sides,
    )
    return await carry_to(session, goal, contract)


async def carry_to(session: Session, goal: Goal, contract: Contract | None) -> ExecutionResult:
    """Store a goal, reach it, settle it; `unknown` when the venue does not let it be reached in time."""
    latch = declare(session.store, goal, session.now())
    try:
        result = await reach(session, goal, contract)
    except Unsettled as error:
        session.store.orders.resolve(latch, UNKNOWN, {"reason": str(error)}, session.now())
        return await unknown_result(session, str(error))
    session.store.orders.resolve(latch, result.status, {"reason": result.reason}, session.now())
    return result


def _remaining(
    held: Mapping[Side, Position], fraction: Decimal, contract: Contract | None, sides: tuple[Side, ...]
) -> dict[Side, Decimal]:
    """What each leg keeps: whole steps closed, rounded down; nothing is kept below the minima or of a lone leg."""
    if fraction == 1 or contract is None or set(held) != set(sides):
        return dict.fromkeys(SIDES, ZERO)
    step = contract.quantity_step
    kept: dict[Side, Decimal] = {}
    for side, position in held.items():
        closes = position.quantity * fraction // step * step
        kept[side] = position.quantity - closes
        price = position.mark_price or position.entry_price
        if kept[side] < contract.min_quantity or kept[side] * price < contract.min_notional:
            return dict.fromkeys(SIDES, ZERO)
    return kept


async def _contract(session: Session) -> Contract | None:
    """Steps and minima, or None when they cannot be read: closing must not wait for them."""
    try:
        return (await session.venue.leg_quote(session.symbol)).contract
    except VenueError:
        return None


def _session(pair: OpenPair, venue: Venue, store: ExecutionStore, clock: Clock, limits: ExecutionLimits) -> Session:
    return Session(venue, store, clock, limits, decision_id=pair.decision_id, pair_id=pair.pair_id, symbol=pair.symbol)
