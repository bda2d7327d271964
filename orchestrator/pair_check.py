"""A pair as it is remembered beside the pair as the venue has it; the venue is the truth.

What was under way when nobody looked is finished or booked, a leg that is gone takes the other with it, quantities that
somebody else changed are taken over, an order of the bracket that is gone is placed again, and money is read from the
venue's own rows.
"""

from decimal import Decimal

from orchestrator.desk import Desk
from orchestrator.execution.bracket import bracket_legs, matches
from orchestrator.execution.goal import SIDES, latest_bracket, sides_of
from orchestrator.execution.venue import Position
from orchestrator.hands import execution_store, recover_open_business
from orchestrator.pair_actions import PairActions
from orchestrator.pair_book import remember, save_state
from orchestrator.pair_money import pair_money
from orchestrator.rebalancer.events import CloseLeg, Filled, LegGone
from orchestrator.rebalancer.state import PairState, Phase
from traders.contract.constraints import ConstraintSet
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair

#: Exchange time between two readings of trades and income, which venues weigh heavily.
_MONEY_MS = 30_000
#: And between two looks at what rests: a venue may expire or cancel an order of the bracket by itself.
_BRACKET_MS = 10_000
ZERO = Decimal(0)
Held = dict[Side, Position]


class PairCheck:
    """Compares and books, through the same hands as the keeper. Raises VenueError where the venue does not answer."""

    def __init__(self, desk: Desk, constraints: ConstraintSet, actions: PairActions) -> None:
        self._desk = desk
        self._constraints = constraints
        self._actions = actions
        self._money_read: dict[str, int] = {}
        self._bracket_read: dict[str, int] = {}

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
                why = "bracket" if await self._bracket_fired(pair, side) else "closed"
                gone = LegGone(at=now, side=side, price=mark, why="bracket" if why == "bracket" else "closed")
                state = await self._actions.apply(pair, state, gone, now)
        return state

    async def agree(self, pair: OpenPair, state: PairState, held: Held, now: int) -> PairState:
        """Take over quantities that somebody else changed; the venue is the truth. What was opened shrinks with it."""
        for side in SIDES:
            leg, position = state.leg(side), held.get(side)
            if position is None or state.in_flight or state.phase is Phase.FLAT or position.quantity == leg.left:
                continue
            quantity = position.quantity
            self._actions.note(pair, "quantity_changed", f"{side} is {quantity}, {leg.left} was expected", now)
            opened = quantity if leg.opened == leg.left else (leg.opened * quantity / leg.left).quantize(state.step)
            left = max(leg.left, quantity)
            state = state.model_copy(update={side: leg.model_copy(update={"opened": opened, "left": left})})
            state = await self.money(pair, state, now)  # with what that trade earned, so that it is booked at 0 here
            save_state(self._desk, state, "quantity changed at the venue", now)
            if quantity < left:
                fill = Filled(at=now, side=side, quantity=left - quantity, price=leg.average, fee=ZERO)
                state = await self._actions.apply(pair, state, fill, now)
            if state.phase is not Phase.FLAT:
                remember(self._desk, state)
        return state

    async def bracket(self, pair: OpenPair, state: PairState, now: int) -> PairState:
        """An order of the bracket that does not rest any more is placed again. Raises VenueError."""
        standing = latest_bracket(execution_store(self._desk), pair.decision_id)
        if standing is None or now - self._bracket_read.get(pair.pair_id, 0) < _BRACKET_MS:
            return state
        resting = await self._desk.venue.open_orders(pair.symbol, conditional=True)
        self._bracket_read[pair.pair_id] = now
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
