"""Carrying out a permitted plan: two legs, one outcome.

Every way through ends in one of these: *open* (both legs equal and protected by a bracket that was read back),
*unwound* (flat, nothing left resting), *none* (nothing was sent) or *unknown* (the venue did not say in time; the goal
and the intents stay unresolved, new risk is blocked, `recover` goes on). What is stored before each step is enough to
go on after a crash at any point (craft.md, failure modes 1 to 5).
"""

from collections.abc import Callable
from decimal import Decimal

from orchestrator.clock import Clock
from orchestrator.execution.bracket import BracketImpossible, cancel_ours, ensure_bracket
from orchestrator.execution.closing import reduce_to
from orchestrator.execution.codes import ExecutionEvent as E
from orchestrator.execution.goal import SIDES, AlreadyStarted, Goal, declare, sides_of
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.preflight import check
from orchestrator.execution.report import flat_result, held_result, nothing_sent, unknown_result
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.session import Sent, Session, Unsettled
from orchestrator.execution.store import UNKNOWN, ExecutionStore
from orchestrator.execution.venue import OrderRequest, Position, Venue, VenueError
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair
from traders.contract.quote import Contract, LegQuote
from traders.contract.verdict import Bracket, ExecutionPlan, Leg

ZERO = Decimal(0)
_PAUSE = 0.2


async def carry_out(
    plan: ExecutionPlan,
    venue: Venue,
    store: ExecutionStore,
    clock: Clock,
    limits: ExecutionLimits,
    *,
    pair: OpenPair | None = None,
    commit: Callable[[ExecutionResult], None] | None = None,
    stopped: Callable[[], str | None] | None = None,
    no_room: Callable[[], str | None] | None = None,
) -> ExecutionResult:
    """Open the legs of a plan, or (with `pair`) add what a permitted rebalance lacks, and protect the pair.

    Account settings must fit already (`preflight.apply_settings`); preflight is run here again, reading only. The
    pair's id is that of the standing pair, else the decision's. Raises nothing of the venue's: what went wrong is in
    `reason`. Errors of the store propagate: without memory nothing is sent.

    `commit` stores the pair (status `open`) or its absence (`unwound`); it is called before the goal counts as
    settled, so that a crash in between leaves the goal to `recover`, which calls its own `commit`.

    `stopped` says why nothing new may be opened any more. It is asked right before the first order leaves, for a kill
    switch may be thrown while the venue is being read; from then on the pair is completed, or undone. `no_room` says
    why the account cannot carry it; it is asked once the goal is stored, so that openings at the same time count too.
    """
    pair_id = plan.decision_id if pair is None else pair.pair_id
    if open_questions := store.orders.unresolved():
        return nothing_sent(f"{len(open_questions)} earlier order(s) or goal(s) are not settled: recover first")
    try:
        report = await check(plan, venue, clock, limits, pair=pair)
    except VenueError as error:
        return nothing_sent(f"preflight could not read the venue: {error}")
    if report.problems:
        return nothing_sent("; ".join(f"{p.message} ({p.remedy})" for p in report.problems))
    quote = report.quote
    assert quote is not None
    session = Session(venue, store, clock, limits, decision_id=plan.decision_id, pair_id=pair_id, symbol=plan.symbol)
    try:
        await session.start()
    except VenueError as error:
        return nothing_sent(f"the exchange's time could not be read: {error}")
    if session.now() > plan.expires_at:
        return nothing_sent("the plan expired while the venue was being read")
    if stopped is not None and (why := stopped()) is not None:
        return nothing_sent(why)
    standing = {leg.side: leg.quantity for leg in pair.legs} if pair is not None else {}
    goal = Goal(
        goal="open",
        pair_id=pair_id,
        decision_id=plan.decision_id,
        symbol=plan.symbol,
        targets={side: standing.get(side, ZERO) + _planned(plan, side) for side in SIDES},
        bracket=plan.bracket,
        plan=plan,
        sides=_sides(plan, pair),
    )
    try:
        latch = declare(store, goal, session.now())
    except AlreadyStarted:
        return nothing_sent("this decision was carried out before; a decision is carried out once")
    if no_room is not None and (why := no_room()) is not None:
        store.orders.resolve(latch, "none", {"reason": why}, session.now())
        return nothing_sent(why)
    session.event(E.ENTRY_STARTED, legs=[leg.model_dump(mode="json") for leg in plan.legs])
    try:
        refusal = await _send_legs(session, plan, quote)
        await session.shown(standing)
        result = await settle_open(session, plan, quote.contract, refusal, goal.sides)
    except Unsettled as error:
        store.orders.resolve(latch, UNKNOWN, {"reason": str(error)}, session.now())
        if goal.sides == SIDES:
            await _meanwhile(session, quote.contract, plan.bracket)
        return await unknown_result(session, str(error))
    if commit is not None:
        commit(result)
    store.orders.resolve(latch, result.status, {"reason": result.reason}, session.now())
    return result


async def settle_open(
    session: Session,
    plan: ExecutionPlan,
    contract: Contract | None,
    refusal: str | None,
    sides: tuple[Side, ...] = SIDES,
) -> ExecutionResult:
    """From whatever the legs are now to "equal and protected" or "flat". Raises Unsettled. Also used after a crash.

    A directional position has one of `sides`: it is protected by its own stop, and the other side holds nothing.
    """
    deadline = session.deadline(session.limits.unwind_s)
    held = await session.held(deadline)
    quantities = {side: held[side].quantity if side in held else ZERO for side in SIDES}
    equal = min(quantities[side] for side in sides)
    if not worth_keeping(equal, plan, contract, session.limits, len(sides)):
        return await unwind(session, contract, refusal or "the legs could not be filled")
    if any(quantities[side] != (equal if side in sides else ZERO) for side in SIDES):
        session.event(E.LEGS_CUT, to=str(equal), **{side: str(quantity) for side, quantity in quantities.items()})
        await reduce_to(session, dict.fromkeys(sides, equal), deadline, contract=contract, prefix="unwind")
    try:
        await ensure_bracket(session, plan.bracket, session.deadline(session.limits.unwind_s), sides)
    except (BracketImpossible, Unsettled) as error:
        # a pair that cannot be protected in time is not kept, whether the venue said no or said nothing
        session.event(E.BRACKET_IMPOSSIBLE, error=str(error))
        return await unwind(session, contract, f"the pair could not be protected: {error}")
    held = await session.held(session.deadline(session.limits.unwind_s))
    if not _whole(held, sides):
        # the bracket fired, or the venue closed a leg, while we were looking: one leg alone is never kept
        return await unwind(session, contract, "a leg changed while the bracket was being placed")
    session.event(E.PAIR_PROTECTED, **{side: str(held[side].quantity) for side in sides})
    return await held_result(session, held, protected=True, reason=refusal)


async def unwind(session: Session, contract: Contract | None, why: str) -> ExecutionResult:
    """Flat, with nothing of ours left resting. Raises Unsettled."""
    session.event(E.UNWINDING, why=why)
    deadline = session.deadline(session.limits.unwind_s)
    await reduce_to(session, {}, deadline, contract=contract, prefix="unwind")
    await cancel_ours(session, session.deadline(session.limits.unwind_s))
    session.event(E.UNWOUND, why=why)
    return await flat_result(session, "unwound", why)


async def _meanwhile(session: Session, contract: Contract | None, bracket: Bracket) -> None:
    """What an unsettled opening is left with: no lone leg where one can be closed, and the bracket on what stands.

    By now an order of unknown outcome is older than the venue accepts, so the positions are final; the goal stays with
    `recover`, which equals the legs and keeps the bracket, or closes all and cancels it.
    """
    try:
        held = await session.held(session.deadline(session.limits.unwind_s))
    except Unsettled as error:
        session.event(E.OUTCOME_STILL_UNKNOWN, why=f"what is held could not be read: {error}")
        return
    quantities = {side: held[side].quantity if side in held else ZERO for side in SIDES}
    equal = min(quantities.values())
    if equal != max(quantities.values()):
        session.event(E.LEGS_CUT, to=str(equal), **{side: str(quantity) for side, quantity in quantities.items()})
        targets = dict.fromkeys(SIDES, equal)
        deadline = session.deadline(session.limits.unwind_s)
        try:
            await reduce_to(session, targets, deadline, contract=contract, prefix="unwind")
        except Unsettled as error:
            session.event(E.OUTCOME_STILL_UNKNOWN, why=f"a lone leg could not be closed: {error}")
    if equal > ZERO:
        try:
            await ensure_bracket(session, bracket, session.deadline(session.limits.unwind_s))
        except (BracketImpossible, Unsettled) as error:
            session.event(E.BRACKET_IMPOSSIBLE, error=str(error))


async def _send_legs(session: Session, plan: ExecutionPlan, quote: LegQuote) -> str | None:
    """Both entries, the thinner side of the book first; why they are incomplete, or None.

    The first leg is free to fail: nothing is held yet. The second is asked for exactly what the first obtained.
    """
    first, *rest = sorted(plan.legs, key=lambda leg: _depth(leg, quote))
    filled, why = await _fill(session, first, first.quantity, quote.contract)
    if filled == ZERO or not rest:
        return why
    second = rest[0]
    wanted = second.quantity
    if filled < first.quantity:
        step = quote.contract.quantity_step
        wanted = second.quantity * filled / first.quantity // step * step
    if wanted <= ZERO:
        return why
    _, other = await _fill(session, second, wanted, quote.contract)
    return why or other


async def _fill(session: Session, leg: Leg, quantity: Decimal, contract: Contract) -> tuple[Decimal, str | None]:
    """Limit IOC orders at the plan's price cap until the leg is complete, the grace is over, or the venue refuses."""
    grace = session.deadline(session.limits.imbalance_grace_s)
    filled, why, pause = ZERO, None, _PAUSE
    for _ in range(session.limits.entry_attempts):
        missing = quantity - filled
        if missing < max(contract.min_quantity, contract.quantity_step):
            break
        sent: Sent = await session.send(
            leg.leg_id, "entry", _entry(leg, missing), session.deadline(session.limits.unwind_s)
        )
        if sent.report is None and not sent.again:
            return filled, f"{leg.side} leg refused: {sent.why}"
        if sent.report is not None:
            filled += sent.report.filled
        if filled >= quantity:
            return filled, None
        why = f"{leg.side} leg filled {filled} of {quantity} inside its price cap {leg.limit_price}"
        session.event(E.LEG_INCOMPLETE, leg_id=leg.leg_id, filled=str(filled), quantity=str(quantity))
        if session.late(grace):
            break
        await session.clock.sleep(pause)
        pause *= 2
    return filled, why


def _entry(leg: Leg, quantity: Decimal) -> Callable[[str], OrderRequest]:
    return lambda name: OrderRequest(
        client_order_id=name,
        symbol=leg.symbol,
        side="buy" if leg.side == "long" else "sell",
        position_side=leg.side,
        type="limit_ioc",
        quantity=quantity,
        price=leg.limit_price,
    )


def _depth(leg: Leg, quote: LegQuote) -> Decimal:
    """What the book offers a leg inside its price cap, in base units."""
    if leg.side == "long":
        return sum((size for price, size in quote.asks if price <= leg.limit_price), ZERO)
    return sum((size for price, size in quote.bids if price >= leg.limit_price), ZERO)


def _planned(plan: ExecutionPlan, side: Side) -> Decimal:
    return sum((leg.quantity for leg in plan.legs if leg.side == side), ZERO)


def _sides(plan: ExecutionPlan, pair: OpenPair | None) -> tuple[Side, ...]:
    """What stands in the end: the plan's legs and those of the pair it adds to."""
    named = {leg.side for leg in plan.legs} | set(() if pair is None else sides_of(pair))
    return tuple(side for side in SIDES if side in named)


def _whole(held: dict[Side, Position], sides: tuple[Side, ...]) -> bool:
    quantities = {position.quantity for position in held.values()}
    return set(held) == set(sides) and len(quantities) == 1 and min(quantities) > 0


def worth_keeping(
    quantity: Decimal, plan: ExecutionPlan, contract: Contract | None, limits: ExecutionLimits, legs: int = 2
) -> bool:
    """Whether a pair of this quantity a leg can still be managed: two lots, a half above the minima, the margin floor.

    domain.md section 3 (lots) and section 4 (floor after scaling).
    """
    if quantity <= 0:
        return False
    if legs * quantity * plan.entry_price / plan.leverage < limits.floor_margin:
        return False
    if contract is None:
        return True
    half = quantity / 2 // contract.quantity_step * contract.quantity_step
    return (
        quantity >= 2 * contract.quantity_step
        and half >= contract.min_quantity
        and half * plan.entry_price >= contract.min_notional
    )
