"""The `Venue` port on Binance USD-M and on the paper exchange: paper and live go the same way.

Orders carry our own client id and a short receive window. The requests and parsers are in `binance_usdm`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from orchestrator.execution import binance_usdm as dialect
from orchestrator.execution import ccxt_errors as errors
from orchestrator.execution.ccxt_account import RECV_WINDOW_MS, UNREADABLE, CcxtAccount, listed, sent
from orchestrator.execution.exact import levels, number
from orchestrator.execution.forced import Forced
from orchestrator.execution.obstacles import Problem, Traits
from orchestrator.execution.paging import WEEK_MS, pages
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
)
from traders.contract.quote import LegQuote, MarginTier
from traders.contract.verdict import ExecutionPlan

_BOOK_LEVELS = 1000


class CcxtVenue(CcxtAccount):
    """One account on Binance USD-M, or on the paper exchange, which speaks the same."""

    SPEAKS = "binanceusdm"

    def __init__(self, exchange: Any, name: str) -> None:
        super().__init__(exchange, name)
        self._tiers: dict[str, tuple[MarginTier, ...]] = {}

    @property
    def traits(self) -> Traits:
        """As Binance has it."""
        return Traits()

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """Trading halted, or soon over; rights of the key. A paper account has no rights to look at."""
        halted = dialect.halted(self._exchange.market(plan.symbol)["info"], plan.expires_at)
        if self._name == "paper":
            return halted
        ask = self._exchange.sapiGetAccountApiRestrictions
        return (*halted, *await self._read("key", lambda: ask(), dialect.key_rights))

    async def server_time(self) -> int:
        """UTC ms on the exchange's clock. Raises Transient."""
        return await self._read("time", lambda: self._exchange.fapiPublicGetTime(), lambda raw: int(raw["serverTime"]))

    async def leg_quote(self, symbol: str) -> LegQuote:
        """Book, mark, last, contract, tiers, settings, read at once. Raises Transient, Rejected."""
        x, query = self._exchange, {"symbol": self._id(symbol)}
        book, premium, ticker, tiers, settings = await asyncio.gather(
            self._read("book", lambda: x.fapiPublicGetDepth({**query, "limit": _BOOK_LEVELS}), _book),
            self._read("mark price", lambda: x.fapiPublicGetPremiumIndex(query), dict),
            self._read("ticker", lambda: x.fapiPublicGetTicker24hr(query), lambda raw: number(raw["lastPrice"])),
            self._margin_tiers(symbol),
            self.settings(symbol),
        )
        bids, asks, as_of = book
        try:
            return LegQuote(
                venue=self._name,
                symbol=symbol,
                mark=number(premium["markPrice"]),
                last=ticker,
                index=number(premium["indexPrice"]),
                mid=(bids[0][0] + asks[0][0]) / 2,
                bids=bids,
                asks=asks,
                book_as_of=as_of or int(premium["time"]),
                contract=dialect.contract(x.market(symbol)["info"]),
                tiers=tiers,
                next_funding_time=int(premium["nextFundingTime"]) or None,
                leverage=settings.leverage,
                margin_mode=settings.margin_mode,
            )
        except UNREADABLE as error:
            raise Transient(errors.malformed(f"quote of {symbol}", error)) from error

    async def fees(self, symbol: str) -> TradingFees:
        """Fractions of notional at this account's tier."""
        return await self._read(
            "fees",
            lambda: self._exchange.fapiPrivateGetCommissionRate({"symbol": self._id(symbol)}),
            lambda raw: TradingFees(maker=number(raw["makerCommissionRate"]), taker=number(raw["takerCommissionRate"])),
        )

    async def balance(self) -> Balance:
        """USDT of the account."""
        return await self._read("balance", lambda: self._exchange.fapiPrivateV3GetAccount(), dialect.balance)

    async def positions(self, symbols: list[str]) -> list[Position]:
        """Legs that hold something, of these symbols. Raises Transient, Rejected; never an empty guess."""
        ids = {self._id(symbol): symbol for symbol in symbols}
        query = {"symbol": next(iter(ids))} if len(ids) == 1 else {}

        def parse(raw: Any) -> list[Position]:
            rows = [row for row in listed(raw) if row["symbol"] in ids]
            found = [dialect.position(row, ids[row["symbol"]]) for row in rows]
            return [item for item in found if item is not None]

        return await self._read("positions", lambda: self._exchange.fapiPrivateV3GetPositionRisk(query), parse)

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        """Of the whole account."""

        def parse(raw: Mapping[str, Any]) -> Literal["hedge", "one_way"]:
            value = raw["dualSidePosition"]
            if value in (True, "true", "TRUE"):
                return "hedge"
            if value in (False, "false", "FALSE"):
                return "one_way"
            raise ValueError(f"dualSidePosition is {value!r}")

        return await self._read("position mode", lambda: self._exchange.fapiPrivateGetPositionSideDual(), parse)

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None:
        """Read `position_mode` afterwards; "nothing to change" is success."""
        request = {"dualSidePosition": "true" if mode == "hedge" else "false"}
        await self._change("position mode", lambda: self._exchange.fapiPrivatePostPositionSideDual(_once(request)))

    async def settings(self, symbol: str) -> SymbolSettings:
        """Leverage and margin mode of a symbol."""
        market_id = self._id(symbol)
        return await self._read(
            "symbol settings",
            lambda: self._exchange.fapiPrivateGetSymbolConfig({"symbol": market_id}),
            lambda raw: dialect.symbol_settings(listed(raw), market_id, symbol),
        )

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Read `settings` afterwards."""
        request = {"symbol": self._id(symbol), "leverage": leverage}
        await self._change("leverage", lambda: self._exchange.fapiPrivatePostLeverage(_once(request)))

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None:
        """Read `settings` afterwards; "nothing to change" is success."""
        request = {"symbol": self._id(symbol), "marginType": "ISOLATED" if mode == "isolated" else "CROSSED"}
        await self._change("margin mode", lambda: self._exchange.fapiPrivatePostMarginType(_once(request)))

    async def place(self, order: OrderRequest) -> OrderReport:
        """Send once. Raises Rejected, Duplicate, OutcomeUnknown."""
        self._must_agree(order)
        self._must_fit("quantity", order.quantity, self._exchange.amount_to_precision, order.symbol)
        if order.price is not None:
            self._must_fit("price", order.price, self._exchange.price_to_precision, order.symbol)
        request = dialect.order_request(order, self._id(order.symbol))
        raw = await self._send(lambda: self._exchange.fapiPrivatePostOrder(_once(request)))
        return sent(raw, dialect.order_report, order.symbol, order.client_order_id)

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Send once. Raises Rejected, Duplicate, OutcomeUnknown."""
        self._must_fit("trigger price", order.trigger_price, self._exchange.price_to_precision, order.symbol)
        request = dialect.conditional_request(order, self._id(order.symbol))
        raw = await self._send(lambda: self._exchange.fapiPrivatePostAlgoOrder(_once(request)))
        return sent(raw, dialect.conditional_report, order.symbol, order.client_order_id)

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        """The order; None only when the venue says that it does not exist. Raises Transient, Rejected."""
        x, market_id = self._exchange, self._id(symbol)
        try:
            if conditional:
                query = {"symbol": market_id, "clientAlgoId": client_order_id}
                return await self._read(
                    "order", lambda: x.fapiPrivateGetAlgoOrder(query), lambda r: dialect.conditional_report(r, symbol)
                )
            query = {"symbol": market_id, "origClientOrderId": client_order_id}
            return await self._read(
                "order", lambda: x.fapiPrivateGetOrder(query), lambda r: dialect.order_report(r, symbol)
            )
        except Rejected as error:
            if error.code in errors.ABSENT_CODES:
                return None
            raise

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """An order already gone is no error. Raises Rejected, OutcomeUnknown (read the open orders)."""
        x, market = self._exchange, {"symbol": self._id(symbol)}
        try:
            if conditional:
                request = _once({**market, "clientAlgoId": client_order_id})
                await self._send(lambda: x.fapiPrivateDeleteAlgoOrder(request))
            else:
                request = _once({**market, "origClientOrderId": client_order_id})
                await self._send(lambda: x.fapiPrivateDeleteOrder(request))
        except Rejected as error:
            if error.code not in errors.GONE_CODES:
                raise

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        """What rests on a symbol."""
        x, query = self._exchange, {"symbol": self._id(symbol)}
        if conditional:
            return await self._read(
                "open conditional orders",
                lambda: x.fapiPrivateGetOpenAlgoOrders(query),
                lambda raw: [dialect.conditional_report(row, symbol) for row in listed(raw)],
            )
        return await self._read(
            "open orders",
            lambda: x.fapiPrivateGetOpenOrders(query),
            lambda raw: [dialect.order_report(row, symbol) for row in listed(raw)],
        )

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]:
        """Trades at or after `since` (default: the last week), oldest first. Raises Transient, Rejected."""
        market_id, until = self._id(symbol), await self.server_time()

        async def ask(query: dict[str, Any]) -> list[Fill]:
            return await self._read(
                "trades",
                lambda: self._exchange.fapiPrivateGetUserTrades({"symbol": market_id, **query}),
                lambda raw: [dialect.fill(row, symbol) for row in listed(raw)],
            )

        return await pages(ask, lambda fill: fill.trade_id, until - WEEK_MS + 1 if since is None else since, until)

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]:
        """Income rows at or after `since` (default: the last week), oldest first. Raises Transient, Rejected."""
        until = await self.server_time()
        query = {} if symbol is None else {"symbol": self._id(symbol)}
        names = {market["id"]: unified for unified, market in self._exchange.markets.items()}

        async def ask(more: dict[str, Any]) -> list[Income]:
            return await self._read(
                "income",
                lambda: self._exchange.fapiPrivateGetIncome({**query, **more}),
                lambda raw: [dialect.income(row, names) for row in listed(raw)],
            )

        return await pages(
            ask, lambda row: (row.kind, row.income_id), until - WEEK_MS + 1 if since is None else since, until
        )

    async def forced(self, symbol: str, since: int) -> list[Forced]:
        """What the venue closed by itself at or after `since`, oldest first. Raises Transient, Rejected.

        The venue lists the last hundred of the last week at most: enough for pairs of two days.
        """
        query = {"symbol": self._id(symbol), "startTime": since, "limit": 100}
        rows = await self._read(
            "forced orders",
            lambda: self._exchange.fapiPrivateGetForceOrders(query),
            lambda raw: [dialect.forced(row, symbol) for row in listed(raw)],
        )
        return sorted(rows, key=lambda row: row.time)

    async def _margin_tiers(self, symbol: str) -> tuple[MarginTier, ...]:
        if symbol not in self._tiers:
            market_id = self._id(symbol)
            self._tiers[symbol] = await self._read(
                "margin tiers",
                lambda: self._exchange.fapiPrivateGetLeverageBracket({"symbol": market_id}),
                lambda raw: dialect.margin_tiers(listed(raw), market_id),
            )
        return self._tiers[symbol]


def _once(request: dict[str, Any]) -> dict[str, Any]:
    """Of whatever changes something: never resent by ccxt, and refused when it arrives late (ccxt's window is 10 s)."""
    return {**request, "recvWindow": RECV_WINDOW_MS, "maxRetriesOnFailure": 0}


def _book(raw: Mapping[str, Any]) -> tuple[Any, Any, int]:
    bids, asks = levels(raw["bids"]), levels(raw["asks"])
    if not bids or not asks:
        raise ValueError("an empty book")
    return bids, asks, int(raw.get("T") or raw.get("E") or 0)
