"""The `Venue` port on Bitget V2, USDT futures in hedge mode with isolated margin. Unverified against the venue.

An answer to an order is only "received", so that every order is looked up by its client id. The venue accepts requests
for 30 s after they were signed: only then is "does not exist" final. The requests and parsers are in `bitget`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from orchestrator.execution import bitget as dialect
from orchestrator.execution import ccxt_errors as errors
from orchestrator.execution.bitget import COIN, PRODUCT
from orchestrator.execution.ccxt_account import UNREADABLE, CcxtAccount, listed, sent
from orchestrator.execution.cursor_pages import Page, Raw, all_pages, windows
from orchestrator.execution.exact import levels, number, positive
from orchestrator.execution.obstacles import Problem, Traits
from orchestrator.execution.paging import WEEK_MS
from orchestrator.execution.venue import (
    Balance,
    ConditionalRequest,
    Fill,
    Income,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
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
_LIMIT = 100
#: Kinds of waiting orders: ours are the first, the others are looked at to find foreign ones.
_OURS, _PLANS = "profit_loss", ("profit_loss", "normal_plan", "track_plan")


class BitgetVenue(CcxtAccount):
    """One classic futures account."""

    SPEAKS = "bitget"

    def __init__(self, exchange: Any, name: str) -> None:
        super().__init__(exchange, name)
        self._tiers: dict[str, tuple[MarginTier, ...]] = {}

    @property
    def traits(self) -> Traits:
        """Four orders a bracket; requests live for 30 s."""
        return Traits(absent_after_s=31, only_receives=True)

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """Kind of account, rights of the key."""
        ask = self._exchange.privateSpotGetV2SpotAccountInfo
        try:
            await self.settings(plan.symbol)
        except Rejected as error:
            if error.code not in dialect.UNIFIED_CODES:
                raise
            return (dialect.UNIFIED,)
        return await self._read("key", lambda: ask(), lambda raw: dialect.obstacles(raw["data"]))

    async def server_time(self) -> int:
        """UTC ms on the exchange's clock. Raises Transient."""
        ask = self._exchange.publicCommonGetV2PublicTime
        return await self._read("time", lambda: ask(), lambda raw: int(raw["data"]["serverTime"]))

    async def leg_quote(self, symbol: str) -> LegQuote:
        """Book, mark, last, contract, tiers, settings, read at once. Raises Transient, Rejected."""
        x, query = self._exchange, self._query(symbol)
        book, ticker, funding, tiers, settings = await asyncio.gather(
            self._read(
                "book", lambda: x.publicMixGetV2MixMarketMergeDepth({**query, "limit": "max"}), lambda r: r["data"]
            ),
            self._read("ticker", lambda: x.publicMixGetV2MixMarketTicker(query), lambda raw: raw["data"][0]),
            self._read("funding", lambda: x.publicMixGetV2MixMarketCurrentFundRate(query), lambda raw: raw["data"][0]),
            self._margin_tiers(symbol),
            self.settings(symbol),
        )
        try:
            bids, asks = levels(book["bids"]), levels(book["asks"])
            return LegQuote(
                venue=self._name,
                symbol=symbol,
                mark=number(ticker["markPrice"]),
                last=number(ticker["lastPr"]),
                index=number(ticker["indexPrice"]),
                mid=(bids[0][0] + asks[0][0]) / 2,
                bids=bids,
                asks=asks,
                book_as_of=int(book["ts"]),
                contract=dialect.contract(x.market(symbol)["info"]),
                tiers=tiers,
                next_funding_time=int(positive(funding.get("nextUpdate")) or 0) or None,
                leverage=settings.leverage if settings.short_leverage is None else None,
                margin_mode=settings.margin_mode,
            )
        except UNREADABLE as error:
            raise Transient(errors.malformed(f"quote of {symbol}", error)) from error

    async def fees(self, symbol: str) -> TradingFees:
        """Fractions of notional at this account's tier."""
        query = {"symbol": self._id(symbol), "businessType": "mix"}
        return await self._read(
            "fees",
            lambda: self._exchange.privateCommonGetV2CommonTradeRate(query),
            lambda raw: TradingFees(
                maker=number(raw["data"]["makerFeeRate"]), taker=number(raw["data"]["takerFeeRate"])
            ),
        )

    async def balance(self) -> Balance:
        """USDT of the account."""
        ask = self._exchange.privateMixGetV2MixAccountAccounts
        return await self._read("balance", lambda: ask(PRODUCT), lambda raw: dialect.balance(listed(raw["data"])))

    async def positions(self, symbols: list[str]) -> list[Position]:
        """Legs that hold something, of these symbols. Raises Transient, Rejected; never an empty guess."""
        found = await asyncio.gather(*(self._legs(symbol) for symbol in symbols))
        return [item for of in found for item in of]

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        """Of all USDT futures; the venue tells it with a symbol. Raises Rejected without one."""
        if symbol is None:
            raise Rejected("bitget tells the position mode with a symbol: name one")
        return await self._account(symbol, dialect.position_mode)

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None:
        """Of all USDT futures; read `position_mode` afterwards."""
        request = {**PRODUCT, "posMode": "hedge_mode" if mode == "hedge" else "one_way_mode"}
        await self._change("position mode", lambda: self._exchange.privateMixPostV2MixAccountSetPositionMode(request))

    async def settings(self, symbol: str) -> SymbolSettings:
        """Margin mode, and leverage of both legs."""
        return await self._account(symbol, lambda row: dialect.symbol_settings(row, symbol))

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Of both legs, one after the other; read `settings` afterwards."""
        ask, request = self._exchange.privateMixPostV2MixAccountSetLeverage, {**self._query(symbol), **COIN}
        for leg in ("long", "short"):
            change = {**request, "leverage": str(leverage), "holdSide": leg}
            # mypy infers no default
            await self._change("leverage", lambda change=change: ask(change))  # type: ignore[misc]

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None:
        """Read `settings` afterwards."""
        request = {**self._query(symbol), **COIN, "marginMode": "isolated" if mode == "isolated" else "crossed"}
        await self._change("margin mode", lambda: self._exchange.privateMixPostV2MixAccountSetMarginMode(request))

    async def place(self, order: OrderRequest) -> OrderReport:
        """Send once; the report says "new" until it is looked up. Raises Rejected, Duplicate, OutcomeUnknown."""
        self._must_agree(order)
        self._must_fit("quantity", order.quantity, self._exchange.amount_to_precision, order.symbol)
        if order.price is not None:
            self._must_fit("price", order.price, self._exchange.price_to_precision, order.symbol)
        request = dialect.order_request(order, self._id(order.symbol))
        return await self._create(self._exchange.privateMixPostV2MixOrderPlaceOrder, request, order)

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Send once. Raises Rejected, Duplicate, OutcomeUnknown."""
        self._must_fit("trigger price", order.trigger_price, self._exchange.price_to_precision, order.symbol)
        request = dialect.conditional_request(order, self._id(order.symbol))
        return await self._create(self._exchange.privateMixPostV2MixOrderPlaceTpslOrder, request, order)

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        """The order; None only when the venue says that it does not exist. Raises Transient, Rejected."""
        x, query = self._exchange, {**self._query(symbol), "clientOid": client_order_id}
        if conditional:
            waits, gone = x.privateMixGetV2MixOrderOrdersPlanPending, x.privateMixGetV2MixOrderOrdersPlanHistory
            for ask in (waits, gone):
                rows = await self._pages("order", ask, {**query, "planType": _OURS}, "entrustedList")
                for report in self._reports(rows, symbol, conditional=True):
                    if report.client_order_id == client_order_id:
                        return report
            return None
        try:
            return await self._read(
                "order",
                lambda: x.privateMixGetV2MixOrderDetail(query),
                lambda raw: dialect.order_report(raw["data"], symbol),
            )
        except Rejected as error:
            if error.code in errors.ABSENT_CODES:
                return None
            raise

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """An order already gone is no error. Raises Rejected, OutcomeUnknown (read the open orders)."""
        x, query = self._exchange, self._query(symbol)
        try:
            if not conditional:
                request = {**query, "clientOid": client_order_id}
                await self._send(lambda: x.privateMixPostV2MixOrderCancelOrder(request))
                return
            request = {**query, **COIN, "orderIdList": [{"clientOid": client_order_id}]}
            raw = await self._send(lambda: x.privateMixPostV2MixOrderCancelPlanOrder(request))
        except Rejected as error:
            if error.code not in errors.GONE_CODES:
                raise
            return
        try:
            refused = [str(row["errorCode"]) for row in raw["data"].get("failureList") or ()]
        except UNREADABLE as error:
            raise OutcomeUnknown(errors.malformed("cancellation", raw)) from error
        if refused and refused[0] not in errors.GONE_CODES:
            raise Rejected(f"the cancellation of {client_order_id} was refused", refused[0])

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        """What rests on a symbol, of any program."""
        x, query = self._exchange, self._query(symbol)
        if conditional:
            asks = [(x.privateMixGetV2MixOrderOrdersPlanPending, {**query, "planType": kind}) for kind in _PLANS]
        else:
            asks = [(x.privateMixGetV2MixOrderOrdersPending, query)]
        pages = await asyncio.gather(*(self._pages("open orders", *each, "entrustedList") for each in asks))
        return self._reports([row for page in pages for row in page], symbol, conditional=conditional)

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]:
        """Trades at or after `since` (default: the last week), oldest first. Raises Transient, Rejected."""
        ask = self._exchange.privateMixGetV2MixOrderFills
        rows = await self._history("trades", ask, self._query(symbol), since, "fillList")
        try:
            return sorted((dialect.fill(row, symbol) for row in rows), key=lambda item: item.time)
        except UNREADABLE as error:
            raise Transient(errors.malformed("trades", error)) from error

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]:
        """Income rows at or after `since` (default: the last week), oldest first. Raises Transient, Rejected."""
        names = {market["id"]: unified for unified, market in self._exchange.markets.items()}
        query = {**(self._query(symbol) if symbol else PRODUCT), "coin": "USDT"}
        rows = await self._history("income", self._exchange.privateMixGetV2MixAccountBill, query, since, "bills")
        try:
            found = [item for row in rows for item in dialect.incomes(row, names)]
        except UNREADABLE as error:
            raise Transient(errors.malformed("income", error)) from error
        return sorted((item for item in found if symbol in (None, item.symbol)), key=lambda item: item.time)

    def _query(self, symbol: str) -> dict[str, Any]:
        return {**PRODUCT, "symbol": self._id(symbol)}

    async def _account(self, symbol: str, parse: Callable[[Raw], R]) -> R:
        request = {**self._query(symbol), **COIN}
        ask = self._exchange.privateMixGetV2MixAccountAccount
        return await self._read("account", lambda: ask(request), lambda raw: parse(raw["data"]))

    async def _legs(self, symbol: str) -> list[Position]:
        request = {**self._query(symbol), **COIN}

        def parse(raw: Any) -> list[Position]:
            rows = [row for row in listed(raw["data"]) if row["symbol"] == request["symbol"]]
            found = [dialect.position(row, symbol) for row in rows]
            return [item for item in found if item is not None]

        ask = self._exchange.privateMixGetV2MixPositionSinglePosition
        return await self._read("positions", lambda: ask(request), parse)

    async def _create(self, ask: Ask, request: dict[str, Any], order: OrderRequest | ConditionalRequest) -> OrderReport:
        raw = await self._send(lambda: ask({**request, "maxRetriesOnFailure": 0}))
        return sent(raw, lambda answer, _: dialect.accepted(answer, order), order.symbol, order.client_order_id)

    async def _margin_tiers(self, symbol: str) -> tuple[MarginTier, ...]:
        if symbol not in self._tiers:
            query, ask = self._query(symbol), self._exchange.publicMixGetV2MixMarketQueryPositionLever
            self._tiers[symbol] = await self._read(
                "margin tiers", lambda: ask(query), lambda raw: dialect.tiers(listed(raw["data"]))
            )
        return self._tiers[symbol]

    def _reports(self, rows: list[Raw], symbol: str, *, conditional: bool) -> list[OrderReport]:
        parse = dialect.conditional_report if conditional else dialect.order_report
        try:
            return [parse(row, symbol) for row in rows]
        except UNREADABLE as error:
            raise Transient(errors.malformed("orders", error)) from error

    async def _pages(self, what: str, ask: Ask, query: dict[str, Any], key: str) -> list[Raw]:
        async def page(cursor: str | None) -> Page:
            more = {"limit": str(_LIMIT), **({"idLessThan": cursor} if cursor else {})}

            def parse(raw: Any) -> Page:
                rows = listed(raw["data"][key] or [])  # the venue writes null for none
                return rows, str(raw["data"]["endId"]) if len(rows) >= _LIMIT else None

            return await self._read(what, lambda: ask({**query, **more}), parse)

        return await all_pages(page)

    async def _history(self, what: str, ask: Ask, query: dict[str, Any], since: int | None, key: str) -> list[Raw]:
        until, found = await self.server_time(), list[Raw]()
        for start, end in windows(until - WEEK_MS + 1 if since is None else since, until, WEEK_MS):
            found += await self._pages(what, ask, {**query, "startTime": str(start), "endTime": str(end)}, key)
        return found
