"""Bringing legs down to given quantities with market orders, never below, never to the other side.

In hedge mode an order with a position side can only close that side, and its quantity is capped by what the venue
says is there at that moment: repeating it is harmless, and a close can never open (craft.md, failure modes 4 and 5).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal

from orchestrator.execution.codes import ExecutionEvent as E
from orchestrator.execution.session import Session, Unsettled
from orchestrator.execution.venue import OrderRequest, Position
from traders.contract.decision import Side
from traders.contract.quote import Contract

_PAUSE, _LONGEST = 0.1, 1.0


async def reduce_to(
    session: Session,
    targets: Mapping[Side, Decimal],
    deadline: float,
    *,
    contract: Contract | None,
    prefix: Literal["close", "unwind"] = "close",
) -> dict[Side, Position]:
    """Close what is held above `targets`; what is held in the end. Raises Unsettled when time runs out before.

    Whatever happens meanwhile (a stop fires, a leg is liquidated) shows in the next reading; nothing is ever opened.
    """
    pause, refused = _PAUSE, ""
    while True:
        held = await session.held(deadline)
        excess = {side: position.quantity - targets.get(side, Decimal(0)) for side, position in held.items()}
        todo = {side: quantity for side, quantity in excess.items() if quantity > 0}
        if not todo:
            return held
        if session.late(deadline):
            left = ", ".join(f"{quantity} {side}" for side, quantity in todo.items())
            raise Unsettled(f"still to close: {left}{'; ' + refused if refused else ''}")
        progress = False
        for side, quantity in todo.items():
            order = close_order(session.symbol, side, _capped(quantity, contract))
            sent = await session.send(f"{prefix}-{side}", "close", order, deadline)
            if sent.report is None:
                refused = sent.why
            progress = progress or (sent.report is not None and sent.report.filled > 0)
        if not progress:
            session.event(E.LEG_INCOMPLETE, todo={side: str(quantity) for side, quantity in todo.items()})
            await session.clock.sleep(pause)
            pause = min(2 * pause, _LONGEST)


def close_order(symbol: str, side: Side, quantity: Decimal) -> Callable[[str], OrderRequest]:
    """A market order that closes `quantity` of one side, given its client id."""
    return lambda name: OrderRequest(
        client_order_id=name,
        symbol=symbol,
        side="sell" if side == "long" else "buy",
        position_side=side,
        type="market",
        quantity=quantity,
        reduces=True,
    )


def _capped(quantity: Decimal, contract: Contract | None) -> Decimal:
    """At most what one market order may carry; the loop sends the rest."""
    if contract is None or contract.market_max_quantity <= 0:
        return quantity
    return min(quantity, contract.market_max_quantity)
