"""Rows of orders and conditional orders, with every field the venue documents."""

from decimal import Decimal
from typing import Any

from orchestrator.paper_exchange.account import Position
from orchestrator.paper_exchange.orders import ConditionalTicket, Ticket

Row = dict[str, Any]
#: Ends of an order; nothing happens to it any more.
DONE = {"FILLED", "CANCELED", "EXPIRED", "REJECTED"}


def order_row(symbol: str, client_id: str, position: Position, order_id: int, now: int) -> Row:
    """An order that would close the position; the caller writes its own values over it."""
    return {
        "orderId": order_id,
        "symbol": symbol,
        "status": "NEW",
        "clientOrderId": client_id,
        "price": "0",
        "avgPrice": "0.00",
        "origQty": "0",
        "executedQty": "0",
        "cumQty": "0",
        "cumQuote": "0",
        "timeInForce": "GTC",
        "type": "MARKET",
        "reduceOnly": False,
        "closePosition": False,
        "side": "SELL" if position.quantity > 0 else "BUY",
        "positionSide": position.side,
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": "MARKET",
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": now,
        "updateTime": now,
    }


def new_row(ticket: Ticket, position: Position, order_id: int, now: int) -> Row:
    """A checked order that has just arrived."""
    row = order_row(ticket.symbol, ticket.client_id, position, order_id, now)
    row.update(
        side=ticket.side,
        origQty=format(ticket.quantity, "f"),
        price=format(ticket.price, "f") if ticket.price is not None else "0",
        type=ticket.type,
        origType=ticket.type,
        timeInForce=ticket.time_in_force,
        reduceOnly=ticket.reduce_only,
    )
    return row


def algo_row(ticket: ConditionalTicket, algo_id: int, now: int) -> Row:
    """A checked conditional order that has just arrived."""
    return {
        "algoId": algo_id,
        "clientAlgoId": ticket.client_id,
        "algoType": "CONDITIONAL",
        "orderType": ticket.type,
        "symbol": ticket.symbol,
        "side": ticket.side,
        "positionSide": ticket.position_side,
        "timeInForce": "GTC",
        "quantity": format(ticket.quantity, "f"),
        "algoStatus": "NEW",
        "actualOrderId": "",
        "actualPrice": "0.00000",
        "actualQty": "0",
        "actualType": "",
        "triggerPrice": format(ticket.trigger, "f"),
        "price": "0.00",
        "icebergQuantity": None,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": ticket.working_type,
        "priceMatch": "NONE",
        "closePosition": ticket.close_position,
        "priceProtect": False,
        "reduceOnly": ticket.reduce_only,
        "createTime": now,
        "updateTime": now,
        "triggerTime": 0,
        "goodTillDate": 0,
    }


def book_fill(row: Row, quantity: Decimal, price: Decimal, now: int) -> None:
    """Write a fill of `quantity` into its order."""
    done = Decimal(row["executedQty"]) + quantity
    spent = Decimal(row["cumQuote"]) + quantity * price
    row["executedQty"] = row["cumQty"] = format(done, "f")
    row["cumQuote"] = format(spent, "f")
    row["avgPrice"] = format((spent / done).quantize(Decimal("1e-8")), "f")
    row["status"] = "FILLED" if done >= Decimal(row["origQty"]) else "PARTIALLY_FILLED"
    row["updateTime"] = now


def rises_to(row: Row) -> bool:
    """Whether a rising price triggers a conditional order (a falling one otherwise)."""
    return bool((row["orderType"] == "STOP_MARKET") == (row["side"] == "BUY"))
