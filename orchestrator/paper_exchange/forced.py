"""What the venue does to a position by itself: liquidation, and auto-deleveraging by the control side.

Both leave an order behind as the venue documents its forced orders: a LIMIT order whose client id begins with
`autoclose-`, or is `adl_autoclose`. No fee is charged for either here (a venue takes a clearance fee for the first).
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from orchestrator.paper_exchange.account import ZERO, Position
from orchestrator.paper_exchange.rows import Row, book_fill, order_row

if TYPE_CHECKING:
    from orchestrator.paper_exchange.engine import Engine

LIQUIDATION, ADL = "autoclose-", "adl_autoclose"


def liquidate(engine: "Engine", position: Position) -> None:
    """The venue takes an isolated position over at its bankruptcy price: the margin is lost, and no more."""
    quantity, price = abs(position.quantity), position.bankruptcy()
    row = _row(engine, position, quantity, price)
    row.update(clientOrderId=f"{LIQUIDATION}{row['orderId']}", timeInForce="IOC")
    engine.account.liquidate(position, engine.now, row)
    _booked(engine, position, row, quantity, price)


def deleverage(engine: "Engine", position: Position, quantity: Decimal) -> None:
    """A counterparty takes `quantity` of a position (base units, at most what is held) over at the mark price."""
    price = engine.market.mark(position.symbol, engine.now)
    row = _row(engine, position, quantity, price)
    signed = -quantity if position.quantity > 0 else quantity
    engine.account.apply_fill(position, signed, price, ZERO, engine.now, row, maker=False)
    _booked(engine, position, row, quantity, price)


def forced_orders(engine: "Engine", kind: str | None) -> list[Row]:
    """The forced orders so far; `kind`: LIQUIDATION, ADL, or None for both."""
    starts = {"LIQUIDATION": LIQUIDATION, "ADL": ADL}
    wanted = tuple(starts.values()) if kind is None else (starts[kind],)
    return [row for row in engine.orders if row["clientOrderId"].startswith(wanted)]


def _row(engine: "Engine", position: Position, quantity: Decimal, price: Decimal) -> Row:
    row = order_row(position.symbol, ADL, position, engine.account.new_id(), engine.now)
    row.update(origQty=format(quantity, "f"), price=format(price, "f"), type="LIMIT", origType="LIMIT")
    return row


def _booked(engine: "Engine", position: Position, row: Row, quantity: Decimal, price: Decimal) -> None:
    book_fill(row, quantity, price, engine.now)
    engine.orders.append(row)
    engine.drop_orphans(position)
