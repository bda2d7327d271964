"""Signed endpoints of orders, trades and income. Shapes and error codes as the venue documents them."""

from collections.abc import Callable
from typing import Any

from orchestrator.paper_exchange.account_routes import ACCOUNT
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.errors import Refusal, cannot_cancel, missing, no_order
from orchestrator.paper_exchange.forced import forced_orders
from orchestrator.paper_exchange.market_routes import limit_of, number
from orchestrator.paper_exchange.orders import known_symbol
from orchestrator.paper_exchange.rows import Row

Parameters = dict[str, str]
Handler = Callable[[Engine, Parameters], Any]


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


def _open_order(engine: Engine, q: Parameters) -> Any:
    row = _query(engine, q)
    if row not in engine.open_orders():
        raise no_order()
    return row


def _of_symbol(rows: list[Row], q: Parameters) -> list[Row]:
    symbol = known_symbol(q["symbol"]) if "symbol" in q else None
    found = [row for row in rows if symbol in (None, row["symbol"])]
    start, end = number(q, "startTime"), number(q, "endTime")
    at = "time" if found and "time" in found[0] else "createTime"
    found = [row for row in found if (start is None or row[at] >= start) and (end is None or row[at] <= end)]
    limit = limit_of(q, 500, 1000)
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
    rows = engine.account.trades
    if "orderId" in q:
        rows = [row for row in rows if str(row["orderId"]) == q["orderId"]]
    return _of_symbol(rows, q)


def _income(engine: Engine, q: Parameters) -> Any:
    kind = q.get("incomeType")
    return _of_symbol([row for row in engine.account.income if kind in (None, row["incomeType"])], q)


def _forced(engine: Engine, q: Parameters) -> Any:
    kind = q.get("autoCloseType")
    if kind not in (None, "LIQUIDATION", "ADL"):
        raise Refusal(-1130, "Data sent for parameter 'autoCloseType' is not valid.")
    return _of_symbol(forced_orders(engine, kind), q)


SIGNED: dict[tuple[str, str], Handler] = {
    ("POST", "/fapi/v1/order"): _place,
    ("GET", "/fapi/v1/order"): _query,
    ("DELETE", "/fapi/v1/order"): _cancel,
    ("GET", "/fapi/v1/openOrder"): _open_order,
    ("GET", "/fapi/v1/openOrders"): lambda engine, q: _of_symbol(engine.open_orders(), q),
    ("DELETE", "/fapi/v1/allOpenOrders"): _cancel_all,
    ("GET", "/fapi/v1/allOrders"): lambda engine, q: _of_symbol(engine.orders, q),
    ("GET", "/fapi/v1/forceOrders"): _forced,
    ("POST", "/fapi/v1/algoOrder"): _place_algo,
    ("GET", "/fapi/v1/algoOrder"): _query_algo,
    ("DELETE", "/fapi/v1/algoOrder"): _cancel_algo,
    ("GET", "/fapi/v1/openAlgoOrders"): lambda engine, q: _of_symbol(engine.open_algos(), q),
    ("DELETE", "/fapi/v1/algoOpenOrders"): _cancel_all_algos,
    ("GET", "/fapi/v1/allAlgoOrders"): lambda engine, q: _of_symbol(engine.algos, q),
    ("GET", "/fapi/v1/userTrades"): _trades,
    ("GET", "/fapi/v1/income"): _income,
    **ACCOUNT,
}
