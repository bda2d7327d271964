"""The port through which orders leave and the truth comes back.

Every adapter passes the same contract tests. Errors are named by what the caller must do:

    VenueError              base; carries the venue's own code when there is one
    ├── Transient           nothing happened, and trying again may work (reads only)
    ├── Rejected            the venue said no; nothing happened; trying again will not help
    │   ├── Duplicate       this client order id is already known there: look it up
    │   └── Throttled       refused for its rate; nothing happened; later, and under a new id, it may work
    └── OutcomeUnknown      it may or may not have happened: look it up by client order id, never resend
"""

from typing import Literal, Protocol

from orchestrator.execution.obstacles import Problem, Traits
from traders.contract.base import Fraction, Frozen, Millis, Money
from traders.contract.decision import Side
from traders.contract.quote import LegQuote
from traders.contract.verdict import ExecutionPlan

OrderStatus = Literal["new", "partially_filled", "filled", "canceled", "expired", "rejected", "triggered"]


class VenueError(Exception):
    """A venue said no, or nothing at all."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class Transient(VenueError):
    """Nothing happened; a retry may work."""


class Rejected(VenueError):
    """The venue refused; nothing happened."""


class Duplicate(Rejected):
    """The client order id is taken: the order was placed before."""


class Throttled(Rejected):
    """Too many requests: nothing happened, wait and send again under a new id."""


class OutcomeUnknown(VenueError):
    """The request may have been carried out. Query by client order id."""


class OrderRequest(Frozen):
    """An order on one leg. `reduces` orders close; in hedge mode the position side alone says so."""

    client_order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    position_side: Side
    type: Literal["market", "limit_ioc"]
    quantity: Money
    price: Money | None = None
    reduces: bool = False


class ConditionalRequest(Frozen):
    """A close-position order that rests until the mark price reaches `trigger_price`.

    `take_profit_price`: a stop that takes profit there as well, one order for both (`Traits.paired_bracket`).
    """

    client_order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    position_side: Side
    kind: Literal["stop", "take_profit"]
    trigger_price: Money
    take_profit_price: Money | None = None


class OrderReport(Frozen):
    """An order as the venue knows it. `average` is None before any fill."""

    client_order_id: str
    exchange_order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    position_side: Side
    status: OrderStatus
    quantity: Money
    filled: Money
    average: Money | None = None
    trigger_price: Money | None = None
    take_profit_price: Money | None = None


class Position(Frozen):
    """One leg as the venue knows it (hedge mode: long and short are two positions)."""

    symbol: str
    side: Side
    quantity: Money
    entry_price: Money
    mark_price: Money
    liquidation_price: Money | None
    isolated_margin: Money | None
    leverage: int | None
    margin_mode: Literal["isolated", "cross"] | None


class Fill(Frozen):
    """One trade of ours. `fee` is what was paid (negative for a rebate), in USDT."""

    trade_id: str
    exchange_order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    position_side: Side
    price: Money
    quantity: Money
    fee: Money
    realized: Money
    time: Millis


class Income(Frozen):
    """One row of the venue's income history. `amount` is signed: a funding payment received is positive."""

    income_id: str
    kind: str
    symbol: str
    amount: Money
    time: Millis


class Balance(Frozen):
    """USDT: wallet, wallet plus unrealised P&L, and what is free for new margin."""

    wallet: Money
    equity: Money
    available: Money


class SymbolSettings(Frozen):
    """What the account has set for one symbol. `short_leverage`: where the short leg has another than the long one."""

    symbol: str
    leverage: int
    margin_mode: Literal["isolated", "cross"]
    short_leverage: int | None = None

    def at(self, leverage: int) -> bool:
        """Whether both legs have this leverage."""
        return self.leverage == leverage and self.short_leverage in (None, leverage)

    @property
    def leverages(self) -> str:
        """As a person reads it: `5x`, or `5x long and 10x short`."""
        short = self.short_leverage
        return f"{self.leverage}x" if short in (None, self.leverage) else f"{self.leverage}x long and {short}x short"


class TradingFees(Frozen):
    """Fractions of notional at this account's tier."""

    maker: Fraction
    taker: Fraction


class Venue(Protocol):
    """One account on one exchange. Symbols are unified; quantities base units; times the exchange's."""

    @property
    def name(self) -> str: ...

    @property
    def traits(self) -> Traits:
        """How this venue differs from the others."""
        ...

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """What only this venue's dialect finds in the way of a plan: what it cannot do is refused, never skipped.

        Reads only. Raises Transient, Rejected.
        """
        ...

    async def server_time(self) -> int: ...

    async def leg_quote(self, symbol: str) -> LegQuote:
        """Book, mark, last, contract steps, margin tiers and current settings of one symbol."""
        ...

    async def fees(self, symbol: str) -> TradingFees: ...

    async def balance(self) -> Balance: ...

    async def positions(self, symbols: list[str]) -> list[Position]:
        """Only positions with a quantity. Raises when the answer is not known; never an empty guess."""
        ...

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        """Of the account, or of the symbol where the venue keeps one for each (it then needs to be told which)."""
        ...

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None: ...

    async def settings(self, symbol: str) -> SymbolSettings: ...

    async def set_leverage(self, symbol: str, leverage: int) -> None: ...

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None: ...

    async def place(self, order: OrderRequest) -> OrderReport:
        """Raises Rejected, Duplicate, OutcomeUnknown."""
        ...

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Raises Rejected, Duplicate, OutcomeUnknown."""
        ...

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        """The order, or None when the venue says that it does not exist. Raises Transient when it says nothing."""
        ...

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """Cancels; an order already gone is no error."""
        ...

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]: ...

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]: ...

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]: ...

    async def close(self) -> None:
        """Release the connection."""
        ...
