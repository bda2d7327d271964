"""A real market read without keys, in front of a paper account: prices and steps are the venue's, money is paper.

Nothing is ever sent to the real venue through this adapter: it has no keys and refuses every order. The paper account
stands in for what a key would tell: balance, position mode, leverage brackets, fee tier.
"""

import asyncio
from decimal import Decimal
from typing import Any, Literal

from data_fetchers.translate import without_query
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
    Rejected,
    SymbolSettings,
    TradingFees,
    Transient,
    Venue,
)
from traders.contract.quote import Contract, LegQuote, Level
from traders.contract.verdict import ExecutionPlan

_MOST = Decimal(1_000_000_000)
#: Some venues publish at most so many levels without keys.
_BOOK_LEVELS = {"binanceusdm": 1000, "bybit": 500, "okx": 400, "bitget": 100}


class PublicVenue:
    """Implements `Venue` for reading. `exchange`: a loaded ccxt client without keys; `account`: the paper account."""

    def __init__(self, exchange: Any, name: str, account: Venue) -> None:
        self._exchange, self._name, self._account = exchange, name, account

    @property
    def name(self) -> str:
        """As the user calls it."""
        return self._name

    @property
    def traits(self) -> Traits:
        """The paper account's."""
        return self._account.traits

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """The paper account's."""
        return await self._account.obstacles(plan)

    async def server_time(self) -> int:
        """UTC ms on the real venue's clock. Raises Transient."""
        try:
            return int(await self._exchange.fetch_time())
        except Exception as error:
            raise _unread("time", error) from error

    async def leg_quote(self, symbol: str) -> LegQuote:
        """Book, mark, last and steps of the real venue; brackets and settings of the paper account."""
        x = self._exchange
        try:
            book, funding, ticker, paper = await asyncio.gather(
                x.fetch_order_book(symbol, _BOOK_LEVELS.get(x.id)),
                x.fetch_funding_rate(symbol),
                x.fetch_ticker(symbol),
                self._account.leg_quote(symbol),
            )
            size = _exact(x.market(symbol).get("contractSize") or 1)
            bids, asks = _levels(book["bids"], size), _levels(book["asks"], size)
            last = _exact(ticker["last"])
            return LegQuote(
                venue=self._name,
                symbol=symbol,
                mark=_exact(funding.get("markPrice") or ticker.get("markPrice") or ticker["last"]),
                last=last,
                index=None if funding.get("indexPrice") is None else _exact(funding["indexPrice"]),
                mid=(bids[0][0] + asks[0][0]) / 2,
                bids=bids,
                asks=asks,
                book_as_of=int(book.get("timestamp") or await x.fetch_time()),
                contract=contract_of(x.market(symbol)),
                tiers=paper.tiers,
                next_funding_time=funding.get("fundingTimestamp") or funding.get("nextFundingTimestamp"),
                leverage=paper.leverage,
                margin_mode=paper.margin_mode,
            )
        except Transient:
            raise
        except Exception as error:
            raise _unread(f"quote of {symbol}", error) from error

    async def fees(self, symbol: str) -> TradingFees:
        """The paper account's tier."""
        return await self._account.fees(symbol)

    async def balance(self) -> Balance:
        """The paper account's."""
        return await self._account.balance()

    async def positions(self, symbols: list[str]) -> list[Position]:
        """The paper account's."""
        return await self._account.positions(symbols)

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        """The paper account's."""
        return await self._account.position_mode()

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None:
        """Of the paper account."""
        await self._account.set_position_mode(mode)

    async def settings(self, symbol: str) -> SymbolSettings:
        """The paper account's."""
        return await self._account.settings(symbol)

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Of the paper account."""
        await self._account.set_leverage(symbol, leverage)

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None:
        """Of the paper account."""
        await self._account.set_margin_mode(symbol, mode)

    async def place(self, order: OrderRequest) -> OrderReport:
        """Always refused."""
        raise Rejected(f"{self._name} is only read here: no order is sent")

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Always refused."""
        raise Rejected(f"{self._name} is only read here: no order is sent")

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        """Nothing was ever sent."""
        return None

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """Nothing rests."""

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        """None."""
        return []

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]:
        """None."""
        return []

    async def forced(self, symbol: str, since: int) -> list[Forced]:
        """Read; nothing where the venue keeps no such list."""
        return await forced_on(self._account, symbol, since)

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]:
        """None."""
        return []

    async def close(self) -> None:
        """Its owner closes the client."""


def contract_of(market: dict[str, Any]) -> Contract:
    """Steps and minima of a ccxt market (tick-size precision), base units. Raises KeyError, TypeError when missing."""
    size = _exact(market.get("contractSize") or 1)
    amount, limits = market["precision"]["amount"], market["limits"]
    step = _exact(amount) * size
    least = limits["amount"].get("min")
    most, market_most = limits["amount"].get("max"), (limits.get("market") or {}).get("max")
    minimum = step if least is None else max(step, _exact(least) * size)
    return Contract(
        price_tick=_exact(market["precision"]["price"]),
        quantity_step=step,
        min_quantity=minimum,
        max_quantity=_MOST if most is None else _exact(most) * size,
        market_quantity_step=step,
        market_min_quantity=minimum,
        market_max_quantity=_MOST if market_most is None else _exact(market_most) * size,
        min_notional=_exact((limits.get("cost") or {}).get("min") or 0),
    )


def _levels(rows: list[Any], contract_size: Decimal) -> tuple[Level, ...]:
    return tuple((_exact(row[0]), _exact(row[1]) * contract_size) for row in rows if row[1] > 0)


def _exact(value: Any) -> Decimal:
    return Decimal(repr(value) if isinstance(value, float) else str(value))


def _unread(what: str, error: Exception) -> Transient:
    return Transient(f"{what} cannot be read: {type(error).__name__}: {without_query(str(error))[:200]}")
