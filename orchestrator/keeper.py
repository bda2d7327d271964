"""The fast loop: looks at every open pair each second and does what the rebalancer asks for.

No model and no guard is asked here: the plan was permitted when it was opened, and what is done under it only closes.
A venue that does not answer leaves a pair as it is, protected by the bracket that rests at the exchange.

Quantities and money are the venue's. What an order did is read from the positions after it, never from its answer
alone; so a lost answer, a bracket that fired while nobody looked and a restart in between all end in the same state.
"""

from collections.abc import Iterable
from decimal import Decimal

from data_fetchers.symbols import prefix_of
from orchestrator import ledger_feed
from orchestrator.clock import Clock
from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.execution.close_pair import close_leg, close_pair, move_bracket
from orchestrator.execution.goal import latest_bracket
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.store import ExecutionStore
from orchestrator.execution.venue import Position, VenueError
from orchestrator.hands import execution_limits, execution_store, recover_open_business
from orchestrator.pair_book import close_out, follow_plan, load_state, remember, save_state
from orchestrator.pair_money import pair_money
from orchestrator.rebalancer.events import (
    Alert,
    BarClosed,
    CloseLeg,
    Command,
    Ended,
    Event,
    Filled,
    Kill,
    LegGone,
    MoveBracket,
    Tick,
)
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.rebalancer.step import step, tightened
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair

_SIDES: tuple[Side, Side] = ("long", "short")
#: Exchange time between two readings of trades and income, which venues weigh heavily.
_MONEY_MS = 30_000
ZERO = Decimal(0)
Held = dict[Side, Position]


class Keeper:
    """Keeps the open pairs of one desk. `notes` are lines for people, taken by whoever shows them."""

    def __init__(self, desk: Desk, constraints: ConstraintSet) -> None:
        self._desk = desk
        self._constraints = constraints
        self._money_read: dict[str, int] = {}
        self.notes: list[str] = []
        self.unanswered = 0

    async def resume(self) -> None:
        """After a start, recovery having settled earlier orders: every pair as the venue has it now.

        Raises VenueError. What was between two steps when the last process ended is taken up by the next look.
        """
        for symbol in self._constraints.limits.allowed_symbols:
            # the last process may have ended between an order and its row in the ledger, with no pair left to tell
            await ledger_feed.refresh(self._desk, symbol)
        for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
            now = await self._desk.venue.server_time()
            state = load_state(self._desk, pair.pair_id)
            if state is None:
                self._note(pair, "state_missing", "no ladder state is stored: only the bracket protects it", now)
                continue
            state = await self._money(pair, state, now)
            held = await self._held(pair)
            if len(held) == 2 and not state.in_flight:
                if state.bands_hit > pair.bands_hit:  # stored with the state, and the process ended there
                    self._count_band(pair, state, now)
                await self._protect(pair, state, now)

    async def look(self, *, flatten: bool = False) -> None:
        """One look at every open pair. Venue errors are counted, not raised; errors of the store are raised.

        With `flatten` nothing that goes wrong with one pair keeps the others from being closed: it is noted.
        """
        async with self._desk.hands:
            for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
                try:
                    state = load_state(self._desk, pair.pair_id)
                    if state is None:
                        continue
                    await self._look_at(pair, state, flatten)
                    self.unanswered = 0
                except (VenueError, HostError) as error:
                    self._silent(pair, error)
                except Exception as error:
                    if not flatten:
                        raise
                    self.notes.append(f"{pair.symbol}: could not be closed ({error!r}); the other pairs are closed")

    async def bar(self, context: Context) -> None:
        """Tell the pairs of a symbol what the last closed bar says. Venue errors are counted, not raised."""
        p = prefix_of(context.symbol)
        source = context.sources.get(f"{p}.market_data.1h")
        event = BarClosed(
            at=context.as_of,
            bar=None if source is None else source.as_of,
            atr_ratio=_exact(context.value(f"{p}.1h.atr_ratio")),
            funding_rate_8h=_exact(context.value(f"{p}.funding.rate_8h")),
            readings={name: Decimal(repr(reading.value)) for name, reading in context.readings.items()},
        )
        async with self._desk.hands:
            for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
                state = load_state(self._desk, pair.pair_id)
                if pair.symbol != context.symbol or state is None:
                    continue
                try:
                    # a decision may have opened it a moment ago: what is in flight is settled by the next look
                    await self._apply(pair, state, event, max(event.at, pair.opened_at))
                except VenueError as error:
                    self._silent(pair, error)

    async def _look_at(self, pair: OpenPair, state: PairState, flatten: bool) -> None:
        now = await self._desk.venue.server_time()
        if state.phase is Phase.FLAT:  # ended, but its record could not be closed then
            return await self._end(pair, state, now)
        followed = follow_plan(state, pair)
        if followed != state:
            state = followed
            save_state(self._desk, state, "the plan was tightened", now)
        if now - self._money_read.get(pair.pair_id, 0) >= _MONEY_MS:
            state = await self._money(pair, state, now)
        if state.in_flight:
            state = await self._catch_up(pair, state, now)
        held = await self._held(pair)
        state = await self._gone(pair, state, held, now)
        state = await self._agree(pair, state, held, now)
        if state.phase is Phase.FLAT:
            return None
        if not pair.protected and not state.in_flight:
            if self._desk.store.orders.unresolved():
                self.notes += await recover_open_business(self._desk, self._constraints)
            await self._protect(pair, state, now)
            state = self._stored(state)
        mark = next((position.mark_price for position in held.values()), None)
        if flatten:
            await self._apply(pair, state, Kill(at=now), now)
        elif mark is not None:
            await self._apply(pair, state, Tick(at=now, mark=mark), now)
        return None

    async def _catch_up(self, pair: OpenPair, state: PairState, now: int) -> PairState:
        """Nothing is under way while nobody acts: what was pending has happened, or is done now.

        An order of unknown fate is settled by recovery first, so that nothing is sent twice. Raises HostError.
        """
        if self._desk.store.orders.unresolved():
            self.notes += await recover_open_business(self._desk, self._constraints)
        held = await self._held(pair)
        state = await self._money(pair, state, now)
        state = await self._settle(pair, state, {side: held[side].quantity for side in held}, now)
        if state.in_flight and state.phase is not Phase.CLOSING:
            for side, quantity in (("long", state.pending_long), ("short", state.pending_short)):
                if quantity > 0:
                    order = CloseLeg(
                        side="long" if side == "long" else "short", quantity=quantity, reason=f"band_{state.bands_hit}"
                    )
                    state = await self._close_one(pair, state, order, now)
        elif state.in_flight:
            state = await self._close(pair, state, state.reason or "closing", now)
        return state

    async def _gone(self, pair: OpenPair, state: PairState, held: Held, now: int) -> PairState:
        """A leg that is not there any more takes the other with it."""
        for side in _SIDES:
            if state.leg(side).left > 0 and side not in held and not state.in_flight and state.phase is not Phase.FLAT:
                position = next(iter(held.values()), None)
                mark = position.mark_price if position else (await self._desk.venue.leg_quote(pair.symbol)).mark
                why = "bracket" if await self._bracket_fired(pair, side) else "closed"
                gone = LegGone(at=now, side=side, price=mark, why="bracket" if why == "bracket" else "closed")
                state = await self._apply(pair, state, gone, now)
        return state

    async def _bracket_fired(self, pair: OpenPair, side: Side) -> bool:
        """Whether one of the pair's resting orders on a side has been triggered."""
        for intent in self._desk.store.orders.of_decision(pair.decision_id):
            if intent.kind != "bracket" or intent.request.get("position_side") != side:
                continue
            found = await self._desk.venue.find(pair.symbol, intent.client_order_id, conditional=True)
            if found is not None and found.status in ("triggered", "filled"):
                return True
        return False

    async def _agree(self, pair: OpenPair, state: PairState, held: Held, now: int) -> PairState:
        """Take over quantities that somebody else changed; the venue is the truth. What was opened shrinks with it."""
        for side in _SIDES:
            leg, position = state.leg(side), held.get(side)
            if position is None or state.in_flight or state.phase is Phase.FLAT or position.quantity == leg.left:
                continue
            quantity = position.quantity
            self._note(pair, "quantity_changed", f"{side} is {quantity}, {leg.left} was expected", now)
            opened = quantity if leg.opened == leg.left else (leg.opened * quantity / leg.left).quantize(state.step)
            left = max(leg.left, quantity)
            state = state.model_copy(update={side: leg.model_copy(update={"opened": opened, "left": left})})
            state = await self._money(pair, state, now)  # with what that trade earned, so that it is booked at 0 here
            save_state(self._desk, state, "quantity changed at the venue", now)
            if quantity < left:
                fill = Filled(at=now, side=side, quantity=left - quantity, price=leg.average, fee=ZERO)
                state = await self._apply(pair, state, fill, now)
            if state.phase is not Phase.FLAT:
                remember(self._desk, state)
        return state

    async def _money(self, pair: OpenPair, state: PairState, now: int) -> PairState:
        """Realised, fees and funding as the venue has them. Raises VenueError."""
        money = await pair_money(self._desk, pair)
        self._money_read[pair.pair_id] = now
        known = {
            e.document.get("income_id") for e in self._desk.store.pairs.events(pair.pair_id) if e.name == "funding"
        }
        for row in money.rows:
            if row.income_id not in known:
                document = {"income_id": row.income_id, "amount": str(row.amount)}
                self._desk.store.pairs.event(pair.pair_id, pair.decision_id, "funding", document, row.time)
        truth = {"realised": money.realised, "fees": money.fees, "funding": money.funding}
        if any(getattr(state, name) != value for name, value in truth.items()):
            state = state.model_copy(update=truth)
            save_state(self._desk, state, "money as the venue has it", now)
        return state

    async def _apply(self, pair: OpenPair, state: PairState, event: Event, now: int) -> PairState:
        """One event through the rebalancer, and what it asks for through execution."""
        before = state
        state, commands = step(state, event)
        if state != before:
            save_state(self._desk, state, type(event).__name__, now)
        settled = before.in_flight and not state.in_flight and state.phase in (Phase.UP, Phase.DOWN)
        if settled:
            self._count_band(pair, state, now)
        closes = [command for command in commands if isinstance(command, CloseLeg)]
        others = [command for command in commands if not isinstance(command, CloseLeg)]
        for command in others:
            if isinstance(command, Alert):
                self._note(pair, command.name, command.message, now)
        if state.phase is Phase.CLOSING and closes:
            state = await self._close(pair, state, closes[0].reason, now)
        else:
            for order in closes:
                state = await self._close_one(pair, state, order, now)
        await self._others(pair, state, others, now)
        return self._stored(state) if others else state

    def _count_band(self, pair: OpenPair, state: PairState, now: int) -> None:
        """A band that closed half a leg counts as a trade, once: the event before the pair, so that none is lost."""
        counted = {
            e.document.get("band") for e in self._desk.store.pairs.events(pair.pair_id) if e.name == "half_closed"
        }
        if state.bands_hit not in counted:
            document = {"band": state.bands_hit, "long": str(state.long.left), "short": str(state.short.left)}
            self._desk.store.pairs.event(pair.pair_id, pair.decision_id, "half_closed", document, now)
        remember(self._desk, state)

    async def _close(self, pair: OpenPair, state: PairState, reason: str, now: int) -> PairState:
        self._note(pair, "closing", f"{reason}: both legs", now)
        result = await close_pair(pair, Decimal(1), self._desk.venue, *self._tools(), reason=reason)
        return await self._booked(pair, state, result, now)

    async def _close_one(self, pair: OpenPair, state: PairState, order: CloseLeg, now: int) -> PairState:
        self._note(pair, "closing", f"{order.reason}: {order.quantity} of the {order.side} leg", now)
        result = await close_leg(
            pair, order.side, order.quantity, self._desk.venue, *self._tools(), reason=order.reason
        )
        return await self._booked(pair, state, result, now)

    async def _booked(self, pair: OpenPair, state: PairState, result: ExecutionResult, now: int) -> PairState:
        """What is left after an execution, back into the rebalancer; with an unknown outcome nothing is concluded."""
        if result.status not in ("open", "closed"):
            self._note(pair, "not_done", result.reason or result.status, now)
            return state
        return await self._settle(pair, state, {leg.side: leg.quantity for leg in result.legs}, now, result)

    async def _settle(
        self,
        pair: OpenPair,
        state: PairState,
        left: dict[Side, Decimal],
        now: int,
        result: ExecutionResult | None = None,
    ) -> PairState:
        """Book whatever is gone of each leg as filled.

        At the average of our orders; without a result at no gain, the money having been read from the venue before.
        """
        for side in _SIDES:
            gone = state.leg(side).left - left.get(side, ZERO)
            if gone <= 0 or state.phase is Phase.FLAT:
                continue
            lines = [] if result is None else [line for line in result.orders if line.position_side == side]
            closed = [line for line in lines if line.kind == "close" and line.filled > 0 and line.average is not None]
            price = closed[-1].average if closed else state.leg(side).average
            fee = sum((line.fee or ZERO for line in closed), ZERO)
            fill = Filled(at=now, side=side, quantity=gone, price=price or state.leg(side).average, fee=fee)
            state = await self._apply(pair, state, fill, now)
        if state.phase is not Phase.FLAT:
            await ledger_feed.refresh(self._desk, pair.symbol)
        return state

    async def _others(self, pair: OpenPair, state: PairState, commands: Iterable[Command], now: int) -> None:
        for command in commands:
            match command:
                case MoveBracket():
                    await self._move(pair, state, command, now)
                case Ended():
                    if command.may_reopen:
                        text = "the plan allows another ladder; re-opening is not built yet: the cycle ends here"
                        self._note(pair, "not_reopened", text, now)
                    await self._end(pair, state, now)
                case _:
                    pass

    async def _end(self, pair: OpenPair, state: PairState, now: int) -> None:
        """Close the record of a flat pair with the venue's figures. Raises VenueError; the next look tries again."""
        if self._desk.store.pairs.get(pair.pair_id).closed_at is not None:
            return
        money = await pair_money(self._desk, pair)
        await ledger_feed.refresh(self._desk, pair.symbol)
        reason = state.reason or "closed"
        close_out(self._desk, pair, now, reason, money.document())
        self.notes.append(f"{pair.symbol}: ended: {reason}, net {money.net:.2f} USDT after fees and funding")

    async def _protect(self, pair: OpenPair, state: PairState, now: int) -> None:
        """After band 1: the bracket where it belongs, whatever an earlier attempt came to."""
        for command in tightened(state):
            await self._move(pair, state, command, now)

    async def _move(self, pair: OpenPair, state: PairState, command: MoveBracket, now: int) -> None:
        standing = latest_bracket(execution_store(self._desk), pair.decision_id)
        if standing is None:
            self._note(pair, "bracket_unknown", "no bracket is known for this pair", now)
            return
        contract = (await self._desk.venue.leg_quote(pair.symbol)).contract
        price = toward_entry(command, contract.price_tick)
        protected = self._desk.store.pairs.get(pair.pair_id).pair.protected
        if getattr(standing, command.edge) == price and protected:
            return
        moved = standing.model_copy(update={command.edge: price})
        result = await move_bracket(pair, moved, self._desk.venue, *self._tools(), reason=f"band {state.bands_hit}")
        self._note(pair, "bracket_moved", f"{command.edge} edge to {price} ({result.status})", now)
        if result.status == "closed":  # it could not be protected, or fired meanwhile: execution has closed the rest
            await self._booked(pair, state, result, now)
        else:
            remember(self._desk, state, protected=bool(result.protected))

    def _stored(self, state: PairState) -> PairState:
        """The state as it is after work that may have gone on to the end of the pair."""
        return load_state(self._desk, state.pair_id) or state

    async def _held(self, pair: OpenPair) -> Held:
        positions = await self._desk.venue.positions([pair.symbol])
        return {position.side: position for position in positions if position.symbol == pair.symbol}

    def _tools(self) -> tuple[ExecutionStore, Clock, ExecutionLimits]:
        return execution_store(self._desk), self._desk.clock, execution_limits(self._desk, self._constraints)

    def _silent(self, pair: OpenPair, error: Exception) -> None:
        self.unanswered += 1
        if self.unanswered in (1, 10, 60):
            self.notes.append(f"{pair.symbol}: the venue does not answer ({error}); the bracket still rests")

    def _note(self, pair: OpenPair, name: str, text: str, now: int) -> None:
        self._desk.store.pairs.event(pair.pair_id, pair.decision_id, name, {"text": text}, now, trades=0)
        self.notes.append(f"{pair.symbol}: {name}: {text}")


def toward_entry(command: MoveBracket, tick: Decimal) -> Decimal:
    """The bracket price on the tick, rounded so that it fires earlier: up for the lower edge, down for the upper."""
    down = command.price // tick * tick
    return down if command.edge == "upper" or down == command.price else down + tick


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
