"""The `Venue` port on the paper exchange's own handlers, in this process: no socket, and no time but the given clock's.

It asks the very routes that the HTTP front serves, with the requests and the parsers of the live adapter in between,
so that a simulation and a run over HTTP differ in transport alone. Above both rooms: neither may know the other.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal, TypeVar

from orchestrator.clock import Clock
from orchestrator.execution import binance_usdm as dialect
from orchestrator.execution import ccxt_errors as errors
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
    VenueError,
)
from orchestrator.paper_exchange.contracts import CONTRACTS, exchange_info
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.errors import Refusal
from orchestrator.paper_exchange.market_routes import PUBLIC
from orchestrator.paper_exchange.trade_routes import SIGNED
from traders.contract.quote import LegQuote
from traders.contract.verdict import ExecutionPlan

T = TypeVar("T")
_NAMES = {name: f"{rules.base}/USDT:USDT" for name, rules in CONTRACTS.items()}
_IDS = {unified: name for name, unified in _NAMES.items()}
_DEPTH = 1000


class ExchangeError(Exception):
    """A refusal as the live adapter's client would raise it: the venue's answer as text, its HTTP status beside it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(json.dumps({"code": refusal.code, "msg": refusal.message}))
        self.http_status = refusal.status


class DirectVenue:
    """One account. Before each request the engine is brought to the clock's time, as the HTTP front does."""

    def __init__(self, engine: Engine, clock: Clock, name: str = "paper") -> None:
        self._engine, self._clock, self._name = engine, clock, name
        self._contracts = {row["symbol"]: dialect.contract(row) for row in exchange_info(engine.now)["symbols"]}

    @property
    def name(self) -> str:
        """As the user calls it."""
        return self._name

    @property
    def traits(self) -> Traits:
        """As Binance has it."""
        return Traits()

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """None of its own."""
        return ()

    async def server_time(self) -> int:
        """UTC ms on the exchange's clock."""
        return self._read("/fapi/v1/time", {}, lambda raw: int(raw["serverTime"]))

    async def leg_quote(self, symbol: str) -> LegQuote:
        """Book, mark, last, contract, tiers, settings. Raises Rejected."""
        query = {"symbol": _id(symbol)}
        book = self._read("/fapi/v1/depth", {**query, "limit": str(_DEPTH)}, lambda raw: raw)
        premium = self._read("/fapi/v1/premiumIndex", query, lambda raw: raw)
        bids, asks = levels(book["bids"]), levels(book["asks"])
        settings = await self.settings(symbol)
        return LegQuote(
            venue=self._name,
            symbol=symbol,
            mark=number(premium["markPrice"]),
            last=self._read("/fapi/v1/ticker/price", query, lambda raw: number(raw["price"])),
            index=number(premium["indexPrice"]),
            mid=(bids[0][0] + asks[0][0]) / 2,
            bids=bids,
            asks=asks,
            book_as_of=int(book["T"]),
            contract=self._contracts[query["symbol"]],
            tiers=self._read("/fapi/v1/leverageBracket", query, lambda raw: dialect.margin_tiers(raw, query["symbol"])),
            next_funding_time=int(premium["nextFundingTime"]) or None,
            leverage=settings.leverage,
            margin_mode=settings.margin_mode,
        )

    async def fees(self, symbol: str) -> TradingFees:
        """Fractions of notional."""
        return self._read(
            "/fapi/v1/commissionRate",
            {"symbol": _id(symbol)},
            lambda raw: TradingFees(maker=number(raw["makerCommissionRate"]), taker=number(raw["takerCommissionRate"])),
        )

    async def balance(self) -> Balance:
        """USDT of the account."""
        return self._read("/fapi/v3/account", {}, dialect.balance)

    async def positions(self, symbols: list[str]) -> list[Position]:
        """Legs that hold something, of these symbols."""
        ids = {_id(symbol): symbol for symbol in symbols}

        def parse(raw: Any) -> list[Position]:
            found = [dialect.position(row, ids[row["symbol"]]) for row in raw if row["symbol"] in ids]
            return [item for item in found if item is not None]

        return self._read("/fapi/v3/positionRisk", {}, parse)

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        """Of the whole account."""
        return self._read(
            "/fapi/v1/positionSide/dual", {}, lambda raw: "hedge" if raw["dualSidePosition"] is True else "one_way"
        )

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None:
        """ "Nothing to change" is success."""
        self._change("/fapi/v1/positionSide/dual", {"dualSidePosition": "true" if mode == "hedge" else "false"})

    async def settings(self, symbol: str) -> SymbolSettings:
        """Leverage and margin mode of a symbol."""
        market_id = _id(symbol)
        return self._read(
            "/fapi/v1/symbolConfig",
            {"symbol": market_id},
            lambda raw: dialect.symbol_settings(raw, market_id, symbol),
        )

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Raises Rejected."""
        self._change("/fapi/v1/leverage", {"symbol": _id(symbol), "leverage": str(leverage)})

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None:
        """ "Nothing to change" is success. Raises Rejected."""
        kind = "ISOLATED" if mode == "isolated" else "CROSSED"
        self._change("/fapi/v1/marginType", {"symbol": _id(symbol), "marginType": kind})

    async def place(self, order: OrderRequest) -> OrderReport:
        """Raises Rejected, Duplicate."""
        raw = self._write("POST", "/fapi/v1/order", dialect.order_request(order, _id(order.symbol)))
        return dialect.order_report(raw, order.symbol)

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Raises Rejected, Duplicate."""
        raw = self._write("POST", "/fapi/v1/algoOrder", dialect.conditional_request(order, _id(order.symbol)))
        return dialect.conditional_report(raw, order.symbol)

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        """The order; None when it does not exist."""
        path, query = _named(symbol, client_order_id, conditional)
        parse = dialect.conditional_report if conditional else dialect.order_report
        try:
            return self._read(path, query, lambda raw: parse(raw, symbol))
        except Rejected as error:
            if error.code in errors.ABSENT_CODES:
                return None
            raise

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """An order already gone is no error. Raises Rejected."""
        try:
            self._write("DELETE", *_named(symbol, client_order_id, conditional))
        except Rejected as error:
            if error.code not in errors.GONE_CODES:
                raise

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        """What rests on a symbol."""
        path = "/fapi/v1/openAlgoOrders" if conditional else "/fapi/v1/openOrders"
        parse = dialect.conditional_report if conditional else dialect.order_report
        return self._read(path, {"symbol": _id(symbol)}, lambda raw: [parse(row, symbol) for row in raw])

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]:
        """Trades at or after `since` (default: the last week), oldest first."""
        until = await self.server_time()

        async def ask(query: dict[str, Any]) -> list[Fill]:
            return self._read(
                "/fapi/v1/userTrades",
                {"symbol": _id(symbol), **_texts(query)},
                lambda raw: [dialect.fill(row, symbol) for row in raw],
            )

        return await pages(ask, lambda fill: fill.trade_id, until - WEEK_MS + 1 if since is None else since, until)

    async def forced(self, symbol: str, since: int) -> list[Forced]:
        """What the exchange closed by itself at or after `since`, oldest first."""
        query = {"symbol": _id(symbol), "startTime": str(since), "limit": "100"}
        return self._read("/fapi/v1/forceOrders", query, lambda raw: [dialect.forced(row, symbol) for row in raw])

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]:
        """Income rows at or after `since` (default: the last week), oldest first."""
        until = await self.server_time()
        query = {} if symbol is None else {"symbol": _id(symbol)}

        async def ask(more: dict[str, Any]) -> list[Income]:
            return self._read(
                "/fapi/v1/income",
                {**query, **_texts(more)},
                lambda raw: [
                    dialect.income(row, _NAMES) for row in raw if query.get("symbol") in (None, row["symbol"])
                ],
            )

        return await pages(
            ask, lambda row: (row.kind, row.income_id), until - WEEK_MS + 1 if since is None else since, until
        )

    async def close(self) -> None:
        """Nothing is held."""

    def _ask(self, method: str, path: str, parameters: Mapping[str, Any]) -> Any:
        self._engine.advance(self._clock.now_ms())
        handler = PUBLIC.get((method, path)) or SIGNED[method, path]
        try:
            # a copy: a row is a live object of the engine, and the answer is what it was now
            return json.loads(json.dumps(handler(self._engine, _texts(parameters))))
        except Refusal as refusal:
            raise ExchangeError(refusal) from refusal

    def _read(self, path: str, query: Mapping[str, Any], parse: Callable[[Any], T]) -> T:
        try:
            return parse(self._ask("GET", path, query))
        except ExchangeError as error:
            raise errors.of_read(error) from error

    def _write(self, method: str, path: str, parameters: Mapping[str, Any]) -> Any:
        try:
            return self._ask(method, path, parameters)
        except ExchangeError as error:
            raise errors.of_write(error) from error

    def _change(self, path: str, parameters: Mapping[str, Any]) -> None:
        try:
            self._write("POST", path, parameters)
        except VenueError as error:
            if error.code not in errors.NO_CHANGE_CODES:
                raise


def _id(symbol: str) -> str:
    if symbol not in _IDS:
        raise Rejected(f"the paper exchange has no market {symbol}")
    return _IDS[symbol]


def _named(symbol: str, client_order_id: str, conditional: bool) -> tuple[str, dict[str, str]]:
    if conditional:
        return "/fapi/v1/algoOrder", {"symbol": _id(symbol), "clientAlgoId": client_order_id}
    return "/fapi/v1/order", {"symbol": _id(symbol), "origClientOrderId": client_order_id}


def _texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else format(value, "f") if isinstance(value, Decimal) else str(value)
        for name, value in parameters.items()
    }
