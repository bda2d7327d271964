"""The venue's own refusals: a code and a message, as Binance USD-M words them, with the HTTP status it uses."""


class Refusal(Exception):
    """A request that the venue refuses; nothing has happened."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def bad_symbol() -> Refusal:
    """Unknown symbol."""
    return Refusal(-1121, "Invalid symbol.")


def bad_precision() -> Refusal:
    """More digits than the asset has."""
    return Refusal(-1111, "Precision is over the maximum defined for this asset.")


def missing(name: str) -> Refusal:
    """A mandatory parameter is missing or malformed."""
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def no_margin() -> Refusal:
    """Not enough free margin."""
    return Refusal(-2019, "Margin is insufficient.")


def duplicate_id() -> Refusal:
    """The client order id is taken."""
    return Refusal(-4116, "ClientOrderId is duplicated.")


def no_order() -> Refusal:
    """Query of an order that does not exist."""
    return Refusal(-2013, "Order does not exist.")


def cannot_cancel() -> Refusal:
    """Cancel of an order that does not exist or is done."""
    return Refusal(-2011, "Unknown order sent.")
