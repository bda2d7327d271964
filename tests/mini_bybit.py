"""Bybit V5 over `tests.mini_venue.Engine`, written from its documentation and from nothing of ours."""

from decimal import Decimal
from typing import Any

from tests.fetchers_venue import NOW
from tests.mini_venue import Done, Engine, Leg, Refused, Waiting, side_of
from tests.other_venues import bybit

D = Decimal
TIER = D(200_000)


class Bybit:
    """V5, unified account."""

    def __init__(self) -> None:
        self.engine, self.public = Engine(), bybit()
        self.taken: set[str] = set()

    def refusal(self, refused: Refused, path: str) -> Any:
        codes = {
            "duplicate": 110072,
            "too_much": 110017,
            "nothing_there": 110001 if "cancel" in path else 110017,
            "not_empty": 110024,
            "would_trigger": 110092,
            "only_one": 110061,
        }
        return {"retCode": codes[refused.why], "retMsg": refused.why, "result": {}, "time": 1}

    def answer(self, method: str, path: str, query: Any) -> Any:
        e = self.engine
        leg: Leg = "short" if query.get("positionIdx") == 2 else "long"
        match path.removeprefix("/v5/"):
            case "user/query-api":
                return ok(readOnly=0, permissions={"ContractTrade": ["Order", "Position"], "Wallet": []})
            case "account/info":
                return ok(marginMode="ISOLATED_MARGIN" if e.isolated else "REGULAR_MARGIN", unifiedMarginStatus=5)
            case "account/wallet-balance":
                coin = {"coin": "USDT", "walletBalance": "10000", "equity": "10000", "totalPositionIM": "0"}
                return rows({"coin": [coin]})
            case "account/fee-rate":
                return rows({"symbol": "AVAXUSDT", "makerFeeRate": "0.0002", "takerFeeRate": "0.00055"})
            case "market/risk-limit":
                return rows(
                    {
                        "symbol": "AVAXUSDT",
                        "riskLimitValue": str(TIER),
                        "initialMargin": "0.02",
                        "maxLeverage": "50",
                        "maintenanceMargin": "0.01",
                    }
                )
            case "position/list":
                if "settleCoin" in query:
                    return rows(*(self._position(side) for side, held in e.legs.items() if held))
                return (
                    rows(*(self._position(side) for side in e.legs))
                    if e.hedge
                    else rows({**self._position("long"), "positionIdx": 0})
                )
            case "position/switch-mode":
                e.must_be_empty()
                e.hedge = query["mode"] == 3
                return ok()
            case "position/set-leverage":
                e.leverage = {"long": int(query["buyLeverage"]), "short": int(query["sellLeverage"])}
                return ok()
            case "account/set-margin-mode":
                e.must_be_empty()
                e.isolated = query["setMarginMode"] == "ISOLATED_MARGIN"
                return ok(reasons=[])
            case "order/create":
                return self._create(query, leg)
            case "order/cancel":
                e.cancel(query["orderLinkId"])
                return ok(orderId="x", orderLinkId=query["orderLinkId"])
            case "order/realtime" | "order/history":
                found = [self._waits(order) for order in e.waiting.values()] + [self._done(o) for o in e.done.values()]
                name = query.get("orderLinkId")
                if name is None:
                    found = [row for row in found if row["orderStatus"] == "Untriggered"]
                return rows(*(row for row in found if name in (None, row["orderLinkId"])))
            case "execution/list":
                return rows(*(self._execution(order) for order in e.done.values()))
        return None

    def _create(self, query: Any, leg: Leg) -> Any:
        name = query["orderLinkId"]
        if name in self.taken:
            raise Refused("duplicate")
        opens = (query["side"] == "Buy") == (leg == "long")
        assert not (opens and query["reduceOnly"]), "reduce-only that opens"
        if "triggerPrice" in query:
            price, rises = D(query["triggerPrice"]), query["triggerDirection"] == 1
            if rises != (price > self.engine.mark):
                raise Refused("would_trigger")  # "expect Rising, but trigger_price <= current"
            stop = rises == (leg == "short")
            order = self.engine.rest(name, leg, price if stop else None, None if stop else price)
            number = order.number
        else:
            number = self.engine.place(name, leg, D(query["qty"]), closes=not opens).number
        self.taken.add(name)
        return ok(orderId=number, orderLinkId=name)

    def _position(self, leg: Leg) -> Any:
        held = self.engine.legs[leg]
        side = ("Buy" if leg == "long" else "Sell") if held else ""
        return {
            "symbol": "AVAXUSDT",
            "positionIdx": 1 if leg == "long" else 2,
            "side": side,
            "size": str(held),
            "avgPrice": "20.5",
            "markPrice": "20.5",
            "liqPrice": "",
            "leverage": str(self.engine.leverage[leg]),
        }

    def _done(self, order: Done) -> Any:
        return {
            "orderId": order.number,
            "orderLinkId": order.name,
            "symbol": "AVAXUSDT",
            "side": side_of(order).capitalize(),
            "positionIdx": 1 if order.leg == "long" else 2,
            "orderStatus": "Filled",
            "qty": str(order.quantity),
            "cumExecQty": str(order.quantity),
            "avgPrice": "20.5",
            "triggerPrice": "",
            "reduceOnly": order.closes,
        }

    def _waits(self, order: Waiting) -> Any:
        status = {"live": "Untriggered", "fired": "Filled", "cancelled": "Deactivated"}[order.state]
        return {
            "orderId": order.number,
            "orderLinkId": order.name,
            "symbol": "AVAXUSDT",
            "side": "Sell" if order.leg == "long" else "Buy",
            "positionIdx": 1 if order.leg == "long" else 2,
            "orderStatus": status,
            "qty": "0",
            "cumExecQty": "0",
            "avgPrice": "",
            "triggerPrice": str(order.stop or order.profit),
            "reduceOnly": True,
        }

    def _execution(self, order: Done) -> Any:
        return {
            "symbol": "AVAXUSDT",
            "execType": "Trade",
            "execId": f"e{order.number}",
            "orderId": order.number,
            "side": side_of(order).capitalize(),
            "closedSize": str(order.quantity) if order.closes else "0",
            "execPrice": "20.5",
            "execQty": str(order.quantity),
            "execFee": "0.01",
            "execPnl": "0",
            "execTime": str(NOW),
            "feeCurrency": "",
        }


def ok(**result: Any) -> Any:
    return {"retCode": 0, "retMsg": "OK", "result": result, "time": 1}


def rows(*found: Any) -> Any:
    return ok(category="linear", list=list(found), nextPageCursor="")
