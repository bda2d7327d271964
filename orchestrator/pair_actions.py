"""What the rebalancer asks for, carried out and booked: half a leg, both legs, another bracket, the end of the record.

Quantities and money are the venue's. What an order did is read from the positions after it, never from its answer
alone; so a lost answer, a bracket that fired while nobody looked and a restart in between all end in the same state.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from orchestrator import ledger_feed
from orchestrator.clock import Clock
from orchestrator.desk import Desk
from orchestrator.execution.close_pair import close_leg, close_pair, move_bracket
from orchestrator.execution.goal import SIDES, latest_bracket
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.store import ExecutionStore
from orchestrator.hands import execution_limits, execution_store
from orchestrator.pair_book import close_out, load_state, remember, save_state
from orchestrator.pair_money import pair_money
from orchestrator.rebalancer.events import Alert, CloseLeg, Command, Ended, Event, Filled, MoveBracket
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.rebalancer.step import step, tightened
from traders.contract.constraints import ConstraintSet
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair
from traders.contract.verdict import Bracket

ZERO = Decimal(0)


class PairActions:
    """The keeper's hands on one desk. `notes` are lines for people, taken by whoever shows them."""

    def __init__(self, desk: Desk, constraints: ConstraintSet) -> None:
        self._desk = desk
        self._constraints = constraints
        self.notes: list[str] = []
        #: Pairs whose plan allows another ladder after the way they ended; taken by whoever may decide that.
        self.reopenable: list[str] = []

    async def apply(self, pair: OpenPair, state: PairState, event: Event, now: int) -> PairState:
        """One event through the rebalancer, and what it asks for through execution."""
        before = state
        state, commands = step(state, event)
        if state != before:
            save_state(self._desk, state, type(event).__name__, now)
        settled = before.in_flight and not state.in_flight and state.phase in (Phase.UP, Phase.DOWN)
        if settled:
            self.count_band(pair, state, now)
        closes = [command for command in commands if isinstance(command, CloseLeg)]
        others = [command for command in commands if not isinstance(command, CloseLeg)]
        for command in others:
            if isinstance(command, Alert):
                self.note(pair, command.name, command.message, now)
        if state.phase is Phase.CLOSING and closes:
            state = await self.close(pair, state, closes[0].reason, now)
        else:
            for order in closes:
                state = await self.close_one(pair, state, order, now)
        await self._others(pair, state, others, now)
        return self.stored(state) if others else state

    def count_band(self, pair: OpenPair, state: PairState, now: int) -> None:
        """A band that closed half a leg counts as a trade, once: the event before the pair, so that none is lost."""
        counted = {
            e.document.get("band") for e in self._desk.store.pairs.events(pair.pair_id) if e.name == "half_closed"
        }
        if state.bands_hit not in counted:
            document = {"band": state.bands_hit, "long": str(state.long.left), "short": str(state.short.left)}
            self._desk.store.pairs.event(pair.pair_id, pair.decision_id, "half_closed", document, now)
        remember(self._desk, state)

    async def close(self, pair: OpenPair, state: PairState, reason: str, now: int) -> PairState:
        """Both legs, at market. Raises errors of the store; what the venue refused is noted."""
        self.note(pair, "closing", f"{reason}: both legs", now)
        result = await close_pair(pair, Decimal(1), self._desk.venue, *self._tools(), reason=reason)
        return await self._booked(pair, state, result, now)

    async def close_unknown(self, pair: OpenPair, reason: str, now: int) -> None:
        """Both legs of a pair of which no ladder state is stored. Raises VenueError, when its money cannot be read."""
        self.note(pair, "closing", f"{reason}: both legs, no ladder state is stored", now)
        result = await close_pair(pair, Decimal(1), self._desk.venue, *self._tools(), reason=reason)
        if result.status != "closed":
            self.note(pair, "not_done", result.reason or result.status, now)
            return
        await self._close_record(pair, reason, now)

    async def close_one(self, pair: OpenPair, state: PairState, order: CloseLeg, now: int) -> PairState:
        """Some of one leg, at market. Errors as `close`."""
        self.note(pair, "closing", f"{order.reason}: {order.quantity} of the {order.side} leg", now)
        result = await close_leg(
            pair, order.side, order.quantity, self._desk.venue, *self._tools(), reason=order.reason
        )
        return await self._booked(pair, state, result, now)

    async def settle(
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
        for side in SIDES:
            gone = state.leg(side).left - left.get(side, ZERO)
            if gone <= 0 or state.phase is Phase.FLAT:
                continue
            lines = [] if result is None else [line for line in result.orders if line.position_side == side]
            closed = [line for line in lines if line.kind == "close" and line.filled > 0 and line.average is not None]
            price = closed[-1].average if closed else state.leg(side).average
            fee = sum((line.fee or ZERO for line in closed), ZERO)
            fill = Filled(at=now, side=side, quantity=gone, price=price or state.leg(side).average, fee=fee)
            state = await self.apply(pair, state, fill, now)
        if state.phase is not Phase.FLAT:
            await ledger_feed.refresh(self._desk, pair.symbol)
        return state

    async def end(self, pair: OpenPair, state: PairState, now: int) -> None:
        """Close the record of a flat pair with the venue's figures. Raises VenueError; the next look tries again."""
        if self._desk.store.pairs.get(pair.pair_id).closed_at is not None:
            return
        await self._close_record(pair, state.reason or "closed", now)

    async def _close_record(self, pair: OpenPair, reason: str, now: int) -> None:
        money = await pair_money(self._desk, pair)
        await ledger_feed.refresh(self._desk, pair.symbol)
        close_out(self._desk, pair, now, reason, money.document())
        self.notes.append(f"{pair.symbol}: ended: {reason}, net {money.net:.2f} USDT after fees and funding")

    async def protect(self, pair: OpenPair, state: PairState, now: int) -> None:
        """The bracket where it belongs, whatever an earlier attempt came to; after band 1 its adverse edge is moved."""
        moves = tightened(state)
        for command in moves:
            await self._move(pair, state, command, now)
        if not moves and state.phase is Phase.NEUTRAL and not self._desk.store.pairs.get(pair.pair_id).pair.protected:
            await self.rest_again(pair, state, now)

    async def rest_again(self, pair: OpenPair, state: PairState, now: int) -> None:
        """The orders of the bracket last asked for, those that are not there. Raises errors of the store."""
        standing = latest_bracket(execution_store(self._desk), pair.decision_id)
        if standing is not None:
            await self._rest(pair, state, standing, "bracket_rested", f"{standing.lower} and {standing.upper}", now)

    def stored(self, state: PairState) -> PairState:
        """The state as it is after work that may have gone on to the end of the pair."""
        return load_state(self._desk, state.pair_id) or state

    def note(self, pair: OpenPair, name: str, text: str, now: int, **more: str) -> None:
        """An event of the pair, and a line for people."""
        self._desk.store.pairs.event(pair.pair_id, pair.decision_id, name, {"text": text, **more}, now, trades=0)
        self.notes.append(f"{pair.symbol}: {name}: {text}")

    async def _booked(self, pair: OpenPair, state: PairState, result: ExecutionResult, now: int) -> PairState:
        """What is left after an execution, back into the rebalancer; with an unknown outcome nothing is concluded."""
        if result.status not in ("open", "closed"):
            self.note(pair, "not_done", result.reason or result.status, now)
            return state
        return await self.settle(pair, state, {leg.side: leg.quantity for leg in result.legs}, now, result)

    async def _others(self, pair: OpenPair, state: PairState, commands: Iterable[Command], now: int) -> None:
        for command in commands:
            match command:
                case MoveBracket():
                    await self._move(pair, state, command, now)
                case Ended():
                    await self.end(pair, state, now)
                    if command.may_reopen:
                        self.note(pair, "may_reopen", "its plan allows another ladder: that is looked at now", now)
                        self.reopenable.append(pair.pair_id)
                case _:
                    pass

    async def _move(self, pair: OpenPair, state: PairState, command: MoveBracket, now: int) -> None:
        standing = latest_bracket(execution_store(self._desk), pair.decision_id)
        if standing is None:
            self.note(pair, "bracket_unknown", "no bracket is known for this pair", now)
            return
        contract = (await self._desk.venue.leg_quote(pair.symbol)).contract
        price = nearer(toward_entry(command, contract.price_tick), standing, command.edge)
        protected = self._desk.store.pairs.get(pair.pair_id).pair.protected
        if getattr(standing, command.edge) == price and protected:
            return
        moved = standing.model_copy(update={command.edge: price})
        await self._rest(pair, state, moved, "bracket_moved", f"{command.edge} edge to {price}", now)

    async def _rest(self, pair: OpenPair, state: PairState, bracket: Bracket, name: str, text: str, now: int) -> None:
        result = await move_bracket(pair, bracket, self._desk.venue, *self._tools(), reason=f"band {state.bands_hit}")
        self.note(pair, name, f"{text} ({result.status})", now)
        if result.status == "closed":  # it could not be protected, or fired meanwhile: execution has closed the rest
            await self._booked(pair, state, result, now)
        else:
            remember(self._desk, state, protected=bool(result.protected))

    def _tools(self) -> tuple[ExecutionStore, Clock, ExecutionLimits]:
        return execution_store(self._desk), self._desk.clock, execution_limits(self._desk, self._constraints)


def nearer(price: Decimal, standing: Bracket, edge: Literal["upper", "lower"]) -> Decimal:
    """The price, or the one that stands where that is nearer: what protects a pair is never moved away from it."""
    return max(price, standing.lower) if edge == "lower" else min(price, standing.upper)


def toward_entry(command: MoveBracket, tick: Decimal) -> Decimal:
    """The bracket price on the tick, rounded so that it fires earlier: up for the lower edge, down for the upper."""
    down = command.price // tick * tick
    return down if command.edge == "upper" or down == command.price else down + tick
