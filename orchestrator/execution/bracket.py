"""The pair bracket: four close-position orders on mark price, so that no stop ever leaves one leg alone.

At the upper price the short's stop and the long's take-profit, at the lower price the long's stop and the short's
take-profit (domain.md section 7). Where a venue takes only one close-all order a leg, two orders hold both prices each.

    BracketImpossible       the venue refuses one of the four: the pair cannot be protected
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from orchestrator.execution.client_id import is_ours
from orchestrator.execution.codes import ExecutionEvent as E
from orchestrator.execution.session import Session, Unsettled
from orchestrator.execution.venue import ConditionalRequest, OrderReport
from traders.contract.decision import Side
from traders.contract.verdict import Bracket

_ROUNDS = 4
_PAUSE = 0.5


class BracketImpossible(Exception):
    """The venue refused an order of the bracket."""


@dataclass(frozen=True)
class BracketLeg:
    """One of the four (or of the two): which leg it closes, how, and at what mark price."""

    leg_id: str
    position_side: Side
    kind: Literal["stop", "take_profit"]
    trigger: Decimal
    take_profit: Decimal | None = None

    def request(self, symbol: str) -> Callable[[str], ConditionalRequest]:
        """The order, given its client id."""
        return lambda name: ConditionalRequest(
            client_order_id=name,
            symbol=symbol,
            side="sell" if self.position_side == "long" else "buy",
            position_side=self.position_side,
            kind=self.kind,
            trigger_price=self.trigger,
            take_profit_price=self.take_profit,
        )


def bracket_legs(
    bracket: Bracket, sides: tuple[Side, ...] = ("long", "short"), *, paired: bool = False
) -> tuple[BracketLeg, ...]:
    """The orders of a bracket, stops before take-profits, for the sides that are held; `paired`: one order a side."""
    if paired:
        two = (
            BracketLeg("B-short", "short", "stop", bracket.upper, bracket.lower),
            BracketLeg("B-long", "long", "stop", bracket.lower, bracket.upper),
        )
        return tuple(leg for leg in two if leg.position_side in sides)
    four = (
        BracketLeg("U-short", "short", "stop", bracket.upper),
        BracketLeg("D-long", "long", "stop", bracket.lower),
        BracketLeg("U-long", "long", "take_profit", bracket.upper),
        BracketLeg("D-short", "short", "take_profit", bracket.lower),
    )
    return tuple(leg for leg in four if leg.position_side in sides)


def matches(order: OrderReport, leg: BracketLeg) -> bool:
    """Whether a resting order is this one."""
    return (
        order.position_side == leg.position_side
        and order.trigger_price == leg.trigger
        and order.take_profit_price == leg.take_profit
    )


async def ensure_bracket(
    session: Session, bracket: Bracket, deadline: float, sides: tuple[Side, ...] = ("long", "short")
) -> None:
    """Make the orders rest that close `sides` at both prices, and only they; read back.

    Raises BracketImpossible, Unsettled.

    Whatever of ours rests at another price is replaced one leg at a time (venues take one stop a side), so that the
    rest of the bracket stands while one order is exchanged.
    """
    wanted = bracket_legs(bracket, sides, paired=session.venue.traits.paired_bracket)
    middle = (bracket.upper + bracket.lower) / 2
    for attempt in range(_ROUNDS):
        if attempt and session.late(deadline):
            raise Unsettled("the bracket does not stand in the time allowed")
        resting = await _resting(session, deadline, conditional=True)
        kept: dict[str, OrderReport] = {}
        stale: list[OrderReport] = []
        for order in resting:
            leg = next((leg for leg in wanted if matches(order, leg)), None)
            if leg is None or leg.leg_id in kept:
                stale.append(order)
            else:
                kept[leg.leg_id] = order
        missing = [leg for leg in wanted if leg.leg_id not in kept]
        if not missing and not stale:
            session.event(E.BRACKET_VERIFIED, upper=str(bracket.upper), lower=str(bracket.lower))
            return
        for leg in missing:
            for order in [o for o in stale if _same_place(o, leg, middle)]:
                await _cancel(session, order, deadline, conditional=True)
                stale.remove(order)
            sent = await session.send(leg.leg_id, "bracket", leg.request(session.symbol), deadline)
            if sent.report is None and not sent.again:
                raise BracketImpossible(f"{leg.leg_id} at {leg.trigger}: {sent.why}")
            if sent.report is None:  # the next round sends it under a new id
                await session.clock.sleep(_PAUSE)
        for order in stale:
            await _cancel(session, order, deadline, conditional=True)
    raise Unsettled("the bracket does not stand after several rounds")


async def cancel_ours(session: Session, deadline: float) -> None:
    """Cancel every resting order of ours on the symbol, and read back that none is left. Raises Unsettled."""
    for conditional in (True, False):
        for _ in range(_ROUNDS):
            resting = await _resting(session, deadline, conditional=conditional)
            if not resting:
                break
            for order in resting:
                await _cancel(session, order, deadline, conditional=conditional)
        else:
            raise Unsettled("orders of ours still rest after several cancellations")


def _same_place(order: OrderReport, leg: BracketLeg, middle: Decimal) -> bool:
    """Whether a resting order occupies the place of a leg: same position, same edge (any, where one holds both)."""
    if leg.take_profit is not None:
        return order.position_side == leg.position_side
    trigger = order.trigger_price
    return (
        order.position_side == leg.position_side
        and trigger is not None
        and (trigger > middle) == (leg.trigger > middle)
    )


async def _resting(session: Session, deadline: float, *, conditional: bool) -> list[OrderReport]:
    orders = await session.patiently(
        "open orders", lambda: session.venue.open_orders(session.symbol, conditional=conditional), deadline
    )
    return [order for order in orders if is_ours(order.client_order_id)]


async def _cancel(session: Session, order: OrderReport, deadline: float, *, conditional: bool) -> None:
    name = order.client_order_id
    await session.patiently(
        "a cancellation", lambda: session.venue.cancel(session.symbol, name, conditional=conditional), deadline
    )
    if any(intent.client_order_id == name for intent in session.store.orders.of_decision(session.decision_id)):
        session.store.orders.resolve(name, "canceled", order.model_copy(update={"status": "canceled"}), session.now())
    session.cancelled(name)
    session.event(E.BRACKET_CANCELLED if conditional else E.ORPHAN_CANCELLED, client_order_id=name)
