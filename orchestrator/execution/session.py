"""One piece of work on one symbol: sends orders with the intent stored first, and learns what became of each.

Unsettled               something could not be learnt or reached in the time allowed; intents stay unresolved
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from pydantic import JsonValue

from orchestrator.clock import Clock
from orchestrator.execution.client_id import client_order_id
from orchestrator.execution.codes import ExecutionEvent as E
from orchestrator.execution.goal import SIDES, next_attempt
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.result import Kind, OrderLine
from orchestrator.execution.store import UNKNOWN, ExecutionStore
from orchestrator.execution.venue import (
    ConditionalRequest,
    Duplicate,
    OrderReport,
    OrderRequest,
    Position,
    Rejected,
    Throttled,
    Venue,
    VenueError,
)
from traders.contract.decision import Side

T = TypeVar("T")
Request = OrderRequest | ConditionalRequest
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
#: An IOC or market order in one of these is still being worked on.
_WORKING = ("new", "partially_filled")


class Unsettled(Exception):
    """The venue did not say, or did not do, what was needed in the time allowed."""


@dataclass(frozen=True)
class Sent:
    """What became of one order: a report, or (report None) the venue's refusal or the fact that it never arrived."""

    client_order_id: str
    report: OrderReport | None
    why: str = ""
    #: It positively did not happen and may work later: sending it again under a new id is safe.
    again: bool = False


class Session:
    """Venue, store and clock for one decision's work on one symbol; remembers the orders it sent."""

    def __init__(
        self,
        venue: Venue,
        store: ExecutionStore,
        clock: Clock,
        limits: ExecutionLimits,
        *,
        decision_id: str,
        pair_id: str,
        symbol: str,
    ) -> None:
        self.venue, self.store, self.clock, self.limits = venue, store, clock, limits
        self.decision_id, self.pair_id, self.symbol = decision_id, pair_id, symbol
        self.lines: dict[str, OrderLine] = {}
        self.started_at = 0
        self._offset = 0.0

    async def start(self) -> None:
        """Fix exchange time. Raises VenueError."""
        self.started_at = await self.venue.server_time()
        self._offset = self.started_at - self.clock.monotonic_ms()

    def now(self) -> int:
        """Exchange time, UTC ms."""
        return round(self._offset + self.clock.monotonic_ms())

    def deadline(self, seconds: float) -> float:
        """A time on the stopwatch, ms."""
        return self.clock.monotonic_ms() + seconds * 1000

    def late(self, deadline: float) -> bool:
        """Whether a deadline has passed."""
        return self.clock.monotonic_ms() >= deadline

    def event(self, name: E, **document: JsonValue) -> None:
        """Store one event."""
        self.store.events.event(self.pair_id, self.decision_id, name.value, document, self.now())

    async def send(
        self, leg_id: str, kind: Kind, make: Callable[[str], Request], deadline: float, *, attempt: int | None = None
    ) -> Sent:
        """Intent, order, outcome. Raises Unsettled when the outcome cannot be learnt before `deadline`.

        Nothing is ever sent twice under one id: a new attempt gets a new id, and only after this one is known.
        """
        number = attempt or next_attempt(self.store, self.decision_id, leg_id)
        name = client_order_id(self.decision_id, leg_id, number)
        request = make(name)
        self.store.orders.intend(name, self.decision_id, leg_id, number, kind, request, self.now())
        self._line(leg_id, kind, name, request, None, "intended")
        report: OrderReport | None
        try:
            if isinstance(request, ConditionalRequest):
                report = await self.venue.place_conditional(request)
            else:
                report = await self.venue.place(request)
            if (self.venue.traits.only_receives or not conditional(request)) and report.status in _WORKING:
                report = await self.look_up(request, deadline, received=True)
        except Duplicate:
            report = await self.look_up(request, deadline)
        except Rejected as refusal:
            return self._refused(leg_id, kind, name, request, refusal)
        except VenueError as error:  # OutcomeUnknown, and whatever else leaves us not knowing
            self.event(E.OUTCOME_UNKNOWN, leg_id=leg_id, client_order_id=name, error=str(error)[:300])
            self._line(leg_id, kind, name, request, None, UNKNOWN)
            report = await self.look_up(request, deadline)
        return self.known(leg_id, kind, request, report)

    def known(self, leg_id: str, kind: Kind, request: Request, report: OrderReport | None) -> Sent:
        """Store the outcome: a report, or None for an order that the venue says does not exist."""
        name = request.client_order_id
        if report is None:
            self.store.orders.resolve(name, "absent", None, self.now())
            self.event(E.ORDER_ABSENT, leg_id=leg_id, client_order_id=name)
            self._line(leg_id, kind, name, request, None, "absent")
            return Sent(name, None, "it never reached the venue", again=True)
        self.store.orders.resolve(name, report.status, report, self.now())
        self.event(E.ORDER_KNOWN, leg_id=leg_id, status=report.status, client_order_id=name, filled=str(report.filled))
        self._line(leg_id, kind, name, request, report, report.status)
        if report.status == "rejected":
            return Sent(name, None, "the venue rejected it after accepting it")
        return Sent(name, report)

    def _refused(self, leg_id: str, kind: Kind, name: str, request: Request, refusal: Rejected) -> Sent:
        why = f"{refusal.code}: {refusal}" if refusal.code else str(refusal)
        self.store.orders.resolve(name, "rejected", {"error": why[:300]}, self.now())
        self.event(E.ORDER_REFUSED, leg_id=leg_id, client_order_id=name, error=why[:300])
        self._line(leg_id, kind, name, request, None, "rejected")
        return Sent(name, None, why[:300], again=isinstance(refusal, Throttled))

    async def look_up(
        self, request: Request, deadline: float, given_up_at: float | None = None, *, received: bool = False
    ) -> OrderReport | None:
        """Ask by client id until the venue knows: the final report, or None when it positively does not exist.

        "Does not exist" counts only once the request is too old to be still under way, counted from `given_up_at` (a
        time on the stopwatch, by default now), and never for an order that the venue has `received`: it is there, and
        not shown yet. Raises Unsettled; the intent then stays unresolved.
        """
        pause, last = _FIRST_PAUSE, "no answer"
        since = self.clock.monotonic_ms() if given_up_at is None else given_up_at
        final_at = since + max(self.limits.absent_after_s, self.venue.traits.absent_after_s) * 1000
        deadline = max(deadline, final_at + 1000 * _LONGEST_PAUSE)
        while True:
            try:
                report = await self.venue.find(
                    request.symbol, request.client_order_id, conditional=conditional(request)
                )
            except VenueError as error:
                last = str(error)[:200]
            else:
                if report is not None and (conditional(request) or report.status not in _WORKING):
                    return report
                if report is None and not received and self.late(final_at):
                    return None
                last = "does not exist (yet)" if report is None else f"still {report.status}"
            if self.late(deadline):
                self.store.orders.resolve(request.client_order_id, UNKNOWN, None, self.now())
                self.event(E.OUTCOME_STILL_UNKNOWN, client_order_id=request.client_order_id, last=last)
                raise Unsettled(f"the outcome of order {request.client_order_id} is unknown: {last}")
            await self.clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def patiently(self, what: str, ask: Callable[[], Awaitable[T]], deadline: float) -> T:
        """Read with retries until `deadline`. Raises Unsettled."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await ask()
            except VenueError as error:
                if self.late(deadline):
                    raise Unsettled(f"{what} could not be read: {error}") from error
            await self.clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def held(self, deadline: float) -> dict[Side, Position]:
        """The legs as the venue has them (a side without a position is absent). Raises Unsettled."""
        found = await self.patiently("positions", lambda: self.venue.positions([self.symbol]), deadline)
        return {position.side: position for position in found if position.symbol == self.symbol}

    def entered(self, side: Side) -> Decimal:
        """What the entries of this piece of work obtained on a side, by the venue's answers to them."""
        lines = (line for line in self.lines.values() if line.kind == "entry" and line.position_side == side)
        return sum((line.filled for line in lines), Decimal(0))

    async def shown(self, standing: Mapping[Side, Decimal]) -> None:
        """Wait until the positions hold `standing` and what our own entries obtained. Raises Unsettled.

        A venue's positions may lag behind its fills: a leg that is not shown yet is not one that could not be filled.
        """
        deadline, pause = self.deadline(self.limits.unwind_s), _FIRST_PAUSE
        expected = {side: standing.get(side, Decimal(0)) + self.entered(side) for side in SIDES}
        while True:
            held = await self.held(deadline)
            shown = {side: held[side].quantity if side in held else Decimal(0) for side in SIDES}
            lacking = [side for side in SIDES if shown[side] < expected[side]]
            if not lacking:
                return
            if self.late(deadline):
                told = ", ".join(f"{shown[side]} of {expected[side]} {side}" for side in lacking)
                raise Unsettled(f"the venue's positions do not show the fills: {told}")
            await self.clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def cancelled(self, name: str) -> None:
        """Note that an order of this piece of work was cancelled."""
        if name in self.lines:
            self.lines[name] = self.lines[name].model_copy(update={"status": "canceled"})

    def _line(
        self, leg_id: str, kind: Kind, name: str, request: Request, report: OrderReport | None, status: str
    ) -> None:
        self.lines[name] = OrderLine(
            leg_id=leg_id,
            kind=kind,
            client_order_id=name,
            exchange_order_id=None if report is None else report.exchange_order_id,
            side=request.side,
            position_side=request.position_side,
            quantity=request.quantity if isinstance(request, OrderRequest) else None,
            filled=Decimal(0) if report is None else report.filled,
            average=None if report is None else report.average,
            fee=None,
            status=status,
            trigger_price=request.trigger_price if isinstance(request, ConditionalRequest) else None,
        )


def conditional(request: Request) -> bool:
    """Whether an order rests until the mark price triggers it."""
    return isinstance(request, ConditionalRequest)
