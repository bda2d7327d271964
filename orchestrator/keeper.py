"""The fast loop: looks at every open pair each second and does what the rebalancer asks for.

No model and no guard is asked here: the plan was permitted when it was opened, and what is done under it only closes.
A venue that does not answer leaves a pair as it is, protected by the bracket that rests at the exchange.
"""

from collections.abc import Iterable
from decimal import Decimal

from orchestrator import ledger_feed
from orchestrator.clock import Clock
from orchestrator.desk import Desk
from orchestrator.execution.close_pair import close_leg, close_pair, move_bracket
from orchestrator.execution.goal import latest_bracket
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.store import ExecutionStore
from orchestrator.execution.venue import Income, Position, VenueError
from orchestrator.hands import execution_limits, execution_store
from orchestrator.pair_book import close_out, load_state, save_state
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
from orchestrator.rebalancer.state import Holding, PairState
from orchestrator.rebalancer.step import step
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair

_SIDES: tuple[Side, Side] = ("long", "short")
#: Entry fills come shortly before the pair counts as open.
_EARLY_MS = 60_000


class Keeper:
    """Keeps the open pairs of one desk. `notes` are lines for people, taken by whoever shows them."""

    def __init__(self, desk: Desk, constraints: ConstraintSet) -> None:
        self._desk = desk
        self._constraints = constraints
        self._income_seen: dict[str, set[str]] = {}
        self.notes: list[str] = []
        self.unanswered = 0

    async def resume(self) -> None:
        """After a start: quantities and money of every pair as the venue has them; nothing counts as in flight.

        Orders that were under way when the last process ended have been settled by recovery before. Raises VenueError.
        """
        venue = self._desk.venue
        for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
            state = load_state(self._desk, pair.pair_id)
            if state is None:
                self._note(
                    pair, "state_missing", "no ladder state is stored: only the bracket protects it", pair.opened_at
                )
                continue
            now = await venue.server_time()
            held = {position.side: position.quantity for position in await venue.positions([pair.symbol])}
            fills = await venue.fills(pair.symbol, pair.opened_at - _EARLY_MS)
            income = await venue.income(pair.symbol, pair.opened_at)
            settled = state.model_copy(
                update={
                    **{side: _left(state, side, held.get(side, Decimal(0))) for side in _SIDES},
                    "pending_long": Decimal(0),
                    "pending_short": Decimal(0),
                    "pending_since": None,
                    "realised": sum((fill.realized for fill in fills), Decimal(0)),
                    "fees": sum((fill.fee for fill in fills), Decimal(0)),
                    "funding": sum((row.amount for row in income if row.kind == "FUNDING_FEE"), Decimal(0)),
                }
            )
            for row in income:
                if row.kind == "FUNDING_FEE":
                    self._income_seen.setdefault(pair.pair_id, set()).add(row.income_id)
            if settled != state:
                save_state(self._desk, settled, "resumed from the venue's figures", now)

    async def look(self, *, flatten: bool = False) -> None:
        """One look at every open pair. Venue errors are counted, not raised."""
        async with self._desk.hands:
            await self._look_at_all(flatten)

    async def _look_at_all(self, flatten: bool) -> None:
        for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
            state = load_state(self._desk, pair.pair_id)
            if state is None:
                continue
            try:
                await self._look_at(pair, state, flatten)
                self.unanswered = 0
            except VenueError as error:
                self.unanswered += 1
                if self.unanswered in (1, 10, 60):
                    self.notes.append(f"{pair.symbol}: the venue does not answer ({error}); the bracket still rests")

    async def bar(self, context: Context) -> None:
        """Tell the pairs of a symbol what the last closed bar says."""
        p = context.symbol.split("/", 1)[0].lower()
        event = BarClosed(
            at=context.as_of,
            atr_ratio=_exact(context.value(f"{p}.1h.atr_ratio")),
            funding_rate_8h=_exact(context.value(f"{p}.funding.rate_8h")),
            readings={name: Decimal(repr(reading.value)) for name, reading in context.readings.items()},
        )
        async with self._desk.hands:
            for pair in self._desk.store.pairs.open_pairs(self._desk.exchange_name):
                state = load_state(self._desk, pair.pair_id)
                if pair.symbol == context.symbol and state is not None:
                    await self._apply(pair, state, event, event.at)

    async def _look_at(self, pair: OpenPair, state: PairState, flatten: bool) -> None:
        venue = self._desk.venue
        now = await venue.server_time()
        held = {position.side: position for position in await venue.positions([pair.symbol])}
        mark = next((position.mark_price for position in held.values()), None)
        for side in _SIDES:
            if state.leg(side).left > 0 and side not in held and not state.in_flight:
                price = mark or (await venue.leg_quote(pair.symbol)).mark
                gone = LegGone(at=now, side=side, price=price, why="closed")
                state = await self._apply(pair, state, gone, now)
                if state.phase == "flat":
                    return
        state = self._agree(pair, state, held, now)
        for row in await self._new_funding(pair):
            state = await self._apply(pair, state, FundingSettled(at=row.time, amount=row.amount), now)
        if flatten:
            await self._apply(pair, state, Kill(at=now), now)
        elif mark is not None:
            await self._apply(pair, state, Tick(at=now, mark=mark), now)

    def _agree(self, pair: OpenPair, state: PairState, held: dict[Side, Position], now: int) -> PairState:
        """Take over quantities that somebody changed by hand; the venue is the truth."""
        for side in _SIDES:
            leg, position = state.leg(side), held.get(side)
            if position is None or state.in_flight or position.quantity == leg.left:
                continue
            self._note(pair, "quantity_changed", f"{side} is {position.quantity}, {leg.left} was expected", now)
            state = state.model_copy(update={side: leg.model_copy(update={"left": position.quantity})})
            save_state(self._desk, state, "quantity changed at the venue", now)
        return state

    async def _new_funding(self, pair: OpenPair) -> Iterable[Income]:
        rows = [
            row
            for row in await self._desk.venue.income(pair.symbol, pair.opened_at)
            if row.kind == "FUNDING_FEE" and row.time > pair.opened_at
        ]
        seen = self._income_seen.get(pair.pair_id)
        if seen is None:
            # after a restart: what the stored state already contains is known by its events
            events = self._desk.store.pairs.events(pair.pair_id)
            seen = {str(event.document["income_id"]) for event in events if event.name == "funding"}
            self._income_seen[pair.pair_id] = seen
        new = [row for row in rows if row.income_id not in seen]
        for row in new:
            seen.add(row.income_id)
            document = {"income_id": row.income_id, "amount": str(row.amount)}
            self._desk.store.pairs.event(pair.pair_id, pair.decision_id, "funding", document, row.time)
        return new

    async def _apply(self, pair: OpenPair, state: PairState, event: Event, now: int) -> PairState:
        """One event through the rebalancer, and what it asks for through execution."""
        before = state
        state, commands = step(state, event)
        if state != before:
            save_state(self._desk, state, type(event).__name__, now)
        closes = [command for command in commands if isinstance(command, CloseLeg)]
        if len(closes) == 2 or (closes and _leaves_nothing(state, closes)):
            state = await self._close(pair, state, closes, now)
        else:
            for order in closes:
                state = await self._close_one(pair, state, order, now)
        for command in commands:
            await self._other(pair, state, command, now)
        return state

    async def _close(self, pair: OpenPair, state: PairState, orders: list[CloseLeg], now: int) -> PairState:
        reason = orders[0].reason
        self._note(pair, "closing", f"{reason}: both legs", now)
        result = await close_pair(pair, Decimal(1), self._desk.venue, *self._tools(), reason=reason)
        return await self._booked(pair, state, result, now)

    async def _close_one(self, pair: OpenPair, state: PairState, order: CloseLeg, now: int) -> PairState:
        self._note(pair, "closing", f"{order.reason}: {order.quantity} of the {order.side} leg", now)
        result = await close_leg(
            pair, order.side, order.quantity, self._desk.venue, *self._tools(), reason=order.reason
        )
        if order.reason.startswith("band_") and any(line.filled > 0 for line in result.orders):
            self._desk.store.pairs.event(pair.pair_id, pair.decision_id, "half_closed", result.document(), now)
            hit = pair.model_copy(update={"bands_hit": state.bands_hit, "net_delta": result.net_delta or Decimal(0)})
            self._desk.store.pairs.update(hit)
        return await self._booked(pair, state, result, now)

    async def _booked(self, pair: OpenPair, state: PairState, result: ExecutionResult, now: int) -> PairState:
        """Fills back into the rebalancer."""
        for line in result.orders:
            if line.kind == "close" and line.filled > 0 and line.average is not None:
                fill = Filled(
                    at=now,
                    side=line.position_side,
                    quantity=line.filled,
                    price=line.average,
                    fee=line.fee or Decimal(0),
                )
                state = await self._apply(pair, state, fill, now)
        await ledger_feed.refresh(self._desk, pair.symbol)
        return state

    async def _other(self, pair: OpenPair, state: PairState, command: Command, now: int) -> None:
        match command:
            case Alert():
                self._note(pair, command.name, command.message, now)
            case MoveBracket():
                await self._move(pair, command, now)
            case Ended():
                self._note(pair, "ended", command.reason, now)
                money = {"realised": state.realised, "fees": state.fees, "funding": state.funding}
                summary = {name: str(value) for name, value in money.items()}
                summary["net"] = str(state.realised - state.fees + state.funding)
                close_out(self._desk, pair, now, command.reason, summary)
            case _:
                pass

    async def _move(self, pair: OpenPair, command: MoveBracket, now: int) -> None:
        standing = latest_bracket(execution_store(self._desk), pair.decision_id)
        if standing is None:
            self._note(pair, "bracket_unknown", "no bracket is known for this pair", now)
            return
        contract = (await self._desk.venue.leg_quote(pair.symbol)).contract
        price = command.price // contract.price_tick * contract.price_tick
        moved = standing.model_copy(update={command.edge: price})
        result = await move_bracket(pair, moved, self._desk.venue, *self._tools(), reason="band 1")
        self._note(pair, "bracket_moved", f"{command.edge} edge to {price} ({result.status})", now)

    def _tools(self) -> tuple[ExecutionStore, Clock, ExecutionLimits]:
        return execution_store(self._desk), self._desk.clock, execution_limits(self._desk, self._constraints)

    def _note(self, pair: OpenPair, name: str, text: str, now: int) -> None:
        self._desk.store.pairs.event(pair.pair_id, pair.decision_id, name, {"text": text}, now, trades=0)
        self.notes.append(f"{pair.symbol}: {name}: {text}")


def _left(state: PairState, side: Side, quantity: Decimal) -> Holding:
    return state.leg(side).model_copy(update={"left": quantity})


def _leaves_nothing(state: PairState, orders: list[CloseLeg]) -> bool:
    closing = {order.side: order.quantity for order in orders}
    return all(state.leg(side).left <= closing.get(side, Decimal(0)) for side in _SIDES)


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
