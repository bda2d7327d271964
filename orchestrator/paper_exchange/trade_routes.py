"""Signed endpoints: account, settings, orders. Shapes and error codes as the venue documents them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from orchestrator.paper_exchange.account import Position, money
from orchestrator.paper_exchange.contracts import BRACKETS, CONTRACTS, bracket_of
from orchestrator.paper_exchange.engine import Engine, Row
from orchestrator.paper_exchange.errors import Refusal, cannot_cancel, missing
from orchestrator.paper_exchange.market_routes import number
from orchestrator.paper_exchange.orders import known_symbol

Parameters = dict[str, str]
Handler = Callable[[Engine, Parameters], Any]
_OK = {"code": 200, "msg": "success"}


def _place(engine: Engine, q: Parameters) -> Any:
    return engine.place(q)


def _query(engine: Engine, q: Parameters) -> Any:
    return engine.find(known_symbol(q.get("symbol")), q.get("orderId"), q.get("origClientOrderId"))


def _cancel(engine: Engine, q: Parameters) -> Any:
    try:
        row = _query(engine, q)
    except Refusal as error:
        raise (cannot_cancel() if error.code == -2013 else error) from None
    return engine.cancel(row)


def _cancel_all(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q.get("symbol"))
    for row in [row for row in engine.open_orders() if row["symbol"] == symbol]:
        engine.cancel(row)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _of_symbol(rows: list[Row], q: Parameters) -> list[Row]:
    symbol = known_symbol(q["symbol"]) if "symbol" in q else None
    found = [row for row in rows if symbol in (None, row["symbol"])]
    start, end = number(q, "startTime"), number(q, "endTime")
    at = "time" if found and "time" in found[0] else "createTime"
    found = [row for row in found if (start is None or row[at] >= start) and (end is None or row[at] <= end)]
    limit = min(number(q, "limit", 500) or 500, 1000)
    return found[:limit] if start is not None else found[-limit:]


def _place_algo(engine: Engine, q: Parameters) -> Any:
    if q.get("algoType") != "CONDITIONAL":
        raise missing("algoType")
    return engine.place_conditional(q)


def _query_algo(engine: Engine, q: Parameters) -> Any:
    return engine.find_algo(q.get("algoId"), q.get("clientAlgoId"))


def _cancel_algo(engine: Engine, q: Parameters) -> Any:
    try:
        row = _query_algo(engine, q)
    except Refusal:
        raise cannot_cancel() from None
    return {**engine.cancel(row), "code": "200", "msg": "success"}


def _cancel_all_algos(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q.get("symbol"))
    for row in [row for row in engine.open_algos() if row["symbol"] == symbol]:
        engine.cancel(row)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _trades(engine: Engine, q: Parameters) -> Any:
    known_symbol(q.get("symbol"))
    rows = _of_symbol(engine.account.trades, q)
    if "orderId" in q:
        rows = [row for row in rows if str(row["orderId"]) == q["orderId"]]
    return rows


def _income(engine: Engine, q: Parameters) -> Any:
    rows = _of_symbol(engine.account.income, q)
    kind = q.get("incomeType")
    return [row for row in rows if kind in (None, row["incomeType"])]


def _set_leverage(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q.get("symbol"))
    leverage = number(q, "leverage")
    if leverage is None or not 1 <= leverage <= BRACKETS[0].leverage:
        raise Refusal(-4028, f"Leverage {leverage} is not valid")
    held = sum(abs(p.quantity) * p.entry for p in engine.account.open_positions() if p.symbol == symbol)
    if leverage > bracket_of(Decimal(held)).leverage:
        raise Refusal(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
    if (
        held
        and engine.account.settings[symbol].margin_type == "ISOLATED"
        and (leverage < engine.account.settings[symbol].leverage)
    ):
        raise Refusal(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions.")
    engine.account.settings[symbol].leverage = leverage
    most = max(b.cap for b in BRACKETS if b.leverage >= leverage)
    return {"leverage": leverage, "maxNotionalValue": str(most), "symbol": symbol}


def _set_margin_type(engine: Engine, q: Parameters) -> Any:
    symbol, kind = known_symbol(q.get("symbol")), q.get("marginType")
    if kind not in ("ISOLATED", "CROSSED"):
        raise missing("marginType")
    settings = engine.account.settings[symbol]
    if settings.margin_type == kind:
        raise Refusal(-4046, "No need to change margin type.")
    if any(p.symbol == symbol for p in engine.account.open_positions()):
        raise Refusal(-4048, "Margin type cannot be changed if there exists position.")
    if any(row["symbol"] == symbol for row in (*engine.open_orders(), *engine.open_algos())):
        raise Refusal(-4047, "Margin type cannot be changed if there exists open orders.")
    settings.margin_type = "ISOLATED" if kind == "ISOLATED" else "CROSSED"
    return _OK


def _set_mode(engine: Engine, q: Parameters) -> Any:
    wanted = q.get("dualSidePosition", "").lower()
    if wanted not in ("true", "false"):
        raise missing("dualSidePosition")
    if engine.account.hedge == (wanted == "true"):
        raise Refusal(-4059, "No need to change position side.")
    if engine.open_orders() or engine.open_algos():
        raise Refusal(-4067, "Position side cannot be changed if there exists open orders.")
    if engine.account.open_positions():
        raise Refusal(-4068, "Position side cannot be changed if there exists position.")
    engine.account.hedge = wanted == "true"
    return _OK


def _brackets(engine: Engine, q: Parameters) -> Any:
    symbols = [known_symbol(q["symbol"])] if "symbol" in q else list(CONTRACTS)
    rows = [
        {
            "bracket": b.number,
            "initialLeverage": b.leverage,
            "notionalCap": int(b.cap),
            "notionalFloor": int(b.floor),
            "maintMarginRatio": float(b.rate),
            "cum": float(b.cum),
        }
        for b in BRACKETS
    ]
    return [{"symbol": symbol, "notionalCoef": 1.0, "brackets": rows} for symbol in symbols]


def _symbol_config(engine: Engine, q: Parameters) -> Any:
    symbols = [known_symbol(q["symbol"])] if "symbol" in q else list(CONTRACTS)
    return [
        {
            "symbol": symbol,
            "marginType": engine.account.settings[symbol].margin_type,
            "isAutoAddMargin": "false",
            "leverage": engine.account.settings[symbol].leverage,
            "maxNotionalValue": "1000000",
        }
        for symbol in symbols
    ]


def _account_config(engine: Engine, q: Parameters) -> Any:
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "dualSidePosition": engine.account.hedge,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def _commission(engine: Engine, q: Parameters) -> Any:
    return {
        "symbol": known_symbol(q.get("symbol")),
        "makerCommissionRate": format(engine.maker_fee, "f"),
        "takerCommissionRate": format(engine.taker_fee, "f"),
    }


def _text(value: Decimal) -> str:
    return format(money(value), "f")


def _totals(engine: Engine) -> dict[str, Decimal]:
    marks = engine.marks()
    account = engine.account
    maintenance = sum(
        (
            abs(p.quantity) * marks[p.symbol] * bracket_of(abs(p.quantity) * marks[p.symbol]).rate
            for p in account.open_positions()
        ),
        Decimal(0),
    )
    return {
        "wallet": account.wallet,
        "unrealised": account.unrealised(marks),
        "initial": account.initial_margin(),
        "maintenance": maintenance,
        "available": account.available(marks),
        "cross": account.wallet - sum((p.margin for p in account.open_positions()), Decimal(0)),
    }


def _account(engine: Engine, q: Parameters) -> Any:
    t = {name: _text(value) for name, value in _totals(engine).items()}
    balance = _text(engine.account.wallet + engine.account.unrealised(engine.marks()))
    asset = {
        "asset": "USDT",
        "walletBalance": t["wallet"],
        "unrealizedProfit": t["unrealised"],
        "marginBalance": balance,
        "maintMargin": t["maintenance"],
        "initialMargin": t["initial"],
        "positionInitialMargin": t["initial"],
        "openOrderInitialMargin": "0.00000000",
        "crossWalletBalance": t["cross"],
        "crossUnPnl": "0.00000000",
        "availableBalance": t["available"],
        "maxWithdrawAmount": t["available"],
        "marginAvailable": True,
        "updateTime": engine.now,
    }
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "updateTime": 0,
        "totalInitialMargin": t["initial"],
        "totalMaintMargin": t["maintenance"],
        "totalWalletBalance": t["wallet"],
        "totalUnrealizedProfit": t["unrealised"],
        "totalMarginBalance": balance,
        "totalPositionInitialMargin": t["initial"],
        "totalOpenOrderInitialMargin": "0.00000000",
        "totalCrossWalletBalance": t["cross"],
        "totalCrossUnPnl": "0.00000000",
        "availableBalance": t["available"],
        "maxWithdrawAmount": t["available"],
        "assets": [asset],
        "positions": [_account_position(engine, p) for p in engine.account.open_positions()],
    }


def _account_position(engine: Engine, p: Position) -> Row:
    mark = engine.market.mark(p.symbol, engine.now)
    settings = engine.account.settings[p.symbol]
    notional = p.quantity * mark
    return {
        "symbol": p.symbol,
        "positionSide": p.side,
        "positionAmt": format(p.quantity, "f"),
        "unrealizedProfit": _text(p.unrealised(mark)),
        "isolatedMargin": _text(p.margin + p.unrealised(mark)) if p.margin else "0.00000000",
        "notional": _text(notional),
        "isolatedWallet": _text(p.margin),
        "initialMargin": _text(abs(notional) / settings.leverage),
        "maintMargin": _text(abs(notional) * bracket_of(abs(notional)).rate),
        "updateTime": p.updated,
        "leverage": str(settings.leverage),
        "isolated": settings.margin_type == "ISOLATED",
        "entryPrice": format(p.entry, "f"),
    }


def _balance(engine: Engine, q: Parameters) -> Any:
    t = {name: _text(value) for name, value in _totals(engine).items()}
    return [
        {
            "accountAlias": "paper",
            "asset": "USDT",
            "balance": t["wallet"],
            "crossWalletBalance": t["cross"],
            "crossUnPnl": "0.00000000",
            "availableBalance": t["available"],
            "maxWithdrawAmount": t["available"],
            "marginAvailable": True,
            "updateTime": engine.now,
        }
    ]


def position_row(engine: Engine, p: Position) -> Row:
    """One position as positionRisk shows it."""
    mark = engine.market.mark(p.symbol, engine.now)
    settings = engine.account.settings[p.symbol]
    liquidation = p.liquidation()
    notional = p.quantity * mark
    return {
        "symbol": p.symbol,
        "positionSide": p.side,
        "positionAmt": format(p.quantity, "f"),
        "entryPrice": format(p.entry.quantize(Decimal("1e-10")).normalize(), "f"),
        "breakEvenPrice": format(p.entry.quantize(Decimal("1e-10")).normalize(), "f"),
        "markPrice": f"{mark:.8f}",
        "unRealizedProfit": _text(p.unrealised(mark)),
        "liquidationPrice": "0" if liquidation is None else _text(liquidation),
        "isolatedMargin": _text(p.margin + p.unrealised(mark)) if p.margin else "0.00000000",
        "notional": _text(notional),
        "marginAsset": "USDT",
        "isolatedWallet": _text(p.margin),
        "initialMargin": _text(abs(notional) / settings.leverage),
        "maintMargin": _text(abs(notional) * bracket_of(abs(notional)).rate),
        "positionInitialMargin": _text(abs(notional) / settings.leverage),
        "openOrderInitialMargin": "0",
        "adl": 1,
        "bidNotional": "0",
        "askNotional": "0",
        "leverage": str(settings.leverage),
        "maxNotionalValue": "1000000",
        "marginType": "isolated" if settings.margin_type == "ISOLATED" else "cross",
        "isAutoAddMargin": "false",
        "updateTime": p.updated,
    }


def _positions(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q["symbol"]) if "symbol" in q else None
    return [position_row(engine, p) for p in engine.account.open_positions() if symbol in (None, p.symbol)]


SIGNED: dict[tuple[str, str], Handler] = {
    ("POST", "/fapi/v1/order"): _place,
    ("GET", "/fapi/v1/order"): _query,
    ("DELETE", "/fapi/v1/order"): _cancel,
    ("GET", "/fapi/v1/openOrder"): _query,
    ("GET", "/fapi/v1/openOrders"): lambda engine, q: _of_symbol(engine.open_orders(), q),
    ("DELETE", "/fapi/v1/allOpenOrders"): _cancel_all,
    ("GET", "/fapi/v1/allOrders"): lambda engine, q: _of_symbol(engine.orders, q),
    ("POST", "/fapi/v1/algoOrder"): _place_algo,
    ("GET", "/fapi/v1/algoOrder"): _query_algo,
    ("DELETE", "/fapi/v1/algoOrder"): _cancel_algo,
    ("GET", "/fapi/v1/openAlgoOrders"): lambda engine, q: _of_symbol(engine.open_algos(), q),
    ("DELETE", "/fapi/v1/algoOpenOrders"): _cancel_all_algos,
    ("GET", "/fapi/v1/allAlgoOrders"): lambda engine, q: _of_symbol(engine.algos, q),
    ("GET", "/fapi/v1/userTrades"): _trades,
    ("GET", "/fapi/v1/income"): _income,
    ("POST", "/fapi/v1/leverage"): _set_leverage,
    ("POST", "/fapi/v1/marginType"): _set_margin_type,
    ("POST", "/fapi/v1/positionSide/dual"): _set_mode,
    ("GET", "/fapi/v1/positionSide/dual"): lambda engine, q: {"dualSidePosition": engine.account.hedge},
    ("GET", "/fapi/v1/leverageBracket"): _brackets,
    ("GET", "/fapi/v1/symbolConfig"): _symbol_config,
    ("GET", "/fapi/v1/accountConfig"): _account_config,
    ("GET", "/fapi/v1/commissionRate"): _commission,
    ("GET", "/fapi/v2/account"): _account,
    ("GET", "/fapi/v3/account"): _account,
    ("GET", "/fapi/v2/balance"): _balance,
    ("GET", "/fapi/v3/balance"): _balance,
    ("GET", "/fapi/v2/positionRisk"): _positions,
    ("GET", "/fapi/v3/positionRisk"): _positions,
}
