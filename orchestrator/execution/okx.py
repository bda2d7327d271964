"""OKX V5 swaps: raw answers as the port's types, and the port's orders as its requests. Pure; text stays exact.

Hedge mode ("long/short mode") is `posSide`: with it a sell of `long` can only close, and `reduceOnly` is ignored. Sizes
are contracts of `ctVal` coins. For one position the venue takes one order that closes all of it: a bracket is one
`oco` a leg with both prices. Unverified against the venue: from its documentation and from what ccxt sends.

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
from traders.contract.verdict import ExecutionPlan

Raw = Mapping[str, Any]
_MOST = Decimal(1_000_000_000)
_SIDES: dict[str, Literal["buy", "sell"]] = {"buy": "buy", "sell": "sell"}
_LEGS: dict[str, Side] = {"long": "long", "short": "short"}
_STATUS: dict[str, OrderStatus] = {
    "live": "new",
    "partially_filled": "partially_filled",
    "filled": "filled",
    "canceled": "canceled",
    "mmp_canceled": "canceled",
}
_ALGO_STATUS: dict[str, OrderStatus] = {
    "live": "new",
    "pause": "new",
    "partially_effective": "triggered",
    "effective": "triggered",
    "canceled": "canceled",
    "order_failed": "rejected",
    "partially_failed": "rejected",
}
_MARGIN: dict[str, Literal["isolated", "cross"]] = {"isolated": "isolated", "cross": "cross"}
#: Bills that are trades or what the venue does to a position; funding.
_TRADES, _FUNDING = ("2", "5", "9"), "8"


def only_row(raw: Any) -> Raw:
    """The one row of an answer. Raises ValueError for none or several."""
    (row,) = raw["data"]
    found: Raw = row
    return found


def contract_size(info: Raw) -> Decimal:
    """Coins of one contract."""
    return number(info["ctVal"]) * number(info.get("ctMult") or 1)


def order_request(order: OrderRequest, inst_id: str, contracts: Decimal) -> dict[str, Any]:
    """POST /api/v5/trade/order."""
    request = {
        "instId": inst_id,
        "tdMode": "isolated",
        "side": order.side,
        "posSide": order.position_side,
        "ordType": "market" if order.type == "market" else "ioc",
        "sz": text(contracts),
        "clOrdId": order.client_order_id,
    }
    if order.type == "limit_ioc":
        if order.price is None:
            raise ValueError("a limit order needs a price")
        request["px"] = text(order.price)
    return request


def conditional_request(order: ConditionalRequest, inst_id: str) -> dict[str, Any]:
    """POST /api/v5/trade/order-algo: closes the whole leg at a mark price, at either of two where both are set.

    `clOrdId` is deprecated here; without it ccxt puts in one of its own.
    """
    stop = {"slTriggerPx": text(order.trigger_price), "slTriggerPxType": "mark", "slOrdPx": "-1"}
    other = order.trigger_price if order.kind == "take_profit" else order.take_profit_price
    profit = {} if other is None else {"tpTriggerPx": text(other), "tpTriggerPxType": "mark", "tpOrdPx": "-1"}
    return {
        "instId": inst_id,
        "tdMode": "isolated",
        "side": order.side,
        "posSide": order.position_side,
        "ordType": "oco" if order.kind == "stop" and profit else "conditional",
        "closeFraction": "1",
        **(stop if order.kind == "stop" else {}),
        **profit,
        "algoClOrdId": order.client_order_id,
        "clOrdId": order.client_order_id,
    }


def accepted(raw: Raw, order: OrderRequest | ConditionalRequest) -> OrderReport:
    """The answer to an order: ids, and a code of its own beside the envelope's. Raises ValueError unless it is 0."""
    (row,) = raw["data"]
    if str(row["sCode"]) != "0":
        raise ValueError(f"code {row['sCode']} in an answer without an error")
    waits = isinstance(order, ConditionalRequest)
    return OrderReport(
        client_order_id=str(row["algoClOrdId" if waits else "clOrdId"]),
        exchange_order_id=str(row["algoId" if waits else "ordId"]),
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        status="new",
        quantity=order.quantity if isinstance(order, OrderRequest) else Decimal(0),
        filled=Decimal(0),
        trigger_price=order.trigger_price if isinstance(order, ConditionalRequest) else None,
        take_profit_price=order.take_profit_price if isinstance(order, ConditionalRequest) else None,
    )


def order_report(raw: Raw, symbol: str, size: Decimal) -> OrderReport:
    """A row of /api/v5/trade/order or orders-pending."""
    return OrderReport(
        client_order_id=str(raw["clOrdId"]),
        exchange_order_id=str(raw["ordId"]),
        symbol=symbol,
        side=_SIDES[raw["side"]],
        position_side=_leg(raw),
        status=_STATUS[raw["state"]],
        quantity=number(raw["sz"]) * size,
        filled=number(raw["accFillSz"]) * size,
        average=positive(raw.get("avgPx")),
    )


def conditional_report(raw: Raw, symbol: str) -> OrderReport:
    """A row of /api/v5/trade/order-algo or orders-algo-pending."""
    stop, profit = positive(raw.get("slTriggerPx")), positive(raw.get("tpTriggerPx"))
    return OrderReport(
        client_order_id=str(raw["algoClOrdId"]),
        exchange_order_id=str(raw["algoId"]),
        symbol=symbol,
        side=_SIDES[raw["side"]],
        position_side=_leg(raw),
        status=_ALGO_STATUS[raw["state"]],
        quantity=Decimal(0),
        filled=Decimal(0),
        trigger_price=stop or profit or positive(raw.get("triggerPx")),
        take_profit_price=profit if stop is not None else None,
    )


def position(raw: Raw, symbol: str, size: Decimal) -> Position | None:
    """A row of /api/v5/account/positions; None for a side that holds nothing."""
    amount = number(raw["pos"] or 0)
    if amount == 0:
        return None
    held: Side = _LEGS[raw["posSide"]] if raw["posSide"] != "net" else "long" if amount > 0 else "short"
    return Position(
        symbol=symbol,
        side=held,
        quantity=abs(amount) * size,
        entry_price=number(raw["avgPx"]),
        mark_price=number(raw["markPx"]),
        liquidation_price=positive(raw.get("liqPx")),
        isolated_margin=positive(raw.get("margin")),
        leverage=whole(raw["lever"]) if positive(raw.get("lever")) else None,
        margin_mode=_MARGIN[raw["mgnMode"]],
    )


def position_mode(config: Raw) -> Literal["hedge", "one_way"]:
    """/api/v5/account/config."""
    modes: dict[str, Literal["hedge", "one_way"]] = {"long_short_mode": "hedge", "net_mode": "one_way"}
    return modes[config["posMode"]]


def symbol_settings(rows: Sequence[Raw], symbol: str) -> SymbolSettings:
    """/api/v5/account/leverage-info of isolated margin; isolated is what every order of ours says, not a setting."""
    by_leg = {row["posSide"]: whole(row["lever"]) for row in rows}
    long = by_leg["long"] if "long" in by_leg else by_leg["net"]
    short = by_leg.get("short", long)
    return SymbolSettings(
        symbol=symbol, leverage=long, margin_mode="isolated", short_leverage=None if short == long else short
    )


def balance(raw: Raw) -> Balance:
    """/api/v5/account/balance of USDT; the venue leaves out coins of which there are none."""
    (account,) = raw["data"]
    row = next((coin for coin in account["details"] if coin["ccy"] == "USDT"), None)
    if row is None:
        return Balance(wallet=Decimal(0), equity=Decimal(0), available=Decimal(0))
    equity = number(row["eq"])
    free = number(row["availEq"]) if row.get("availEq") else number(row["availBal"])
    return Balance(wallet=equity - number(row.get("upl") or 0), equity=equity, available=free)


def fill(raw: Raw, symbol: str, size: Decimal) -> Fill:
    """A row of /api/v5/trade/fills; a fee paid is negative there. Raises ValueError for a fee in another coin."""
    fee = -number(raw["fee"] or 0)
    if fee != 0 and raw["feeCcy"] != "USDT":
        raise ValueError(f"fill {raw['billId']} paid its fee in {raw['feeCcy']}")
    return Fill(
        trade_id=str(raw["billId"]),
        exchange_order_id=str(raw["ordId"]),
        symbol=symbol,
        side=_SIDES[raw["side"]],
        position_side=_leg(raw),
        price=number(raw["fillPx"]),
        quantity=number(raw["fillSz"]) * size,
        fee=fee,
        realized=number(raw.get("fillPnl") or 0),
        time=int(raw["ts"]),
    )


def incomes(raw: Raw, symbol_of: Mapping[str, str]) -> Iterator[Income]:
    """A row of /api/v5/account/bills as rows of one kind each: result and fee of a trade, funding, or what it says."""
    inst_id, kind = str(raw.get("instId") or ""), str(raw["type"])
    parts: dict[str, Decimal | None] = {f"BILL_{kind}": number(raw["balChg"])}
    if kind in _TRADES:
        parts = {"REALIZED_PNL": positive(raw.get("pnl")), "COMMISSION": positive(raw.get("fee"))}
    elif kind == _FUNDING:
        parts = {"FUNDING_FEE": number(raw["pnl"])}
    for name, amount in parts.items():
        if amount is not None:
            yield Income(
                income_id=str(raw["billId"]),
                kind=name,
                symbol=symbol_of.get(inst_id, inst_id),
                amount=amount,
                time=int(raw["ts"]),
            )


def tiers(rows: Sequence[Raw], size: Decimal, mark: Decimal) -> tuple[MarginTier, ...]:
    """/api/v5/public/position-tiers: borders are contracts there, USDT at today's mark price here."""
    return margin_tiers(
        [Bracket(number(row["maxSz"]) * size * mark, int(number(row["maxLever"])), number(row["mmr"])) for row in rows]
    )


def contract(info: Raw) -> Contract:
    """A row of /api/v5/public/instruments (ccxt keeps it as `market["info"]`), in coins. No least notional."""
    size = contract_size(info)
    step, least = number(info["lotSz"]) * size, number(info["minSz"]) * size
    return Contract(
        price_tick=number(info["tickSz"]),
        quantity_step=step,
        min_quantity=least,
        max_quantity=_most(info, "maxLmtSz", size),
        market_quantity_step=step,
        market_min_quantity=least,
        market_max_quantity=_most(info, "maxMktSz", size),
        min_notional=Decimal(0),
    )


def obstacles(config: Raw, info: Raw, plan: ExecutionPlan) -> tuple[Problem, ...]:
    """From /api/v5/account/config and the instrument: rights, account mode, legs that a stop could not close whole."""
    rights = {right.strip() for right in str(config["perm"]).split(",")}
    found = [*key_problems(may_trade="trade" in rights, may_withdraw="withdraw" in rights, venue="okx")]
    if str(config["acctLv"]) != "2":
        why = "isolated margin on okx needs the account in futures mode"
        found.append(Problem(P.ACCOUNT_KIND, why, "switch the account mode to futures mode"))
    if config.get("ctIsoMode") not in (None, "", "automatic"):
        why = "margin of isolated positions is moved by hand on this okx account"
        found.append(Problem(P.ACCOUNT_KIND, why, "set the isolated margin of contracts to automatic transfers"))
    most = min(_most(info, name, contract_size(info)) for name in ("maxStopSz", "maxMktSz"))
    for leg in plan.legs:
        if leg.quantity > most:
            why = f"{leg.side} leg: a stop on okx closes at most {most}, not {leg.quantity}"
            found.append(Problem(P.QUANTITY_MAX, why, "trade less"))
    return tuple(found)


def _most(info: Raw, name: str, size: Decimal) -> Decimal:
    return (positive(info.get(name)) or _MOST) * size


def _leg(raw: Raw) -> Side:
    """By `posSide`; in net mode (never ours) by the way it trades."""
    return _LEGS[raw["posSide"]] if raw["posSide"] != "net" else "long" if raw["side"] == "buy" else "short"
