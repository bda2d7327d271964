"""The whole account beside what is remembered of it: positions and orders on our symbols that are not ours.

Legs are compared, not nets: an equal long and short are two positions. A venue that does not answer says nothing; what
it holds is then unknown, never flat, and nothing is concluded. Each finding is told once, until it changes. What
concerns a pair's own legs is the business of `pair_check`, every second.
"""

from decimal import Decimal

from orchestrator.desk import Desk
from orchestrator.equity_watch import note_equity
from orchestrator.execution.client_id import is_ours
from orchestrator.execution.codes import Difference
from orchestrator.execution.foreign import close_foreign
from orchestrator.execution.goal import sides_of
from orchestrator.execution.reconcile import reconcile
from orchestrator.execution.venue import OrderReport, Position, VenueError
from orchestrator.hands import execution_limits, execution_store
from orchestrator.responses import Responses
from traders.contract.constraints import ConstraintSet
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair

ZERO = Decimal(0)


class Reconciler:
    """Compares one desk's account. `notes` are lines for people."""

    def __init__(self, desk: Desk, constraints: ConstraintSet, responses: Responses, notes: list[str]) -> None:
        self._desk = desk
        self._constraints = constraints
        self._responses = responses
        self._notes = notes
        self._next: float | None = None
        self._told: dict[str, str] = {}

    async def when_due(self) -> None:
        """Compare at the first call, and every so many seconds. Raises errors of the store."""
        now = self._desk.clock.monotonic_ms()
        if self._next is not None and now < self._next:
            return
        self._next = now + self._responses.every_s * 1000
        await self.compare()

    async def compare(self) -> None:
        """Compare now; the caller acts alone on the account. Raises errors of the store."""
        allowed = self._constraints.limits.allowed_symbols
        symbols = self._desk.ownership.mine(allowed) if self._desk.ownership else allowed
        for symbol in symbols:
            try:
                await self._symbol(symbol)
            except VenueError as error:
                why = f"what the account holds is unknown: {error}"
                await self._tell(symbol, "reconcile_unknown", type(error).__name__, why)
            else:
                self._told.pop(f"{symbol} reconcile_unknown", None)
        await self._equity()

    async def _equity(self) -> None:
        """Between two decisions the account may fall, and recover: the drawdown latch has to see it."""
        try:
            balance, now = await self._desk.venue.balance(), await self._desk.venue.server_time()
        except VenueError:
            return  # the symbols above have said so
        note_equity(self._desk, balance.equity, now)

    async def _symbol(self, symbol: str) -> None:
        venue = self._desk.venue
        positions = await venue.positions([symbol])
        orders = [(o, conditional) for conditional in (True, False) for o in await self._foreign(symbol, conditional)]
        pair = self._pair(symbol)
        ours = () if pair is None else sides_of(pair)
        held = {position.side: position for position in positions if position.symbol == symbol}
        await self._positions(symbol, pair, ours, held)
        await self._orders(symbol, pair, orders)

    async def _positions(
        self, symbol: str, pair: OpenPair | None, ours: tuple[Side, ...], held: dict[Side, Position]
    ) -> None:
        foreign = {side: position for side, position in held.items() if side not in ours}
        found = reconcile({symbol: {}}, foreign.values())
        text = ", ".join(f"{item.found} {item.side}" for item in found)
        assert all(item.difference is Difference.UNEXPECTED_POSITION for item in found)
        if not foreign:
            self._told.pop(f"{symbol} foreign_position", None)
            return
        if self._desk.store.orders.unresolved():
            return  # it may yet turn out to be ours
        flatten = self._responses.foreign_position == "flatten"
        told = await self._tell(symbol, "foreign_position", text, f"{text}: {'closing' if flatten else 'left alone'}")
        if flatten:
            kept = {side: held[side].quantity for side in ours if side in held}
            store, limits = execution_store(self._desk), execution_limits(self._desk, self._constraints)
            result = await close_foreign(symbol, kept, self._desk.venue, store, self._desk.clock, limits)
            if result.status not in ("closed", "open") and told:
                self._notes.append(f"{symbol}: foreign_position: not closed: {result.reason}")

    async def _orders(self, symbol: str, pair: OpenPair | None, orders: list[tuple[OrderReport, bool]]) -> None:
        if not orders:
            self._told.pop(f"{symbol} foreign_order", None)
            return
        cancel = self._responses.foreign_order == "protect" and pair is not None
        names = ", ".join(sorted(order.client_order_id for order, _ in orders))
        await self._tell(symbol, "foreign_order", names, f"{names}: {'cancelled' if cancel else 'left alone'}")
        for order, conditional in orders if cancel else ():
            await self._desk.venue.cancel(symbol, order.client_order_id, conditional=conditional)

    async def _foreign(self, symbol: str, conditional: bool) -> list[OrderReport]:
        orders = await self._desk.venue.open_orders(symbol, conditional=conditional)
        return [order for order in orders if not is_ours(order.client_order_id)]

    def _pair(self, symbol: str) -> OpenPair | None:
        pairs = self._desk.store.pairs
        # another trader's pair in the same account is foreign to this trader, but not to the account
        every = pairs.everyones(self._desk.exchange_name) if self._desk.shared else None
        standing = pairs.open_pairs(self._desk.exchange_name) if every is None else every
        return next((pair for pair in standing if pair.symbol == symbol), None)

    async def _tell(self, symbol: str, name: str, what: str, text: str) -> bool:
        """Write an event and a line, unless the same was told the last time."""
        key = f"{symbol} {name}"
        if self._told.get(key) == what:
            return False
        self._told[key] = what
        try:
            at = await self._desk.venue.server_time()
        except VenueError:
            at = self._desk.clock.now_ms()
        pair = self._pair(symbol)
        owner, decision = (f"foreign:{symbol}", None) if pair is None else (pair.pair_id, pair.decision_id)
        self._desk.store.pairs.event(owner, decision, name, {"symbol": symbol, "text": text}, at, trades=0)
        self._notes.append(f"{symbol}: {name}: {text}")
        return True
