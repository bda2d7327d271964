"""Binance USD-M's raw answers as the port's types, and the port's orders as its requests. Pure; text stays exact.

Raises KeyError, TypeError, ValueError or ArithmeticError for an answer that lacks what is needed; the caller turns
that into "outcome unknown" or "try again", never into a guess.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from orchestrator.execution.codes import PreflightCode
from orchestrator.execution.exact import number, positive, text
from orchestrator.execution.forced import Forced
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

_STATUS: dict[str, OrderStatus] = {
    "NEW": "new",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "CANCELLED": "canceled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
    "REJECTED": "rejected",
    "TRIGGERING": "triggered",
    "TRIGGERED": "triggered",
    "FINISHED": "triggered",
}


def order_request(order: OrderRequest, market_id: str) -> dict[str, Any]:
    """POST /fapi/v1/order. In hedge mode the position side alone makes an order a close; reduceOnly is refused."""
    request = {
        "symbol": market_id,
        "side": order.side.upper(),
        "positionSide": order.position_side.upper(),
        "type": "MARKET" if order.type == "market" else "LIMIT",
        "quantity": text(order.quantity),
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "RESULT",
    }
    if order.type == "limit_ioc":
        if order.price is None:
            raise ValueError("a limit order needs a price")
        request |= {"price": text(order.price), "timeInForce": "IOC"}
    return request


def conditional_request(order: ConditionalRequest, market_id: str) -> dict[str, Any]:
    """POST /fapi/v1/algoOrder: closes the whole position side at the mark price, whatever its size is then."""
    return {
        "symbol": market_id,
        "algoType": "CONDITIONAL",
        "side": order.side.upper(),
        "positionSide": order.position_side.upper(),
        "type": "STOP_MARKET" if order.kind == "stop" else "TAKE_PROFIT_MARKET",
        "triggerPrice": text(order.trigger_price),
        "workingType": "MARK_PRICE",
        "closePosition": "true",
        "clientAlgoId": order.client_order_id,
    }


def order_report(raw: Raw, symbol: str) -> OrderReport:
    """An answer of /fapi/v1/order."""
    average = positive(raw.get("avgPrice"))
    return OrderReport(
        client_order_id=str(raw["clientOrderId"]),
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        side=_side(raw),
        position_side=_position_side(raw),
        status=_STATUS[str(raw["status"])],
        quantity=number(raw["origQty"]),
        filled=number(raw["executedQty"]),
        average=average,
    )


def conditional_report(raw: Raw, symbol: str) -> OrderReport:
    """An answer of /fapi/v1/algoOrder."""
    return OrderReport(
        client_order_id=str(raw["clientAlgoId"]),
        exchange_order_id=str(raw["algoId"]),
        symbol=symbol,
        side=_side(raw),
        position_side=_position_side(raw),
        status=_STATUS[str(raw["algoStatus"])],
        quantity=number(raw.get("quantity") or 0),
        filled=Decimal(0),
        trigger_price=positive(raw.get("triggerPrice")),
    )


def position(raw: Raw, symbol: str) -> Position | None:
    """A row of /fapi/v3/positionRisk (or v2); None for a side that holds nothing."""
    amount = number(raw["positionAmt"])
    if amount == 0:
        return None
    side = str(raw["positionSide"])
    held: Side = "long" if side == "LONG" or (side == "BOTH" and amount > 0) else "short"
    mode = str(raw.get("marginType") or "").lower()
    leverage = positive(raw.get("leverage"))
    return Position(
        symbol=symbol,
        side=held,
        quantity=abs(amount),
        entry_price=number(raw["entryPrice"]),
        mark_price=number(raw["markPrice"]),
        liquidation_price=positive(raw.get("liquidationPrice")),
        isolated_margin=positive(raw.get("isolatedMargin")),
        leverage=None if leverage is None else int(leverage),
        margin_mode="isolated" if mode == "isolated" else "cross" if mode in ("cross", "crossed") else None,
    )


def balance(raw: Raw) -> Balance:
    """/fapi/v3/account: the USDT row, else the totals."""
    row = next((asset for asset in raw.get("assets") or () if asset.get("asset") == "USDT"), None)
    if row is not None:
        return Balance(
            wallet=number(row["walletBalance"]),
            equity=number(row["marginBalance"]),
            available=number(row["availableBalance"]),
        )
    return Balance(
        wallet=number(raw["totalWalletBalance"]),
        equity=number(raw["totalMarginBalance"]),
        available=number(raw["availableBalance"]),
    )


def halted(raw: Raw, until: int) -> tuple[Problem, ...]:
    """A symbol of /fapi/v1/exchangeInfo: what is not trading, or delivered within a week of `until` (UTC ms).

    A pair in a perpetual that is being taken off would be settled by the venue, at its price and time.
    """
    status, delivery = str(raw.get("status")), raw.get("deliveryDate")
    remedy = "leave this perpetual alone; the venue's announcements say more"
    if status != "TRADING":
        return (Problem(PreflightCode.NOT_TRADING, f"{raw['symbol']} is {status}, not TRADING", remedy),)
    if delivery is not None and int(delivery) < until + 7 * 86_400_000:
        return (Problem(PreflightCode.NOT_TRADING, f"{raw['symbol']} is delivered within a week", remedy),)
    return ()


def key_rights(raw: Raw) -> tuple[Problem, ...]:
    """/sapi/v1/account/apiRestrictions: what is wrong with the key."""
    rights = {name: raw[name] in (True, "true") for name in ("enableFutures", "enableWithdrawals")}
    return key_problems(
        may_trade=rights["enableFutures"], may_withdraw=rights["enableWithdrawals"], venue="binanceusdm"
    )


def symbol_settings(rows: Sequence[Raw], market_id: str, symbol: str) -> SymbolSettings:
    """/fapi/v1/symbolConfig."""
    row = next(row for row in rows if row["symbol"] == market_id)
    modes: dict[str, Literal["isolated", "cross"]] = {"ISOLATED": "isolated", "CROSSED": "cross", "CROSS": "cross"}
    mode = modes[str(row["marginType"]).upper()]
    return SymbolSettings(symbol=symbol, leverage=int(row["leverage"]), margin_mode=mode)


def fill(raw: Raw, symbol: str) -> Fill:
    """A row of /fapi/v1/userTrades. Raises ValueError for a fee in another coin: it cannot be booked in USDT."""
    fee = number(raw["commission"])
    if fee != 0 and raw.get("commissionAsset") != "USDT":
        raise ValueError(
            f"trade {raw['id']} paid its fee in {raw.get('commissionAsset')}: switch off paying fees with other coins"
        )
    return Fill(
        trade_id=str(raw["id"]),
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        side=_side(raw),
        position_side=_position_side(raw),
        price=number(raw["price"]),
        quantity=number(raw["qty"]),
        fee=fee,
        realized=number(raw.get("realizedPnl") or 0),
        time=int(raw["time"]),
    )


def forced(raw: Raw, symbol: str) -> Forced:
    """A row of /fapi/v1/forceOrders: `autoclose-...` is a liquidation, `adl_autoclose` auto-deleveraging."""
    client_id = str(raw["clientOrderId"])
    if not client_id.startswith(("autoclose-", "adl_autoclose")):
        raise ValueError(f"{client_id} is no forced order")
    # a closing order's side is the other one: in one-way mode it tells which leg was closed
    closed: Side = "long" if raw["side"] == "SELL" else "short"
    return Forced(
        exchange_order_id=str(raw["orderId"]),
        symbol=symbol,
        position_side=closed if raw["positionSide"] == "BOTH" else _position_side(raw),
        why="liquidated" if client_id.startswith("autoclose-") else "auto_deleveraged",
        quantity=number(raw["executedQty"]),
        price=number(raw["avgPrice"]),
        time=int(raw["time"]),
    )


def income(raw: Raw, symbol_of: Mapping[str, str]) -> Income:
    """A row of /fapi/v1/income; `tranId` is unique within its kind. Rows without a symbol (transfers) keep none."""
    market_id = str(raw.get("symbol") or "")
    return Income(
        income_id=str(raw["tranId"]),
        kind=str(raw["incomeType"]),
        symbol=symbol_of.get(market_id, market_id),
        amount=number(raw["income"]),
        time=int(raw["time"]),
    )


def margin_tiers(rows: Sequence[Raw], market_id: str) -> tuple[MarginTier, ...]:
    """/fapi/v1/leverageBracket."""
    found = next(row for row in rows if row["symbol"] == market_id)
    return tuple(
        MarginTier(
            notional_floor=number(tier["notionalFloor"]),
            notional_cap=number(tier["notionalCap"]),
            max_leverage=int(tier["initialLeverage"]),
            maintenance_margin_rate=number(tier["maintMarginRatio"]),
            maintenance_amount=number(tier["cum"]),
        )
        for tier in sorted(found["brackets"], key=lambda tier: number(tier["notionalFloor"]))
    )


def contract(info: Raw) -> Contract:
    """A symbol of /fapi/v1/exchangeInfo (ccxt keeps it as `market["info"]`)."""
    filters = {row["filterType"]: row for row in info["filters"]}
    lot, price = filters["LOT_SIZE"], filters["PRICE_FILTER"]
    market = filters.get("MARKET_LOT_SIZE", lot)
    band = filters.get("PERCENT_PRICE", {})
    return Contract(
        price_tick=number(price["tickSize"]),
        quantity_step=number(lot["stepSize"]),
        min_quantity=number(lot["minQty"]),
        max_quantity=number(lot["maxQty"]),
        market_quantity_step=positive(market["stepSize"]) or number(lot["stepSize"]),
        market_min_quantity=number(market["minQty"]),
        market_max_quantity=number(market["maxQty"]),
        min_notional=number(filters.get("MIN_NOTIONAL", {}).get("notional", 0)),
        trigger_protect=positive(info.get("triggerProtect")),
        market_take_bound=positive(info.get("marketTakeBound")),
        price_band_up=positive(band.get("multiplierUp")),
        price_band_down=positive(band.get("multiplierDown")),
    )


def _side(raw: Raw) -> Literal["buy", "sell"]:
    sides: dict[str, Literal["buy", "sell"]] = {"BUY": "buy", "SELL": "sell"}
    return sides[str(raw["side"])]


def _position_side(raw: Raw) -> Side:
    """LONG, SHORT; BOTH (an order of one-way mode, never ours) by the way it trades."""
    sides: dict[str, Side] = {"LONG": "long", "SHORT": "short"}
    side = str(raw["positionSide"])
    if side == "BOTH":
        return "long" if raw["side"] == "BUY" else "short"
    return sides[side]
