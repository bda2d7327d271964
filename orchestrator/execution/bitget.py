"""Bitget V2 USDT futures: raw answers as the port's types, and its orders as requests. Pure; text stays exact.

In hedge mode `tradeSide` says open or close and `side` names the *position* (buy is the long leg, sell the short one):
the long leg is opened by buy/open and closed by buy/close. Stops are position orders (`pos_loss`, `pos_profit`): they
close the whole leg, one of each. Unverified against the venue: from its documentation and from what ccxt sends.

Raises KeyError, TypeError, ValueError or ArithmeticError for an answer that lacks what is needed.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from orchestrator.execution.codes import PreflightCode as P
from orchestrator.execution.exact import Bracket, margin_tiers, number, positive, text, whole
from orchestrator.execution.obstacles import Problem, key_problems
from orchestrator.execution.venue import (
    Balance,
    ConditionalRequest,
    Fill,
    Income,
    OrderReport,
    OrderRequest,
    OrderStatus,
    Position,
    SymbolSettings,
)
from traders.contract.decision import Side
from traders.contract.quote import Contract, MarginTier

Raw = Mapping[str, Any]
PRODUCT = {"productType": "USDT-FUTURES"}
COIN = {"marginCoin": "USDT"}
_MOST = Decimal(1_000_000_000)
_LEGS: dict[str, Side] = {"long": "long", "short": "short"}
_NAMED_BY: dict[Side, str] = {"long": "buy", "short": "sell"}
_STATUS: dict[str, OrderStatus] = {
    "live": "new",
    "new": "new",
    "partially_filled": "partially_filled",
    "filled": "filled",
    "canceled": "canceled",
    "cancelled": "canceled",
}
_PLAN_STATUS: dict[str, OrderStatus] = {
    "live": "new",
    "not_trigger": "new",
    "executing": "triggered",
    "executed": "triggered",
    "canceled": "canceled",
    "cancelled": "canceled",
    "fail_trigger": "rejected",
    "fail_execute": "rejected",
}
_MARGIN: dict[str, Literal["isolated", "cross"]] = {"isolated": "isolated", "crossed": "cross"}
#: The API of classic accounts on a unified one.
UNIFIED_CODES = frozenset({"40084", "40085"})
UNIFIED = Problem(
    P.ACCOUNT_KIND, "the bitget account is unified; orders are sent to classic ones", "trade on a classic (sub-)account"
)
#: The right of a key to send futures orders.
_TRADE_RIGHT = "coow"


def order_request(order: OrderRequest, market_id: str) -> dict[str, Any]:
    """POST /api/v2/mix/order/place-order."""
    request = {
        **PRODUCT,
        **COIN,
        "symbol": market_id,
        "marginMode": "isolated",
        "side": _NAMED_BY[order.position_side],
        "tradeSide": "close" if order.reduces else "open",
        "orderType": "market" if order.type == "market" else "limit",
        "size": text(order.quantity),
        "clientOid": order.client_order_id,
    }
    if order.type == "limit_ioc":
        if order.price is None:
            raise ValueError("a limit order needs a price")
        request |= {"price": text(order.price), "force": "ioc"}
    return request


def conditional_request(order: ConditionalRequest, market_id: str) -> dict[str, Any]:
    """POST /api/v2/mix/order/place-tpsl-order: closes the whole leg at the mark price, at market."""
    return {
        **PRODUCT,
        **COIN,
        "symbol": market_id,
        "planType": "pos_loss" if order.kind == "stop" else "pos_profit",
        "holdSide": order.position_side,
        "triggerPrice": text(order.trigger_price),
        "triggerType": "mark_price",
        "clientOid": order.client_order_id,
    }


def accepted(raw: Raw, order: OrderRequest | ConditionalRequest) -> OrderReport:
    """The answer to an order: it has the ids and nothing else, what became of the order is looked up."""
    row = raw["data"]
    return OrderReport(
        client_order_id=str(row["clientOid"]),
        exchange_order_id=str(row["orderId"]),
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        status="new",
        quantity=order.quantity if isinstance(order, OrderRequest) else Decimal(0),
        filled=Decimal(0),
        trigger_price=order.trigger_price if isinstance(order, ConditionalRequest) else None,
    )


def order_report(raw: Raw, symbol: str) -> OrderReport:
    """`data` of /api/v2/mix/order/detail, or a row of orders-pending."""
    leg, closes = _leg(raw), _closes(raw)
    return OrderReport(
        client_order_id=str(raw["clientOid"]),
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        side=_way(leg, closes=closes),
        position_side=leg,
        status=_STATUS[str(raw.get("state") or raw["status"])],
        quantity=number(raw["size"]),
        filled=number(raw.get("baseVolume") or 0),
        average=positive(raw.get("priceAvg")),
    )


def conditional_report(raw: Raw, symbol: str) -> OrderReport:
    """A row of orders-plan-pending or orders-plan-history; stops and take-profits of a position close."""
    leg = _leg(raw)
    closes = str(raw["planType"]) in ("pos_loss", "pos_profit", "loss_plan", "profit_plan") or _closes(raw)
    return OrderReport(
        client_order_id=str(raw["clientOid"]),
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        side=_way(leg, closes=closes),
        position_side=leg,
        status=_PLAN_STATUS[str(raw["planStatus"])],
        quantity=Decimal(0),
        filled=Decimal(0),
        trigger_price=positive(raw.get("triggerPrice")),
    )


def position(raw: Raw, symbol: str) -> Position | None:
    """A row of /api/v2/mix/position/single-position; None for a side that holds nothing."""
    size = number(raw["total"])
    if size == 0:
        return None
    return Position(
        symbol=symbol,
        side=_LEGS[raw["holdSide"]],
        quantity=size,
        entry_price=number(raw["openPriceAvg"]),
        mark_price=number(raw["markPrice"]),
        liquidation_price=positive(raw.get("liquidationPrice")),
        isolated_margin=positive(raw.get("marginSize")),
        leverage=whole(raw["leverage"]) if positive(raw.get("leverage")) else None,
        margin_mode=_MARGIN[raw["marginMode"]],
    )


def position_mode(account: Raw) -> Literal["hedge", "one_way"]:
    """/api/v2/mix/account/account."""
    modes: dict[str, Literal["hedge", "one_way"]] = {"hedge_mode": "hedge", "one_way_mode": "one_way"}
    return modes[account["posMode"]]


def symbol_settings(account: Raw, symbol: str) -> SymbolSettings:
    """/api/v2/mix/account/account: margin mode, and leverage of both legs with it."""
    mode = _MARGIN[account["marginMode"]]
    names = ("isolatedLongLever", "isolatedShortLever") if mode == "isolated" else ("crossedMarginLeverage",) * 2
    long, short = (whole(account[name]) for name in names)
    return SymbolSettings(
        symbol=symbol, leverage=long, margin_mode=mode, short_leverage=None if short == long else short
    )


def balance(rows: Sequence[Raw]) -> Balance:
    """/api/v2/mix/account/accounts: the USDT row; free is the lesser of what is free and what isolated may take."""
    row = next(row for row in rows if row["marginCoin"] == "USDT")
    equity, free = number(row["accountEquity"]), number(row["available"])
    isolated = number(row["isolatedMaxAvailable"]) if row.get("isolatedMaxAvailable") else free
    return Balance(wallet=equity - number(row.get("unrealizedPL") or 0), equity=equity, available=min(free, isolated))


def fill(raw: Raw, symbol: str) -> Fill:
    """A row of /api/v2/mix/order/fills; a fee paid is negative there. Raises ValueError for a fee in another coin."""
    fees = [part for part in raw["feeDetail"] if positive(part["totalFee"]) is not None]
    if foreign := [part["feeCoin"] for part in fees if part["feeCoin"] != "USDT"]:
        raise ValueError(f"trade {raw['tradeId']} paid its fee in {foreign[0]}")
    leg, closes = _leg(raw), _closes(raw)
    return Fill(
        trade_id=str(raw["tradeId"]),
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        side=_way(leg, closes=closes),
        position_side=leg,
        price=number(raw["price"]),
        quantity=number(raw["baseVolume"]),
        fee=-sum((number(part["totalFee"]) for part in fees), Decimal(0)),
        realized=number(raw.get("profit") or 0),
        time=int(raw["cTime"]),
    )


def incomes(raw: Raw, symbol_of: Mapping[str, str]) -> Iterator[Income]:
    """A row of /api/v2/mix/account/bill as rows of one kind each: result, fee, funding, or what the venue calls it."""
    kind, market_id = str(raw["businessType"]), str(raw.get("symbol") or "")
    name = kind
    if "settle_fee" in kind:
        name = "FUNDING_FEE"
    elif any(word in kind for word in ("open", "close", "burst")):
        name = "REALIZED_PNL"
    for part, amount in ((name, positive(raw["amount"])), ("COMMISSION", positive(raw.get("fee")))):
        if amount is not None:
            yield Income(
                income_id=str(raw["billId"]),
                kind=part,
                symbol=symbol_of.get(market_id, market_id),
                amount=amount,
                time=int(raw["cTime"]),
            )


def tiers(rows: Sequence[Raw]) -> tuple[MarginTier, ...]:
    """/api/v2/mix/market/query-position-lever, in USDT."""
    return margin_tiers(
        [Bracket(number(row["endUnit"]), int(number(row["leverage"])), number(row["keepMarginRate"])) for row in rows]
    )


def contract(info: Raw) -> Contract:
    """A row of /api/v2/mix/market/contracts (ccxt keeps it as `market["info"]`)."""
    step, least = number(info["sizeMultiplier"]), number(info["minTradeNum"])
    return Contract(
        price_tick=number(info["priceEndStep"]).scaleb(-int(info["pricePlace"])),
        quantity_step=step,
        min_quantity=least,
        max_quantity=positive(info.get("maxOrderQty")) or _MOST,
        market_quantity_step=step,
        market_min_quantity=least,
        market_max_quantity=positive(info.get("maxMarketOrderQty")) or _MOST,
        min_notional=number(info.get("minTradeUSDT") or 0),
    )


def obstacles(key: Raw) -> tuple[Problem, ...]:
    """From /api/v2/spot/account/info, the rights of the key; which one withdraws is not documented word for word."""
    rights = {str(right) for right in key["authorities"]}
    withdraws = any("withdraw" in right or right == "wwow" for right in rights)
    return key_problems(may_trade=_TRADE_RIGHT in rights, may_withdraw=withdraws, venue="bitget")


def _leg(raw: Raw) -> Side:
    """By `posSide` where there is one (one-way mode, never ours, says `net`), else by the side that names it."""
    named = _LEGS.get(str(raw.get("posSide") or ""))
    if named is None:
        named = next((leg for leg in _LEGS.values() if str(raw["tradeSide"]).endswith(leg)), None)
    sides: dict[str, Side] = {"buy": "long", "sell": "short"}
    return named or sides[raw["side"]]


def _closes(raw: Raw) -> bool:
    return "close" in str(raw.get("tradeSide") or "")


def _way(leg: Side, *, closes: bool) -> Literal["buy", "sell"]:
    return "buy" if (leg == "long") != closes else "sell"
