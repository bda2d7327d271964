"""Bybit V5 linear: raw answers as the port's types, and the port's orders as its requests. Pure; text stays exact.

Hedge mode is `positionIdx` (1 long, 2 short). A close names the index of the leg it closes, the opposite side, and
`reduceOnly`: it can only shrink that leg. Raises KeyError, TypeError, ValueError or ArithmeticError for an answer that
lacks what is needed; the caller turns that into "outcome unknown" or "try again", never into a guess.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from orchestrator.execution.codes import PreflightCode as P
from orchestrator.execution.exact import Bracket, margin_tiers, number, positive, text, whole
from orchestrator.execution.forced import Forced, Why
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
from traders.contract.verdict import ExecutionPlan

Raw = Mapping[str, Any]
CATEGORY = {"category": "linear"}
#: What `positionIdx` says in hedge mode; 0 is one-way mode.
INDEX: dict[Side, int] = {"long": 1, "short": 2}
_LEG: dict[int, Side] = {1: "long", 2: "short"}
_SIDES: dict[str, Literal["buy", "sell"]] = {"Buy": "buy", "Sell": "sell"}
_STATUS: dict[str, OrderStatus] = {
    "New": "new",
    "Untriggered": "new",
    "PartiallyFilled": "partially_filled",
    "Filled": "filled",
    "Cancelled": "canceled",
    "PartiallyFilledCanceled": "canceled",
    "Deactivated": "canceled",
    "Rejected": "rejected",
    "Triggered": "triggered",
}
#: Executions that the venue made by itself; the list has our trades, funding and settlements too.
_FORCED: dict[str, Why] = {"BustTrade": "liquidated", "AdlTrade": "auto_deleveraged"}


def order_request(order: OrderRequest, market_id: str) -> dict[str, Any]:
    """POST /v5/order/create."""
    request = {
        **CATEGORY,
        "symbol": market_id,
        "side": order.side.capitalize(),
        "positionIdx": INDEX[order.position_side],
        "orderType": "Market" if order.type == "market" else "Limit",
        "qty": text(order.quantity),
        "timeInForce": "IOC",
        "reduceOnly": order.reduces,
        "orderLinkId": order.client_order_id,
    }
    if order.type == "limit_ioc":
        if order.price is None:
            raise ValueError("a limit order needs a price")
        request["price"] = text(order.price)
    return request


def conditional_request(order: ConditionalRequest, market_id: str) -> dict[str, Any]:
    """POST /v5/order/create: quantity 0 with reduceOnly and closeOnTrigger closes the whole leg at the mark price.

    `triggerDirection` 1 waits for a rise, 2 for a fall: a long's stop falls, a short's rises, take-profits the other.
    """
    rises = (order.position_side == "short") == (order.kind == "stop")
    return {
        **CATEGORY,
        "symbol": market_id,
        "side": order.side.capitalize(),
        "positionIdx": INDEX[order.position_side],
        "orderType": "Market",
        "qty": "0",
        "triggerPrice": text(order.trigger_price),
        "triggerBy": "MarkPrice",
        "triggerDirection": 1 if rises else 2,
        "reduceOnly": True,
        "closeOnTrigger": True,
        "orderLinkId": order.client_order_id,
    }


def accepted(raw: Raw, order: OrderRequest | ConditionalRequest) -> OrderReport:
    """The answer to an order: it has the ids and nothing else, what became of the order is looked up."""
    result = raw["result"]
    return OrderReport(
        client_order_id=str(result["orderLinkId"]),
        exchange_order_id=str(result["orderId"]),
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        status="new",
        quantity=order.quantity if isinstance(order, OrderRequest) else Decimal(0),
        filled=Decimal(0),
        trigger_price=order.trigger_price if isinstance(order, ConditionalRequest) else None,
    )


def order_report(raw: Raw, symbol: str) -> OrderReport:
    """A row of /v5/order/realtime or /v5/order/history. A conditional order that is in the market has triggered."""
    trigger, status = positive(raw.get("triggerPrice")), _STATUS[str(raw["orderStatus"])]
    if trigger is not None and raw["orderStatus"] in ("New", "PartiallyFilled", "Filled"):
        status = "triggered"
    return OrderReport(
        client_order_id=str(raw["orderLinkId"]),
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        side=_SIDES[raw["side"]],
        position_side=_leg(raw, closes=bool(raw.get("reduceOnly"))),
        status=status,
        quantity=number(raw["qty"]),
        filled=number(raw["cumExecQty"]),
        average=positive(raw.get("avgPrice")),
        trigger_price=trigger,
    )


def rests_until_triggered(raw: Raw) -> bool:
    """Whether an open order is a conditional one."""
    return str(raw["orderStatus"]) == "Untriggered"


def position(raw: Raw, symbol: str) -> Position | None:
    """A row of /v5/position/list; None for a side that holds nothing. The margin mode is the account's."""
    size = number(raw["size"])
    if size == 0:
        return None
    return Position(
        symbol=symbol,
        side=_leg(raw, closes=False),
        quantity=size,
        entry_price=number(raw["avgPrice"]),
        mark_price=number(raw["markPrice"]),
        liquidation_price=positive(raw.get("liqPrice")),
        isolated_margin=positive(raw.get("positionBalance")) or positive(raw.get("positionIM")),
        leverage=whole(raw["leverage"]) if positive(raw.get("leverage")) else None,
        margin_mode=None,
    )


def position_mode(rows: Sequence[Raw]) -> Literal["hedge", "one_way"]:
    """Of the symbol whose rows these are: asked by symbol, the venue shows them even without a position."""
    found = {int(row["positionIdx"]) for row in rows}
    if found == {0}:
        return "one_way"
    if found and found <= set(_LEG):
        return "hedge"
    raise ValueError(f"position indices {sorted(found)} tell no mode")


def symbol_settings(rows: Sequence[Raw], account: Raw, symbol: str) -> SymbolSettings:
    """Leverage of both legs from the position rows, margin mode from /v5/account/info: it is the whole account's."""
    by_leg = {int(row["positionIdx"]): whole(row["leverage"]) for row in rows}
    modes: dict[str, Literal["isolated", "cross"]] = {
        "ISOLATED_MARGIN": "isolated",
        "REGULAR_MARGIN": "cross",
        "PORTFOLIO_MARGIN": "cross",
    }
    long = by_leg[1] if 1 in by_leg else by_leg[0]
    short = by_leg.get(2, long)
    return SymbolSettings(
        symbol=symbol,
        leverage=long,
        margin_mode=modes[str(account["marginMode"])],
        short_leverage=None if short == long else short,
    )


def balance(raw: Raw) -> Balance:
    """/v5/account/wallet-balance of USDT. Free is what no isolated position and no order has taken (never more)."""
    row = next(coin for account in raw["list"] for coin in account["coin"] if coin["coin"] == "USDT")
    wallet = number(row["walletBalance"])
    taken = [positive(row.get(name)) or Decimal(0) for name in ("totalPositionIM", "totalOrderIM", "locked", "bonus")]
    return Balance(wallet=wallet, equity=number(row["equity"]), available=max(Decimal(0), wallet - sum(taken)))


def fill(raw: Raw, symbol: str) -> Fill | None:
    """A row of /v5/execution/list, None for what is no trade.

    In hedge mode a buy that closes something closed the short. Raises ValueError for a fee in another coin, and for a
    close without its result.
    """
    if raw["execType"] not in ("Trade", *_FORCED):
        return None
    if raw.get("feeCurrency") not in (None, "", "USDT"):
        raise ValueError(f"execution {raw['execId']} paid its fee in {raw['feeCurrency']}")
    closes = positive(raw.get("closedSize")) is not None
    return Fill(
        trade_id=str(raw["execId"]),
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        side=_SIDES[raw["side"]],
        position_side="long" if (raw["side"] == "Buy") != closes else "short",
        price=number(raw["execPrice"]),
        quantity=number(raw["execQty"]),
        fee=number(raw["execFee"]),
        realized=number(raw["execPnl"]) if closes else Decimal(0),
        time=int(raw["execTime"]),
    )


def forced(raw: Raw, symbol: str) -> Forced | None:
    """A row of /v5/execution/list that the venue's own order made: a liquidation or auto-deleveraging; else None."""
    if raw["execType"] not in _FORCED:
        return None
    return Forced(
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        position_side="short" if raw["side"] == "Buy" else "long",
        why=_FORCED[raw["execType"]],
        quantity=number(raw["execQty"]),
        price=number(raw["execPrice"]),
        time=int(raw["execTime"]),
    )


def incomes(raw: Raw, symbol_of: Mapping[str, str]) -> Iterator[Income]:
    """A row of /v5/account/transaction-log as rows of one kind each, which add up to its `change` of the wallet.

    change = cashFlow + funding - fee; in this list (not in the executions) funding received is positive.
    """
    market_id = str(raw.get("symbol") or "")
    change, name = number(raw["change"]), f"{raw['id']}:{raw.get('tradeId') or ''}"
    parts = {
        "REALIZED_PNL": positive(raw.get("cashFlow")),
        "FUNDING_FEE": positive(raw.get("funding")),
        "COMMISSION": -number(raw.get("fee") or 0) or None,
    }
    if raw["type"] not in ("TRADE", "SETTLEMENT", "LIQUIDATION", "ADL"):
        parts = {str(raw["type"]): change}
    rest = change - sum((amount for amount in parts.values() if amount is not None), Decimal(0))
    for kind, amount in [*parts.items(), (f"{raw['type']}_OTHER", rest or None)]:
        if amount is not None:
            yield Income(
                income_id=name,
                kind=kind,
                symbol=symbol_of.get(market_id, market_id),
                amount=amount,
                time=int(raw["transactionTime"]),
            )


def tiers(rows: Sequence[Raw]) -> tuple[MarginTier, ...]:
    """/v5/market/risk-limit. Rates come as fractions or, in older answers, as per cent: the leverage tells which."""
    found: list[Bracket] = []
    for row in rows:
        leverage = number(row["maxLeverage"])
        scale = round(number(row["initialMargin"]) * leverage)
        if scale not in (1, 100):
            raise ValueError(f"initial margin {row['initialMargin']} does not go with leverage {leverage}")
        found.append(Bracket(number(row["riskLimitValue"]), int(leverage), number(row["maintenanceMargin"]) / scale))
    return margin_tiers(found)


def contract(info: Raw) -> Contract:
    """A row of /v5/market/instruments-info (ccxt keeps it as `market["info"]`)."""
    lot, step = info["lotSizeFilter"], number(info["lotSizeFilter"]["qtyStep"])
    least, most = number(lot["minOrderQty"]), number(lot["maxOrderQty"])
    return Contract(
        price_tick=number(info["priceFilter"]["tickSize"]),
        quantity_step=step,
        min_quantity=least,
        max_quantity=most,
        market_quantity_step=step,
        market_min_quantity=least,
        market_max_quantity=positive(lot.get("maxMktOrderQty")) or most,
        min_notional=number(lot.get("minNotionalValue") or 0),
    )


def obstacles(key: Raw, account: Raw, contract: Contract, plan: ExecutionPlan) -> tuple[Problem, ...]:
    """From /v5/user/query-api and /v5/account/info: rights, kind of account, legs that a stop could not close whole."""
    rights = key.get("permissions") or {}
    trades = {"Order", "Position"} <= set(rights.get("ContractTrade") or ()) and int(key["readOnly"]) == 0
    withdraws = "Withdraw" in (rights.get("Wallet") or ())
    found = [*key_problems(may_trade=trades, may_withdraw=withdraws, venue="bybit")]
    if int(account["unifiedMarginStatus"]) < 3:
        found.append(Problem(P.ACCOUNT_KIND, "the bybit account is not unified", "upgrade it to a unified account"))
    for leg in plan.legs:
        if leg.quantity > contract.market_max_quantity:
            why = f"{leg.side} leg: a stop on bybit closes at most {contract.market_max_quantity}, not {leg.quantity}"
            found.append(Problem(P.QUANTITY_MAX, why, "trade less"))
    return tuple(found)


def _leg(raw: Raw, *, closes: bool) -> Side:
    """By the index; in one-way mode (never ours) by the way it trades."""
    index = int(raw["positionIdx"])
    return _LEG[index] if index else "long" if (raw["side"] == "Buy") != closes else "short"
