"""Signed endpoints of the account: settings, margin, balances, positions, in the venue's shapes and codes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from orchestrator.paper_exchange.account import Position, money
from orchestrator.paper_exchange.contracts import BRACKETS, CONTRACTS, bracket_of
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.errors import Refusal, missing
from orchestrator.paper_exchange.market_routes import number
from orchestrator.paper_exchange.orders import known_symbol
from orchestrator.paper_exchange.rows import Row

Parameters = dict[str, str]
Handler = Callable[[Engine, Parameters], Any]
_OK = {"code": 200, "msg": "success"}


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


def _key_rights(engine: Engine, q: Parameters) -> Any:
    """Of the one pair of keys: it trades futures and does nothing else."""
    return {
        "ipRestrict": False,
        "createTime": engine.now,
        "enableReading": True,
        "enableFutures": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableMargin": False,
        "enableSpotAndMarginTrading": False,
        "enableVanillaOptions": False,
    }


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
        "positionInitialMargin": _text(abs(notional) / settings.leverage),
        "openOrderInitialMargin": "0",
        "maxNotional": "1000000",
        "bidNotional": "0",
        "askNotional": "0",
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


ACCOUNT: dict[tuple[str, str], Handler] = {
    ("POST", "/fapi/v1/leverage"): _set_leverage,
    ("POST", "/fapi/v1/marginType"): _set_margin_type,
    ("POST", "/fapi/v1/positionSide/dual"): _set_mode,
    ("GET", "/fapi/v1/positionSide/dual"): lambda engine, q: {"dualSidePosition": engine.account.hedge},
    ("GET", "/fapi/v1/leverageBracket"): _brackets,
    ("GET", "/fapi/v1/symbolConfig"): _symbol_config,
    ("GET", "/fapi/v1/accountConfig"): _account_config,
    ("GET", "/fapi/v1/commissionRate"): _commission,
    ("GET", "/sapi/v1/account/apiRestrictions"): _key_rights,
    ("GET", "/fapi/v2/account"): _account,
    ("GET", "/fapi/v3/account"): _account,
    ("GET", "/fapi/v2/balance"): _balance,
    ("GET", "/fapi/v3/balance"): _balance,
    ("GET", "/fapi/v2/positionRisk"): _positions,
    ("GET", "/fapi/v3/positionRisk"): _positions,
}
