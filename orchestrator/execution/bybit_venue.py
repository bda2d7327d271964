"""The `Venue` port on Bybit V5, USDT perpetuals of a unified account in hedge mode.

An answer to an order is only "received", so that every order is looked up by its `orderLinkId`. Conditional orders are
ordinary ones that wait: one look-up and one cancellation serve both. The requests and parsers are in `bybit`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from orchestrator.execution import bybit as dialect
from orchestrator.execution import ccxt_errors as errors
from orchestrator.execution.bybit import CATEGORY
from orchestrator.execution.ccxt_account import RECV_WINDOW_MS, UNREADABLE, CcxtAccount, listed, sent
from orchestrator.execution.cursor_pages import Page, Raw, all_pages, windows
from orchestrator.execution.exact import levels, number, positive
from orchestrator.execution.forced import Forced
from orchestrator.execution.obstacles import Problem, Traits
from orchestrator.execution.paging import WEEK_MS
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

R = TypeVar("R")
Ask = Callable[[dict[str, Any]], Awaitable[Any]]
_BOOK_LEVELS = 500
_USDT = {**CATEGORY, "settleCoin": "USDT"}


class BybitVenue(CcxtAccount):
    """One unified account. Orders carry a receive window, so that a late one is refused."""

    SPEAKS = "bybit"

    def __init__(self, exchange: Any, name: str) -> None:
        super().__init__(exchange, name)
        exchange.options["recvWindow"] = RECV_WINDOW_MS
        self._tiers: dict[str, tuple[MarginTier, ...]] = {}

    @property
    def traits(self) -> Traits:
        """Four orders a bracket, a short receive window."""
        return Traits(only_receives=True)

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """Permissions of the key, kind of account, and legs that a stop could not close whole."""
        self._id(plan.symbol)
        key, account = await asyncio.gather(
            self._read("key", lambda: self._exchange.privateGetV5UserQueryApi(), lambda raw: dict(raw["result"])),
            self._account(),
        )
        try:
            contract = dialect.contract(self._exchange.market(plan.symbol)["info"])
            return dialect.obstacles(key, account, contract, plan)
        except UNREADABLE as error:
            raise Transient(errors.malformed("key or account", error)) from error

    async def server_time(self) -> int:
        """UTC ms on the exchange's clock. Raises Transient."""
        return await self._read("time", lambda: self._exchange.publicGetV5MarketTime(), lambda raw: int(raw["time"]))

    async def leg_quote(self, symbol: str) -> LegQuote:
        """Book, mark, last, contract, tiers, settings, read at once. Raises Transient, Rejected."""
        x, query = self._exchange, self._query(symbol)
        book, ticker, tiers, settings = await asyncio.gather(
            self._read(
                "book", lambda: x.publicGetV5MarketOrderbook({**query, "limit": _BOOK_LEVELS}), lambda r: r["result"]
            ),
            self._read("ticker", lambda: x.publicGetV5MarketTickers(query), lambda raw: raw["result"]["list"][0]),
            self._margin_tiers(symbol),
            self.settings(symbol),
        )
        try:
            bids, asks = levels(book["b"]), levels(book["a"])
            return LegQuote(
                venue=self._name,
                symbol=symbol,
                mark=number(ticker["markPrice"]),
                last=number(ticker["lastPrice"]),
                index=number(ticker["indexPrice"]),
                mid=(bids[0][0] + asks[0][0]) / 2,
                bids=bids,
                asks=asks,
                book_as_of=int(book["ts"]),
                contract=dialect.contract(x.market(symbol)["info"]),
                tiers=tiers,
                next_funding_time=int(positive(ticker.get("nextFundingTime")) or 0) or None,
                leverage=settings.leverage if settings.short_leverage is None else None,
                margin_mode=settings.margin_mode,
            )
        except UNREADABLE as error:
            raise Transient(errors.malformed(f"quote of {symbol}", error)) from error

    async def fees(self, symbol: str) -> TradingFees:
        """Fractions of notional at this account's tier."""

        def parse(raw: Any) -> TradingFees:
            row = next(row for row in raw["result"]["list"] if row["symbol"] == self._id(symbol))
            return TradingFees(maker=number(row["makerFeeRate"]), taker=number(row["takerFeeRate"]))

        return await self._read("fees", lambda: self._exchange.privateGetV5AccountFeeRate(self._query(symbol)), parse)

    async def balance(self) -> Balance:
        """USDT of the account."""
        query = {"accountType": "UNIFIED", "coin": "USDT"}
        ask = self._exchange.privateGetV5AccountWalletBalance
        return await self._read("balance", lambda: ask(query), lambda raw: dialect.balance(raw["result"]))

    async def positions(self, symbols: list[str]) -> list[Position]:
        """Legs that hold something, of these symbols. Raises Transient, Rejected; never an empty guess."""
        rows = await asyncio.gather(*(self._position_rows(symbol) for symbol in symbols))
        try:
            found = [dialect.position(row, symbol) for symbol, of in zip(symbols, rows, strict=True) for row in of]
        except UNREADABLE as error:
            raise Transient(errors.malformed("positions", error)) from error
        return [item for item in found if item is not None]

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        """Of a symbol. Raises Rejected without one."""
        rows = await self._position_rows(self._named(symbol))
        try:
            return dialect.position_mode(rows)
        except UNREADABLE as error:
            raise Transient(errors.malformed("position mode", error)) from error

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None:
        """Of a symbol; read `position_mode` afterwards. "Nothing to change" is success. Raises Rejected."""
        request = {**self._query(self._named(symbol)), "mode": 3 if mode == "hedge" else 0}
        await self._change("position mode", lambda: self._exchange.privatePostV5PositionSwitchMode(request))

    async def settings(self, symbol: str) -> SymbolSettings:
        """Leverage of both legs; the margin mode is the whole account's."""
        rows, account = await asyncio.gather(self._position_rows(symbol), self._account())
        try:
            return dialect.symbol_settings(rows, account, symbol)
        except UNREADABLE as error:
            raise Transient(errors.malformed("symbol settings", error)) from error

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Of both legs; read `settings` afterwards."""
        request = {**self._query(symbol), "buyLeverage": str(leverage), "sellLeverage": str(leverage)}
        await self._change("leverage", lambda: self._exchange.privatePostV5PositionSetLeverage(request))

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None:
        """Of the whole account: refused while anything at all is held. Raises Rejected, OutcomeUnknown, Transient."""
        held = await self._read(
            "positions",
            lambda: self._exchange.privateGetV5PositionList({**_USDT, "limit": 200}),
            lambda raw: [row["symbol"] for row in raw["result"]["list"] if number(row["size"]) != 0],
        )
        if held:
            raise Rejected(f"bybit's margin mode is the whole account's, and {', '.join(sorted(held))} is held")
        request = {"setMarginMode": "ISOLATED_MARGIN" if mode == "isolated" else "REGULAR_MARGIN"}
        await self._change("margin mode", lambda: self._exchange.privatePostV5AccountSetMarginMode(request))

    async def place(self, order: OrderRequest) -> OrderReport:
        """Send once; the report says "new" until it is looked up. Raises Rejected, Duplicate, OutcomeUnknown."""
        self._must_agree(order)
        self._must_fit("quantity", order.quantity, self._exchange.amount_to_precision, order.symbol)
        if order.price is not None:
            self._must_fit("price", order.price, self._exchange.price_to_precision, order.symbol)
        return await self._create(dialect.order_request(order, self._id(order.symbol)), order)

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Send once. Raises Rejected, Duplicate, OutcomeUnknown."""
        self._must_fit("trigger price", order.trigger_price, self._exchange.price_to_precision, order.symbol)
        return await self._create(dialect.conditional_request(order, self._id(order.symbol)), order)

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        """The order; None only when neither the recent orders nor the history know it. Raises Transient, Rejected."""
        for ask in (self._exchange.privateGetV5OrderRealtime, self._exchange.privateGetV5OrderHistory):
            if (report := await self._found(ask, symbol, client_order_id)) is not None:
                return report
        return None

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """An order already gone is no error. Raises Rejected, OutcomeUnknown (read the open orders)."""
        request = {**self._query(symbol), "orderLinkId": client_order_id}
        try:
            await self._send(lambda: self._exchange.privatePostV5OrderCancel(request))
        except Rejected as error:
            if error.code not in errors.GONE_CODES:
                raise

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        """What rests on a symbol, of any program."""
        rows = await self._pages("open orders", self._exchange.privateGetV5OrderRealtime, self._query(symbol), 50)
        try:
            return [
                dialect.order_report(row, symbol) for row in rows if dialect.rests_until_triggered(row) is conditional
            ]
        except UNREADABLE as error:
            raise Transient(errors.malformed("open orders", error)) from error

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]:
        """Trades at or after `since` (default: the last week), oldest first. Raises Transient, Rejected."""
        return await self._executions(symbol, since, dialect.fill)

    async def forced(self, symbol: str, since: int) -> list[Forced]:
        """What the venue closed by itself at or after `since`, oldest first. Raises Transient, Rejected."""
        return await self._executions(symbol, since, dialect.forced)

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]:
        """Income rows at or after `since` (default: the last week), oldest first. Raises Transient, Rejected."""
        names = {market["id"]: unified for unified, market in self._exchange.markets.items()}
        query = {"accountType": "UNIFIED", "currency": "USDT", **(CATEGORY if symbol else {})}
        ask = self._exchange.privateGetV5AccountTransactionLog
        rows = await self._history("income", ask, query, since, 50)
        try:
            found = [item for row in rows for item in dialect.incomes(row, names)]
        except UNREADABLE as error:
            raise Transient(errors.malformed("income", error)) from error
        return sorted((item for item in found if symbol in (None, item.symbol)), key=lambda item: item.time)

    def _query(self, symbol: str) -> dict[str, Any]:
        return {**CATEGORY, "symbol": self._id(symbol)}

    def _named(self, symbol: str | None) -> str:
        if symbol is None:
            raise Rejected("bybit keeps a position mode for each symbol: name one")
        return symbol

    async def _create(self, request: dict[str, Any], order: OrderRequest | ConditionalRequest) -> OrderReport:
        raw = await self._send(lambda: self._exchange.privatePostV5OrderCreate({**request, "maxRetriesOnFailure": 0}))
        return sent(raw, lambda answer, _: dialect.accepted(answer, order), order.symbol, order.client_order_id)

    async def _found(self, ask: Ask, symbol: str, client_order_id: str) -> OrderReport | None:
        def parse(raw: Any) -> OrderReport | None:
            rows = [row for row in raw["result"]["list"] if row["orderLinkId"] == client_order_id]
            return dialect.order_report(rows[0], symbol) if rows else None

        query = {**self._query(symbol), "orderLinkId": client_order_id}
        return await self._read("order", lambda: ask(query), parse)

    async def _executions(self, symbol: str, since: int | None, parse: Callable[[Raw, str], R | None]) -> list[R]:
        rows = await self._history("trades", self._exchange.privateGetV5ExecutionList, self._query(symbol), since, 100)
        try:
            found = [parse(row, symbol) for row in sorted(rows, key=lambda row: int(row["execTime"]))]
        except UNREADABLE as error:
            raise Transient(errors.malformed("trades", error)) from error
        return [item for item in found if item is not None]

    async def _account(self) -> dict[str, Any]:
        return await self._read(
            "account", lambda: self._exchange.privateGetV5AccountInfo(), lambda raw: dict(raw["result"])
        )

    async def _position_rows(self, symbol: str) -> list[Raw]:
        """Rows of a symbol; the venue shows them without a position too, so that none at all is no answer."""
        query = self._query(symbol)

        def parse(raw: Any) -> list[Raw]:
            rows = [row for row in raw["result"]["list"] if row["symbol"] == query["symbol"]]
            if not rows:
                raise ValueError("no row of the symbol")
            return rows

        return await self._read("positions", lambda: self._exchange.privateGetV5PositionList(query), parse)

    async def _margin_tiers(self, symbol: str) -> tuple[MarginTier, ...]:
        if symbol not in self._tiers:
            rows = await self._pages(
                "margin tiers", self._exchange.publicGetV5MarketRiskLimit, self._query(symbol), None
            )
            try:
                self._tiers[symbol] = dialect.tiers([row for row in rows if row["symbol"] == self._id(symbol)])
            except UNREADABLE as error:
                raise Transient(errors.malformed("margin tiers", error)) from error
        return self._tiers[symbol]

    async def _pages(self, what: str, ask: Ask, query: dict[str, Any], limit: int | None) -> list[Raw]:
        async def page(cursor: str | None) -> Page:
            more = {**({"cursor": cursor} if cursor else {}), **({"limit": limit} if limit else {})}
            return await self._read(
                what,
                lambda: ask({**query, **more}),
                lambda raw: (listed(raw["result"]["list"]), raw["result"].get("nextPageCursor")),
            )

        return await all_pages(page)

    async def _history(self, what: str, ask: Ask, query: dict[str, Any], since: int | None, limit: int) -> list[Raw]:
        until = await self.server_time()
        found: list[Raw] = []
        for start, end in windows(until - WEEK_MS + 1 if since is None else since, until, WEEK_MS):
            found += await self._pages(what, ask, {**query, "startTime": start, "endTime": end}, limit)
        return found
