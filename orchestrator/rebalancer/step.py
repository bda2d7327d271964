"""`step(state, event) -> (state, commands)`: the whole life of a pair, pure.

The live loop, the simulator and the tests drive this one function. It never sends anything, never waits and never
looks at a clock: exchange time arrives with the events.
"""

from decimal import ROUND_FLOOR, Decimal

from orchestrator.rebalancer import exits, ladder
from orchestrator.rebalancer.events import (
    Alert,
    BarClosed,
    CloseLeg,
    Command,
    Ended,
    Event,
    Filled,
    FundingSettled,
    Kill,
    LegGone,
    MoveBracket,
    Tick,
)
from orchestrator.rebalancer.state import ZERO, PairState, Phase
from traders.contract.arithmetic import in_one_arithmetic

Step = tuple[PairState, tuple[Command, ...]]


@in_one_arithmetic
def step(state: PairState, event: Event) -> Step:
    """The next state and what to do. A flat pair answers nothing."""
    if state.phase is Phase.FLAT:
        return state, ()
    match event:
        case Tick():
            return _on_tick(state, event)
        case Filled():
            return _on_fill(state, event)
        case FundingSettled():
            return state.model_copy(update={"funding": state.funding + event.amount}), ()
        case BarClosed():
            return _on_bar(state, event)
        case LegGone():
            return _on_leg_gone(state, event)
        case Kill():
            return _close_all(state, event.at, event.reason)


def _on_tick(state: PairState, tick: Tick) -> Step:
    if state.in_flight:
        return _overdue(state, tick)
    if state.phase is Phase.CLOSING:
        return _close_all(state, tick.at, state.reason or "closing")
    latched = state.breakeven_latched
    state = _remember(state, tick.mark)
    reason = exits.stop_or_target(state, tick.mark) or exits.too_long(state, tick.at)
    if reason is None and ladder.reversal_reached(state, tick.mark):
        reason = "reversal"
        state = state.model_copy(update={"may_reopen": state.rules.reopen_after_reversal})
    reason = reason or exits.trailing(state, tick.mark)
    if reason is not None:
        return _close_all(state, tick.at, reason)
    latched_now = state.breakeven_latched and not latched
    state, commands = _bands(state, tick)
    if commands or not latched_now:
        return state, commands
    return _with_edge(state)  # the stop is 0 from now on, at the exchange too


def _remember(state: PairState, mark: Decimal) -> PairState:
    """Best price since band 1, and the break-even latch."""
    update: dict[str, object] = {}
    if state.phase is Phase.UP and (state.best is None or mark > state.best):
        update["best"] = mark
    if state.phase is Phase.DOWN and (state.best is None or mark < state.best):
        update["best"] = mark
    if not state.breakeven_latched and state.cycle_pnl(mark) >= state.rules.breakeven_at * state.pair_margin:
        update["breakeven_latched"] = True
    return state.model_copy(update=update) if update else state


def _bands(state: PairState, tick: Tick) -> Step:
    up, down = ladder.bands_reached(state, tick.mark)
    reached, phase = (up, Phase.UP) if up else (down, Phase.DOWN)
    if state.phase is not Phase.NEUTRAL and phase is not state.phase:
        return state, ()
    if reached <= state.bands_hit:
        return state, ()
    if reached == len(state.rules.bands):
        return _close_all(state.model_copy(update={"bands_hit": reached, "may_reopen": True}), tick.at, "last_band")
    order = ladder.partial_close(state, phase, reached - 1)
    state = state.model_copy(update={"phase": phase, "bands_hit": reached, "best": tick.mark})
    if order is None:
        return state, ()
    if not ladder.adds_to_the_move(state, order, tick.mark):
        alert = Alert(
            name="short_gamma", message=f"closing {order.side} at {tick.mark} would sell what rises: closing all"
        )
        closed, commands = _close_all(state, tick.at, "short_gamma")
        return closed, (alert, *commands)
    return _pending(state, (order,), tick.at), (order,)


def _on_fill(state: PairState, fill: Filled) -> Step:
    leg = state.leg(fill.side)
    quantity = min(fill.quantity, leg.left)
    sign = 1 if fill.side == "long" else -1
    pending = state.pending_long if fill.side == "long" else state.pending_short
    update: dict[str, object] = {
        fill.side: leg.model_copy(update={"left": leg.left - quantity}),
        f"pending_{fill.side}": max(ZERO, pending - quantity),
        "realised": state.realised + sign * quantity * (fill.price - leg.average),
        "fees": state.fees + fill.fee,
    }
    state = state.model_copy(update=update)
    if state.in_flight:
        return state, ()
    return _settled(state.model_copy(update={"pending_since": None}), fill.at)


def _settled(state: PairState, at: int) -> Step:
    """No order is under way: flat, or within the net-delta limit, or cut back to it."""
    if state.long.left == 0 and state.short.left == 0:
        reason = state.reason or "closed"
        flat = state.model_copy(update={"phase": Phase.FLAT, "reason": reason})
        return flat, (Ended(reason=reason, may_reopen=state.may_reopen and state.rules.reopen),)
    if state.phase is Phase.CLOSING:
        return _close_all(state, at, state.reason or "closing")
    if not state.one_leg:  # one leg is all net delta: that was permitted when it was opened
        if state.long.left == 0 or state.short.left == 0:
            return _close_all(state, at, "leg_gone")
        if abs(state.net_delta) > state.rules.net_delta_max:
            return _cut(state, at)
    return _with_edge(state)


def _with_edge(state: PairState) -> Step:
    moves = tightened(state)
    return (state.model_copy(update={"edge": moves[0].price}), moves) if moves else (state, ())


def tightened(state: PairState) -> tuple[MoveBracket, ...]:
    """After band 1 the adverse edge of the bracket moves to the reversal level or the stop price, whichever is nearer.

    domain.md section 7; the stop price is where the liquidation value of what is left reaches the cycle stop. It never
    moves away again: funding received since, or a leg that closed better than thought, leaves it where it was asked
    for (`state.edge`). Empty while the pair is neutral or closing.
    """
    if state.phase not in (Phase.UP, Phase.DOWN):
        return ()
    bands = state.rules.bands
    move = {"entry": ZERO, "opposite_band": bands[0].move, "none": bands[-1].move}[state.rules.reversal_rule]
    level = state.entry * (1 - move if state.phase is Phase.UP else 1 + move)
    prices = [price for price in (level, _stop_price(state), state.edge) if price is not None]
    if state.phase is Phase.UP:
        return (MoveBracket(edge="lower", price=max(prices)),)
    return (MoveBracket(edge="upper", price=min(prices)),)


def _stop_price(state: PairState) -> Decimal | None:
    """The price S at which `state.cycle_pnl(S)` is minus the stop (0 once break-even is latched).

    Solved for S: long (S - long average) + short (short average - S) - (long + short) S c = what may still be lost.
    None while the legs are so nearly equal that no price reaches it on the adverse side.
    """
    long, short = state.long, state.short
    may_lose = ZERO if state.breakeven_latched else state.rules.stop * state.pair_margin
    fixed = long.left * long.average - short.left * short.average - state.so_far - may_lose
    slope = long.left - short.left - (long.left + short.left) * state.rules.cost
    wrong_side = slope <= 0 if state.phase is Phase.UP else slope >= 0
    return None if wrong_side else fixed / slope


def _cut(state: PairState, at: int) -> Step:
    """Close what exceeds the net-delta limit: larger <= smaller (1 + limit) / (1 - limit)."""
    limit = state.rules.net_delta_max
    side, larger, smaller = (
        ("long", state.long.left, state.short.left)
        if state.long.left > state.short.left
        else ("short", state.short.left, state.long.left)
    )
    allowed = (smaller * (1 + limit) / (1 - limit) / state.step).to_integral_value(ROUND_FLOOR) * state.step
    order = CloseLeg(side="long" if side == "long" else "short", quantity=larger - allowed, reason="net_delta")
    return _pending(state, (order,), at), (order,)


def _on_bar(state: PairState, bar: BarClosed) -> Step:
    if bar.bar is not None and state.last_bar is not None and bar.bar < state.last_bar:
        return state, ()  # an older bar, told late, says nothing about now
    state = state.model_copy(update={"collapsed_bars": exits.collapsed(state, bar), "last_bar": bar.bar})
    if state.in_flight or state.phase is Phase.CLOSING:
        return state, ()
    reason = exits.on_bar(state, bar)
    if reason is not None:
        return _close_all(state, bar.at, reason)
    return state, ()


def _on_leg_gone(state: PairState, gone: LegGone) -> Step:
    """A pair with one leg is a naked position: close the other at once."""
    leg = state.leg(gone.side)
    sign = 1 if gone.side == "long" else -1
    state = state.model_copy(
        update={
            gone.side: leg.model_copy(update={"left": ZERO}),
            f"pending_{gone.side}": ZERO,
            "realised": state.realised + sign * leg.left * (gone.price - leg.average),
        }
    )
    how = "closed by the bracket" if gone.why == "bracket" else gone.why
    reason = "bracket" if gone.why == "bracket" else f"leg_{gone.why}"
    alert = Alert(name="leg_gone", message=f"the {gone.side} leg was {how}, price now {gone.price}")
    if state.long.left == 0 and state.short.left == 0:
        closed, commands = _settled(state.model_copy(update={"reason": state.reason or reason}), gone.at)
    else:
        closed, commands = _close_all(state, gone.at, reason)
    return closed, (alert, *commands)


def _overdue(state: PairState, tick: Tick) -> Step:
    """A close that did not complete in time: whatever was intended, end flat."""
    since = state.pending_since if state.pending_since is not None else tick.at
    if tick.at - since <= state.rules.imbalance_grace_ms:
        return state, ()
    alert = Alert(name="close_overdue", message=f"a close order is not done after {tick.at - since} ms: closing all")
    closed, commands = _close_all(state, tick.at, state.reason or "close_overdue")
    return closed, (alert, *commands)


def _close_all(state: PairState, at: int, reason: str) -> Step:
    """Close whatever is left of both legs. The executor replaces, never adds to, orders still under way.

    What began a close stays its reason, whatever else comes up before it is done.
    """
    orders = tuple(
        CloseLeg(side=side, quantity=state.leg(side).left, reason=reason)
        for side in ("long", "short")
        if state.leg(side).left > 0
    )
    # only a ladder that ran to its last band may be followed by another (one that came back, where that is allowed);
    # whatever else closes a pair ends the cycle
    may_reopen = state.may_reopen and reason in ("last_band", "reversal")
    first = state.reason if state.phase is Phase.CLOSING and state.reason else reason
    state = state.model_copy(update={"phase": Phase.CLOSING, "reason": first, "may_reopen": may_reopen})
    if not orders:
        return _settled(state, at)
    return _pending(state, orders, at), orders


def _pending(state: PairState, orders: tuple[CloseLeg, ...], at: int) -> PairState:
    quantities = {order.side: order.quantity for order in orders}
    return state.model_copy(
        update={
            "pending_long": quantities.get("long", ZERO),
            "pending_short": quantities.get("short", ZERO),
            "pending_since": at,
        }
    )
