"""Which adapter sends orders to which exchange."""

from typing import Any

from orchestrator.execution.venue import Rejected, Venue


def account(exchange: Any, name: str) -> Venue:
    """The adapter of a loaded `ccxt.async_support` client; the caller closes the client.

    Raises Rejected for an exchange that orders cannot be sent to.
    """
    if exchange.id == "binanceusdm":
        from orchestrator.execution.ccxt_venue import CcxtVenue

        return CcxtVenue(exchange, name)
    if exchange.id == "bybit":
        from orchestrator.execution.bybit_venue import BybitVenue

        return BybitVenue(exchange, name)
    if exchange.id == "okx":
        from orchestrator.execution.okx_venue import OkxVenue

        return OkxVenue(exchange, name)
    if exchange.id == "bitget":
        from orchestrator.execution.bitget_venue import BitgetVenue

        return BitgetVenue(exchange, name)
    raise Rejected(f"orders on {exchange.id} are not supported; its data can be read, fills are on paper")
