"""What every adapter over a loaded ccxt client shares: ask, send, change, and say what an error means.

Orders are sent once; ccxt does signing, pacing and the error tree, the raw answers stay exact text.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

from data_fetchers.lanes import acting
from orchestrator.execution import ccxt_errors as errors
from orchestrator.execution.exact import text
from orchestrator.execution.venue import OrderReport, OrderRequest, OutcomeUnknown, Rejected, Transient

T = TypeVar("T")
#: The venue refuses an order older than this, ms; less than `ExecutionLimits.absent_after_s`.
RECV_WINDOW_MS = 2500
UNREADABLE = (KeyError, TypeError, ValueError, ArithmeticError, IndexError, StopIteration, AttributeError)


class CcxtAccount:
    """One account. `exchange` is a `ccxt.async_support` client with its markets loaded; the caller closes it."""

    #: The ccxt id whose dialect an adapter speaks.
    SPEAKS = ""

    def __init__(self, exchange: Any, name: str) -> None:
        if exchange.id != self.SPEAKS:
            raise Rejected(f"{type(self).__name__} sends orders to {self.SPEAKS}, not to {exchange.id}")
        self._exchange, self._name = exchange, name

    @property
    def name(self) -> str:
        """As the user calls it."""
        return self._name

    async def close(self) -> None:
        """Release the connection."""
        await self._exchange.close()

    def _id(self, symbol: str) -> str:
        market = self._exchange.markets.get(symbol)
        if market is None:
            raise Rejected(f"{self._name} has no market {symbol}")
        return str(market["id"])

    def _must_agree(self, order: OrderRequest) -> None:
        """Refuse an order whose side does not go with what it says of itself: a close must never open."""
        closes = (order.side == "sell") == (order.position_side == "long")
        if order.reduces is not closes:
            said = "reduces" if order.reduces else "opens"
            raise Rejected(f"a {order.side} of the {order.position_side} leg that {said}: nothing was sent")

    def _must_fit(self, what: str, value: Decimal, rounded: Callable[[str, str], str], symbol: str) -> None:
        """Refuse what the venue's steps would change: a silently smaller leg is an unequal pair."""
        try:
            fits = Decimal(rounded(symbol, text(value))) == value
        except Exception as error:  # ccxt: InvalidOrder below the least amount; nothing was sent
            raise Rejected(f"{what} {value} of {symbol} is below the venue's step: {error}") from error
        if not fits or value <= 0:
            raise Rejected(f"{what} {value} of {symbol} does not fit the venue's step; nothing was sent")

    async def _read(self, what: str, ask: Callable[[], Awaitable[Any]], parse: Callable[[Any], T]) -> T:
        try:
            raw = await self._fresh(ask)
        except Exception as error:
            raise errors.of_read(error) from error
        try:
            return parse(raw)
        except UNREADABLE as error:
            raise Transient(f"{errors.malformed(what, raw)} ({error})") from error

    async def _send(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await self._fresh(ask)
        except Exception as error:  # whatever it was, the order may be there unless the venue said no
            raise errors.of_write(error) from error

    async def _change(self, what: str, ask: Callable[[], Awaitable[Any]]) -> None:
        """A setting: "nothing to change" is success, and the caller reads back what it is now."""
        try:
            await self._fresh(ask)
        except Exception as error:
            if errors.venue_code(error) in errors.NO_CHANGE_CODES or type(error).__name__ in (
                "NoChange",
                "MarginModeAlreadySet",
            ):
                return
            raise errors.of_write(error) from error

    async def _fresh(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask; when the time stamp was refused (nothing happened), measure the clock again and ask once more."""
        with acting():  # not behind the reads of a decision that wait for their turn at the rate limit
            try:
                return await ask()
            except Exception as error:
                if not errors.is_stale_timestamp(error):
                    raise
            await self._exchange.load_time_difference()
            return await ask()


def sent(raw: Any, parse: Callable[[Any, str], OrderReport], symbol: str, client_order_id: str) -> OrderReport:
    """The report in an answer to an order; an answer that cannot be read, or speaks of another order, is no answer."""
    try:
        report = parse(raw, symbol)
    except UNREADABLE as error:
        raise OutcomeUnknown(f"{errors.malformed('order', raw)} ({error})") from error
    if report.client_order_id != client_order_id:
        raise OutcomeUnknown(f"the answer speaks of order {report.client_order_id}, not of {client_order_id}")
    return report


def listed(raw: Any) -> list[Any]:
    """The answer, which must be a list. Raises TypeError."""
    if not isinstance(raw, list):
        raise TypeError("a list is needed")
    return raw
