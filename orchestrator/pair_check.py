"""A pair as it is remembered beside the pair as the venue has it; the venue is the truth.

What was under way when nobody looked is finished or booked, a leg that is gone takes the other with it, quantities that
somebody else changed are taken over, an order of the bracket that is gone is placed again, and money is read from the
venue's own rows.
"""

from decimal import Decimal
from typing import Literal

from orchestrator.desk import Desk
from orchestrator.execution.bracket import bracket_legs, matches
from orchestrator.execution.forced import Forced, forced_on
from orchestrator.execution.goal import SIDES, latest_bracket, sides_of
from orchestrator.execution.venue import Position, VenueError
from orchestrator.hands import execution_store, recover_open_business
from orchestrator.pair_actions import PairActions
from orchestrator.pair_book import remember, save_state
from orchestrator.pair_money import EARLY_MS, pair_money
from orchestrator.rebalancer.events import CloseLeg, Filled, Kill, LegGone
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.responses import Responses
from traders.contract.constraints import ConstraintSet
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair

#: Exchange time between two readings of trades and income, which venues weigh heavily.
_MONEY_MS = 30_000
#: And between two looks at what rests: a venue may expire or cancel an order of the bracket by itself.
_BRACKET_MS = 10_000
_FORCED = ("leg_liquidated", "leg_auto_deleveraged")
ZERO = Decimal(0)
Held = dict[Side, Position]


class PairCheck:
    """Compares and books, through the same hands as the keeper. Raises VenueError where the venue does not answer."""

    def __init__(self, desk: Desk, constraints: ConstraintSet, actions: PairActions, responses: Responses) -> None:
        self._desk = desk
        self._constraints = constraints
        self._actions = actions
        self._responses = responses
        self._money_read: dict[str, int] = {}
        self._bracket_read: dict[str, tuple[int, int]] = {}

    def money_due(self, pair: OpenPair, now: int) -> bool:
        """Whether trades and income are to be read again."""
        return now - self._money_read.get(pair.pair_id, 0) >= _MONEY_MS

    async def money(self, pair: OpenPair, state: PairState, now: int) -> PairState:
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

    async def catch_up(self, pair: OpenPair, state: PairState, now: int) -> PairState:
        """Nothing is under way while nobody acts: what was pending has happened, or is done now.

        An order of unknown fate is settled by recovery first, so that nothing is sent twice. Raises HostError.
        """
        if self._desk.store.orders.unresolved():
            self._actions.notes += await recover_open_business(self._desk, self._constraints)
        held = await self.held(pair)
        state = await self.money(pair, state, now)
        state = await self._actions.settle(pair, state, {side: held[side].quantity for side in held}, now)
        if state.in_flight and state.phase is not Phase.CLOSING:
            for side, quantity in (("long", state.pending_long), ("short", state.pending_short)):
                if quantity > 0:
                    order = CloseLeg(
                        side="long" if side == "long" else "short", quantity=quantity, reason=f"band_{state.bands_hit}"
                    )
                    state = await self._actions.close_one(pair, state, order, now)
        elif state.in_flight:
            state = await self._actions.close(pair, state, state.reason or "closing", now)
        return state

    async def gone(self, pair: OpenPair, state: PairState, held: Held, now: int) -> PairState:
        """A leg that is not there any more takes the other with it."""
        for side in SIDES:
            if state.leg(side).left > 0 and side not in held and not state.in_flight and state.phase is not Phase.FLAT:
                position = next(iter(held.values()), None)
                mark = position.mark_price if position else (await self._desk.venue.leg_quote(pair.symbol)).mark
                gone = LegGone(at=now, side=side, price=mark, why=await self._why_gone(pair, side, now))
                state = await self._actions.apply(pair, state, gone, now)
        return state

    async def _why_gone(
        self, pair: OpenPair, side: Side, now: int
    ) -> Literal["closed", "bracket", "liquidated", "auto_deleveraged"]:
        """As far as the venue says; that the other leg goes too never waits for it."""
        try:
            if (forced := await self._forced(pair, side)) is not None:
                self._forced_event(pair, forced, now)
                return forced.why
            return "bracket" if await self._bracket_fired(pair, side) else "closed"
        except VenueError:
            return "closed"

    async def _forced(self, pair: OpenPair, side: Side) -> Forced | None:
        """How the venue itself closed some of a leg, the last time it did. Raises VenueError."""
        since = max(0, pair.opened_at - EARLY_MS)
        rows = await forced_on(self._desk.venue, pair.symbol, since)
        past = self._desk.store.pairs.events(since=since)  # of a pair that stood here a moment before this one
        others = {e.document.get("order_id") for e in past if e.name in _FORCED and e.pair_id != pair.pair_id}
        mine = [row for row in rows if row.position_side == side and row.exchange_order_id not in others]
        return mine[-1] if mine else None

    async def agree(self, pair: OpenPair, state: PairState, held: Held, now: int) -> PairState:
        """Quantities that somebody else changed; the venue is the truth. What was opened shrinks with it.

        A leg that the venue itself reduced ends the pair, as one that is gone does. Else it goes as the user has set
        it; the net-delta limit holds in any case.
        """
        changed = False
        for side in sides_of(pair):
            leg, position = state.leg(side), held.get(side)
            if position is None or state.in_flight or state.phase is Phase.FLAT or position.quantity == leg.left:
                continue
            quantity, changed = position.quantity, True
            self._actions.note(pair, "quantity_changed", f"{side} is {quantity}, {leg.left} was expected", now)
            if quantity < leg.left and (forced := await self._forced_if_told(pair, side)) is not None:
                self._forced_event(pair, forced, now)
                return await self._end(pair, state, side, quantity, f"leg_{forced.why}", now)
            if self._responses.quantity_changed == "flatten":
                return await self._end(pair, state, side, quantity, "quantity_changed", now)
            if quantity > leg.left and self._responses.quantity_changed == "protect":
                excess = CloseLeg(side=side, quantity=quantity - leg.left, reason="quantity_changed")
                state = await self._actions.close_one(pair, state, excess, now)
                continue
            state = await self._taken_over(pair, state, side, quantity, now)
        if changed and self._responses.quantity_changed == "protect":
            state = await self._balanced(pair, state, now)
        return state

    async def _taken_over(self, pair: OpenPair, state: PairState, side: Side, quantity: Decimal, now: int) -> PairState:
        left = max(state.leg(side).left, quantity)
        state = self._resized(state, side, quantity, left)
        state = await self.money(pair, state, now)  # with what that trade earned, so that it is booked at 0 here
        save_state(self._desk, state, "quantity changed at the venue", now)
        if quantity < left:
            fill = Filled(at=now, side=side, quantity=left - quantity, price=state.leg(side).average, fee=ZERO)
            state = await self._actions.apply(pair, state, fill, now)
        if state.phase is not Phase.FLAT:
            remember(self._desk, state)
        return state

    async def _end(
        self, pair: OpenPair, state: PairState, side: Side, quantity: Decimal, reason: str, now: int
    ) -> PairState:
        """Close both legs, the one of them being `quantity` now."""
        state = self._resized(state, side, quantity, quantity)
        save_state(self._desk, state, "quantity changed at the venue", now)
        return await self._actions.apply(pair, state, Kill(at=now, reason=reason), now)

    @staticmethod
    def _resized(state: PairState, side: Side, quantity: Decimal, left: Decimal) -> PairState:
        leg = state.leg(side)
        opened = quantity if leg.opened == leg.left else (leg.opened * quantity / leg.left).quantize(state.step)
        return state.model_copy(update={side: leg.model_copy(update={"opened": opened, "left": left})})

    async def _balanced(self, pair: OpenPair, state: PairState, now: int) -> PairState:
        """Before band 1 legs are equal: whatever one has more than the other is closed."""
        if state.phase is not Phase.NEUTRAL or state.in_flight or set(sides_of(pair)) != set(SIDES):
            return state
        if abs(state.net_delta) <= self._constraints.limits.entry_net_delta_max:
            return state
        larger: Side = "long" if state.net_delta > 0 else "short"
        difference = abs(state.long.left - state.short.left)
        order = CloseLeg(side=larger, quantity=difference, reason="quantity_changed")
        return await self._actions.close_one(pair, state, order, now)

    async def _forced_if_told(self, pair: OpenPair, side: Side) -> Forced | None:
        try:
            return await self._forced(pair, side)
        except VenueError:
            return None

    def _forced_event(self, pair: OpenPair, forced: Forced, now: int) -> None:
        text = f"{forced.quantity} of the {forced.position_side} leg at {forced.price}, by the venue"
        self._actions.note(pair, f"leg_{forced.why}", text, now, order_id=forced.exchange_order_id)

    async def bracket(self, pair: OpenPair, state: PairState, now: int) -> PairState:
        """An order of the bracket that does not rest any more is placed again.

        A venue that does not say what rests keeps nobody from looking at the price: it is asked again.
        """
        standing = latest_bracket(execution_store(self._desk), pair.decision_id)
        # by this machine's stopwatch as well: on a frozen exchange no time passes
        watch = int(self._desk.clock.monotonic_ms())
        read, watched = self._bracket_read.get(pair.pair_id, (0, watch))
        if standing is None or max(now - read, watch - watched) < _BRACKET_MS:
            return state
        try:
            resting = await self._desk.venue.open_orders(pair.symbol, conditional=True)
        except VenueError:
            return state
        self._bracket_read[pair.pair_id] = now, watch
        wanted = bracket_legs(standing, sides_of(pair), paired=self._desk.venue.traits.paired_bracket)
        missing = [leg.leg_id for leg in wanted if not any(matches(order, leg) for order in resting)]
        if not missing:
            return state
        self._actions.note(pair, "bracket_missing", f"{', '.join(missing)}: not at the venue any more", now)
        remember(self._desk, state, protected=False)  # until it stands again, whatever becomes of this attempt
        await self._actions.rest_again(pair, state, now)
        return self._actions.stored(state)

    async def held(self, pair: OpenPair) -> Held:
        """The legs as the venue has them."""
        positions = await self._desk.venue.positions([pair.symbol])
        return {position.side: position for position in positions if position.symbol == pair.symbol}

    async def _bracket_fired(self, pair: OpenPair, side: Side) -> bool:
        """Whether one of the pair's resting orders on a side has been triggered."""
        for intent in self._desk.store.orders.of_decision(pair.decision_id):
            if intent.kind != "bracket" or intent.request.get("position_side") != side:
                continue
            found = await self._desk.venue.find(pair.symbol, intent.client_order_id, conditional=True)
            if found is not None and found.status in ("triggered", "filled"):
                return True
        return False
