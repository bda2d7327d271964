"""The `Venue` port on OKX V5, USDT swaps in long/short mode with isolated margin. Unverified against the venue.

An answer to an order is only "received", so that every order is looked up by its client id. The venue accepts requests
for 30 s after they were signed: only then is "does not exist" final. The requests and parsers are in `okx`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Literal, TypeVar

from orchestrator.execution import ccxt_errors as errors
from orchestrator.execution import okx as dialect
from orchestrator.execution.ccxt_account import UNREADABLE, CcxtAccount, listed, sent
from orchestrator.execution.cursor_pages import Page, Raw, all_pages
from orchestrator.execution.exact import levels, number, positive
from orchestrator.execution.obstacles import Problem, Traits
from orchestrator.execution.okx import only_row
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
from traders.contract.quote import LegQuote
from traders.contract.verdict import ExecutionPlan

R = TypeVar("R")
Ask = Callable[[dict[str, Any]], Awaitable[Any]]
_SWAP, _BOOK_LEVELS, _LIMIT = {"instType": "SWAP"}, 400, 100
_RECENT_MS = 3 * 86_400_000 - 3_600_000
#: Kinds of waiting orders: ours are the first two, the others are looked at to find foreign ones.
_ALGOS = ("conditional", "oco", "trigger", "move_order_stop")


class OkxVenue(CcxtAccount):
    """One account in futures mode."""

    SPEAKS = "okx"

    def __init__(self, exchange: Any, name: str) -> None:
        super().__init__(exchange, name)
        self._tier_rows: dict[str, list[Raw]] = {}

    @property
    def traits(self) -> Traits:
        """One order that closes all of a position; requests live for 30 s."""
        return Traits(paired_bracket=True, absent_after_s=31, only_receives=True)

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """Rights of the key, account mode, and legs that a stop could not close whole."""
        return await self._config(lambda config: dialect.obstacles(config, self._info(plan.symbol), plan))

    async def server_time(self) -> int:
        """UTC ms on the exchange's clock. Raises Transient."""
        return await self._read(
            "time", lambda: self._exchange.publicGetPublicTime(), lambda raw: int(only_row(raw)["ts"])
        )

    async def leg_quote(self, symbol: str) -> LegQuote:
        """Book, mark, last, contract, tiers, settings, read at once. Raises Transient, Rejected."""
        x, inst, info = self._exchange, {"instId": self._id(symbol)}, self._info(symbol)
        index = {"instId": info.get("uly") or info["instFamily"]}
        (book, mark, ticker, index_row, funding), rows, settings = await asyncio.gather(
            asyncio.gather(
                self._one("book", x.publicGetMarketBooks, {**inst, "sz": _BOOK_LEVELS}),
                self._one("mark price", x.publicGetPublicMarkPrice, {**_SWAP, **inst}),
                self._one("ticker", x.publicGetMarketTicker, inst),
                self._one("index", x.publicGetMarketIndexTickers, index),
                self._one("funding", x.publicGetPublicFundingRate, inst),
            ),
            self._margin_tiers(symbol),
            self.settings(symbol),
        )
        try:
            size, price = dialect.contract_size(info), number(mark["markPx"])
            bids, asks = levels(book["bids"], size), levels(book["asks"], size)
            return LegQuote(
                venue=self._name,
                symbol=symbol,
                mark=price,
                last=number(ticker["last"]),
                index=number(index_row["idxPx"]),
                mid=(bids[0][0] + asks[0][0]) / 2,
                bids=bids,
                asks=asks,
                book_as_of=int(book["ts"]),
                contract=dialect.contract(info),
                tiers=dialect.tiers(rows, size, price),
                next_funding_time=int(positive(funding.get("fundingTime")) or 0) or None,
                leverage=settings.leverage if settings.short_leverage is None else None,
                margin_mode=settings.margin_mode,
            )
        except UNREADABLE as error:
            raise Transient(errors.malformed(f"quote of {symbol}", error)) from error

    async def fees(self, symbol: str) -> TradingFees:
        """Fractions of notional at this account's tier; the venue writes what is paid as negative."""
        query = {**_SWAP, "instFamily": self._info(symbol)["instFamily"]}
        row = await self._one("fees", self._exchange.privateGetAccountTradeFee, query)
        try:
            maker, taker = row.get("makerU") or row["maker"], row.get("takerU") or row["taker"]
            return TradingFees(maker=-number(maker), taker=-number(taker))
        except UNREADABLE as error:
            raise Transient(errors.malformed("fees", row)) from error

    async def balance(self) -> Balance:
        """USDT of the account."""
        ask = self._exchange.privateGetAccountBalance
        return await self._read("balance", lambda: ask({"ccy": "USDT"}), dialect.balance)

    async def positions(self, symbols: list[str]) -> list[Position]:
        """Legs that hold something, of these symbols. Raises Transient, Rejected; never an empty guess."""
        ids = {self._id(symbol): symbol for symbol in symbols}
        query = {**_SWAP, "instId": ",".join(ids)}

        def parse(raw: Any) -> list[Position]:
            rows = [(row, ids[row["instId"]]) for row in listed(raw["data"]) if row["instId"] in ids]
            found = [dialect.position(row, symbol, self._size(symbol)) for row, symbol in rows]
            return [item for item in found if item is not None]

        return await self._read("positions", lambda: self._exchange.privateGetAccountPositions(query), parse)

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        """Of the whole account."""
        return await self._config(dialect.position_mode)

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None:
        """Of the whole account; read `position_mode` afterwards."""
        request = {"posMode": "long_short_mode" if mode == "hedge" else "net_mode"}
        await self._change("position mode", lambda: self._exchange.privatePostAccountSetPositionMode(request))

    async def settings(self, symbol: str) -> SymbolSettings:
        """Leverage of both legs with isolated margin."""
        query = {"instId": self._id(symbol), "mgnMode": "isolated"}
        return await self._read(
            "symbol settings",
            lambda: self._exchange.privateGetAccountLeverageInfo(query),
            lambda raw: dialect.symbol_settings(listed(raw["data"]), symbol),
        )

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Of both legs, one after the other; read `settings` afterwards."""
        request = {"instId": self._id(symbol), "lever": str(leverage), "mgnMode": "isolated"}
        ask = self._exchange.privatePostAccountSetLeverage
        for leg in ("long", "short"):
            # mypy infers no default
            await self._change("leverage", lambda leg=leg: ask({**request, "posSide": leg}))  # type: ignore[misc]

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None:
        """Nothing to set: each order says isolated. Raises Rejected for cross."""
        if mode != "isolated":
            raise Rejected("orders on okx are sent with isolated margin only")

    async def place(self, order: OrderRequest) -> OrderReport:
        """Send once; the report says "new" until it is looked up. Raises Rejected, Duplicate, OutcomeUnknown."""
        self._must_agree(order)
        contracts = order.quantity / self._size(order.symbol)
        self._must_fit("quantity", contracts, self._exchange.amount_to_precision, order.symbol)
        if order.price is not None:
            self._must_fit("price", order.price, self._exchange.price_to_precision, order.symbol)
        request = dialect.order_request(order, self._id(order.symbol), contracts)
        return await self._create(self._exchange.privatePostTradeOrder, request, order)

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Send once. Raises Rejected, Duplicate, OutcomeUnknown."""
        for price in (order.trigger_price, order.take_profit_price):
            if price is not None:
                self._must_fit("trigger price", price, self._exchange.price_to_precision, order.symbol)
        request = dialect.conditional_request(order, self._id(order.symbol))
        return await self._create(self._exchange.privatePostTradeOrderAlgo, request, order)

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        """The order; None only when the venue says that it does not exist. Raises Transient, Rejected."""
        x, size, query = self._exchange, self._size(symbol), {"instId": self._id(symbol), "clOrdId": client_order_id}
        try:
            if conditional:
                row = await self._one("order", x.privateGetTradeOrderAlgo, {"algoClOrdId": client_order_id})
                return dialect.conditional_report(row, symbol)
            return dialect.order_report(await self._one("order", x.privateGetTradeOrder, query), symbol, size)
        except UNREADABLE as error:
            raise Transient(errors.malformed("order", error)) from error
        except Rejected as error:
            if error.code in errors.ABSENT_CODES:
                return None
            raise

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """An order already gone is no error. Raises Rejected, OutcomeUnknown (read the open orders)."""
        x, inst = self._exchange, {"instId": self._id(symbol)}
        try:
            if conditional:
                request = [{**inst, "algoClOrdId": client_order_id}]
                raw = await self._send(lambda: x.privatePostTradeCancelAlgos(request))
            else:
                raw = await self._send(lambda: x.privatePostTradeCancelOrder({**inst, "clOrdId": client_order_id}))
        except Rejected as error:
            if error.code not in errors.GONE_CODES:
                raise
            return
        try:
            code = str(only_row(raw)["sCode"])
        except UNREADABLE as error:
            raise OutcomeUnknown(errors.malformed("cancellation", raw)) from error
        if code != "0" and code not in errors.GONE_CODES:
            raise Rejected(f"the cancellation of {client_order_id} was refused", code)

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        """What rests on a symbol, of any program."""
        x, query, size = self._exchange, {**_SWAP, "instId": self._id(symbol)}, self._size(symbol)
        if conditional:
            asks = [(x.privateGetTradeOrdersAlgoPending, {**query, "ordType": kind}, "algoId") for kind in _ALGOS]
        else:
            asks = [(x.privateGetTradeOrdersPending, query, "ordId")]
        pages = await asyncio.gather(*(self._pages("open orders", *each) for each in asks))
        try:
            rows = [row for page in pages for row in page]
            if conditional:
                return [dialect.conditional_report(row, symbol) for row in rows]
            return [dialect.order_report(row, symbol, size) for row in rows]
        except UNREADABLE as error:
            raise Transient(errors.malformed("open orders", error)) from error

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]:
        """Trades at or after `since` (default: the last week, at most three months), oldest first."""
        x, size = self._exchange, self._size(symbol)
        query = {**_SWAP, "instId": self._id(symbol)}
        recent, old = (x.privateGetTradeFills, _RECENT_MS), x.privateGetTradeFillsHistory
        rows = await self._history("trades", recent, old, query, since)
        try:
            return sorted((dialect.fill(row, symbol, size) for row in rows), key=lambda item: item.time)
        except UNREADABLE as error:
            raise Transient(errors.malformed("trades", error)) from error

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]:
        """Income rows at or after `since` (default: the last week, at most three months), oldest first."""
        x, names = self._exchange, {market["id"]: unified for unified, market in self._exchange.markets.items()}
        recent, old = (x.privateGetAccountBills, WEEK_MS - 3_600_000), x.privateGetAccountBillsArchive
        query = {"ccy": "USDT", **({**_SWAP, "instId": self._id(symbol)} if symbol else {})}
        rows = await self._history("income", recent, old, query, since)
        try:
            found = [item for row in rows for item in dialect.incomes(row, names)]
        except UNREADABLE as error:
            raise Transient(errors.malformed("income", error)) from error
        return sorted((item for item in found if symbol in (None, item.symbol)), key=lambda item: item.time)

    def _info(self, symbol: str) -> Raw:
        self._id(symbol)
        info: Raw = self._exchange.markets[symbol]["info"]
        return info

    def _size(self, symbol: str) -> Decimal:
        return dialect.contract_size(self._info(symbol))

    async def _one(self, what: str, ask: Ask, query: dict[str, Any]) -> Raw:
        return await self._read(what, lambda: ask(query), only_row)

    async def _config(self, parse: Callable[[Raw], R]) -> R:
        ask = self._exchange.privateGetAccountConfig
        return await self._read("account configuration", lambda: ask(), lambda raw: parse(only_row(raw)))

    async def _create(self, ask: Ask, request: dict[str, Any], order: OrderRequest | ConditionalRequest) -> OrderReport:
        raw = await self._send(lambda: ask({**request, "maxRetriesOnFailure": 0}))
        return sent(raw, lambda answer, _: dialect.accepted(answer, order), order.symbol, order.client_order_id)

    async def _margin_tiers(self, symbol: str) -> list[Raw]:
        if symbol not in self._tier_rows:
            query = {**_SWAP, "tdMode": "isolated", "instFamily": self._info(symbol)["instFamily"]}
            self._tier_rows[symbol] = await self._read(
                "margin tiers",
                lambda: self._exchange.publicGetPublicPositionTiers(query),
                lambda raw: listed(raw["data"]),
            )
        return self._tier_rows[symbol]

    async def _pages(self, what: str, ask: Ask, query: dict[str, Any], key: str) -> list[Raw]:
        async def page(cursor: str | None) -> Page:
            more = {"limit": _LIMIT, **({"after": cursor} if cursor else {})}
            rows = await self._read(what, lambda: ask({**query, **more}), lambda raw: listed(raw["data"]))
            return rows, str(rows[-1][key]) if len(rows) >= _LIMIT else None

        return await all_pages(page)

    async def _history(
        self, what: str, recent: tuple[Ask, int], old: Ask, query: dict[str, Any], since: int | None
    ) -> list[Raw]:
        until = await self.server_time()
        start = until - WEEK_MS + 1 if since is None else since
        ask = recent[0] if until - start <= recent[1] else old
        # both ends are excluded
        return await self._pages(what, ask, {**query, "begin": start - 1, "end": until + 1}, "billId")
