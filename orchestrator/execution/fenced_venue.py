"""A venue that sends only for the owner of a lease: the fence is checked right before every request that changes.

    LeaseLost               somebody else owns the symbol now; nothing was sent, and nothing may be

It is no VenueError on purpose: nobody who handles a refusal by the venue may go on and try something else. It ends the
piece of work at once; intents stay as they are, and the new owner settles them.

What the fence cannot see is a process that is stopped between the check and the request. The venue closes most of that
gap: requests are signed with a time and are refused when they arrive late (recvWindow, 5 s), and the check asks for
more than that to be left of the lease.
"""

from typing import Literal, Protocol

from orchestrator.execution.forced import Forced, forced_on
from orchestrator.execution.obstacles import Problem, Traits
from orchestrator.execution.venue import (
    Balance,
    ConditionalRequest,
    Fill,
    Income,
    OrderReport,
    OrderRequest,
    Position,
    SymbolSettings,
    TradingFees,
    Venue,
)
from traders.contract.quote import LegQuote
from traders.contract.verdict import ExecutionPlan


class LeaseLost(Exception):
    """The symbol is somebody else's now. Nothing was sent."""


class Fence(Protocol):
    """Says whether this process may still act."""

    def confirm(self, symbol: str) -> None:
        """Return when orders on the symbol may be sent right now. Raises LeaseLost, and errors of the store."""
        ...


class FencedVenue:
    """Implements `Venue`: reads pass through, whatever changes something passes the fence first."""

    def __init__(self, venue: Venue, fence: Fence) -> None:
        self._venue = venue
        self._fence = fence

    @property
    def name(self) -> str:
        """As the user calls it."""
        return self._venue.name

    async def place(self, order: OrderRequest) -> OrderReport:
        """Raises LeaseLost; the rest as the venue does. Orders that reduce are fenced too: two closers close twice."""
        self._fence.confirm(order.symbol)
        return await self._venue.place(order)

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Raises LeaseLost; the rest as the venue does."""
        self._fence.confirm(order.symbol)
        return await self._venue.place_conditional(order)

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """Raises LeaseLost: a bracket of the new owner's must not be cancelled."""
        self._fence.confirm(symbol)
        await self._venue.cancel(symbol, client_order_id, conditional=conditional)

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Raises LeaseLost."""
        self._fence.confirm(symbol)
        await self._venue.set_leverage(symbol, leverage)

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None:
        """Raises LeaseLost."""
        self._fence.confirm(symbol)
        await self._venue.set_margin_mode(symbol, mode)

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None:
        """Of the account, or of a symbol: everybody wants the same, and it is refused while anything is open."""
        await self._venue.set_position_mode(mode, symbol)

    @property
    def traits(self) -> Traits:
        """Read."""
        return self._venue.traits

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """Read."""
        return await self._venue.obstacles(plan)

    async def server_time(self) -> int:
        """Read."""
        return await self._venue.server_time()

    async def leg_quote(self, symbol: str) -> LegQuote:
        """Read."""
        return await self._venue.leg_quote(symbol)

    async def fees(self, symbol: str) -> TradingFees:
        """Read."""
        return await self._venue.fees(symbol)

    async def balance(self) -> Balance:
        """Read."""
        return await self._venue.balance()

    async def positions(self, symbols: list[str]) -> list[Position]:
        """Read."""
        return await self._venue.positions(symbols)

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        """Read."""
        return await self._venue.position_mode(symbol)

    async def settings(self, symbol: str) -> SymbolSettings:
        """Read."""
        return await self._venue.settings(symbol)

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        """Read."""
        return await self._venue.find(symbol, client_order_id, conditional=conditional)

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        """Read."""
        return await self._venue.open_orders(symbol, conditional=conditional)

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]:
        """Read."""
        return await self._venue.fills(symbol, since)

    async def forced(self, symbol: str, since: int) -> list[Forced]:
        """Read; nothing where the venue keeps no such list."""
        return await forced_on(self._venue, symbol, since)

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]:
        """Read."""
        return await self._venue.income(symbol, since)

    async def close(self) -> None:
        """Release the connection."""
        await self._venue.close()
