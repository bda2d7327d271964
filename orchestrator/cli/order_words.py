"""How a line of an order is said. One that was never sent is named as one that was, with what it would have asked."""

from typing import Any


def leg(order: dict[str, Any]) -> str:
    """The leg; of a protective order U- (above) or D- (below) and the side it closes."""
    edge = order.get("edge")
    if order["kind"] != "bracket" or order["status"] != "not_sent" or edge is None:
        return str(order["leg_id"])
    return f"{'U' if edge == 'upper' else 'D'}-{order['position_side']}"


def quantity(order: dict[str, Any]) -> str:
    """What was filled; of an order that was not sent, what it would have asked for."""
    return str(order["quantity"] if order["status"] == "not_sent" else order["filled"])


def none_sent(orders: list[dict[str, Any]]) -> bool:
    """Nothing left this machine: no fee was paid and nothing is held."""
    return all(order["status"] == "not_sent" for order in orders)
