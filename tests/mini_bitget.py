"""Bitget V2 over `tests.mini_venue.Engine`, written from its documentation and from nothing of ours."""

from decimal import Decimal
from typing import Any

from tests.mini_venue import Done, Engine, Leg, Refused, Waiting
from tests.other_venues import bitget

D = Decimal
TIER = D(200_000)


class Bitget:
    """V2, classic account."""

    def __init__(self) -> None:
        self.engine, self.public = Engine(), bitget()

    def refusal(self, refused: Refused, path: str) -> Any:
        codes = {
            "duplicate": "40786",
            "too_much": "22002",
            "nothing_there": "43025" if "cancel" in path else "40891",
            "not_empty": "40920",
            "would_trigger": "40832",
            "only_one": "40889",
        }
        return {"code": codes[refused.why], "msg": refused.why, "requestTime": 1, "data": None}

    def answer(self, method: str, path: str, query: Any) -> Any:
        e = self.engine
        match path.removeprefix("/api/v2/"):
            case "spot/account/info":
                return good({"authorities": ["coor", "coow", "cpor", "cpow"]})
            case "common/trade-rate":
                return good({"makerFeeRate": "0.0002", "takerFeeRate": "0.0006"})
            case "mix/account/accounts":
                return good(
                    [{"marginCoin": "USDT", "accountEquity": "10000", "unrealizedPL": "0", "available": "10000"}]
                )
            case "mix/account/account":
                return good(
                    {
                        "posMode": "hedge_mode" if e.hedge else "one_way_mode",
                        "crossedMarginLeverage": 10,
                        "marginMode": "isolated" if e.isolated else "crossed",
                        "isolatedLongLever": e.leverage["long"],
                        "isolatedShortLever": e.leverage["short"],
                    }
                )
            case "mix/account/set-position-mode":
                e.must_be_empty()
                e.hedge = query["posMode"] == "hedge_mode"
                return good({})
            case "mix/account/set-margin-mode":
                e.must_be_empty()
                e.isolated = query["marginMode"] == "isolated"
                return good({})
            case "mix/account/set-leverage":
                e.leverage[query["holdSide"]] = int(query["leverage"])
                return good({})
            case "mix/position/single-position":
                return good(
                    [
                        {
                            "symbol": "AVAXUSDT",
                            "holdSide": leg,
                            "total": str(held),
                            "openPriceAvg": "20.5",
                            "markPrice": "20.5",
                            "liquidationPrice": "0",
                            "marginSize": "1",
                            "marginMode": "isolated",
                            "leverage": str(e.leverage[leg]),
                        }
                        for leg, held in e.legs.items()
                        if held
                    ]
                )
            case "mix/market/query-position-lever":
                return good([{"endUnit": str(TIER), "leverage": "50", "keepMarginRate": "0.01"}])
            case "mix/order/place-order":
                leg: Leg = "long" if query["side"] == "buy" else "short"
                done = e.place(query["clientOid"], leg, D(query["size"]), closes=query["tradeSide"] == "close")
                return good({"orderId": done.number, "clientOid": done.name})
            case "mix/order/place-tpsl-order":
                price, stop = D(query["triggerPrice"]), query["planType"] == "pos_loss"
                order = e.rest(query["clientOid"], query["holdSide"], price if stop else None, None if stop else price)
                return good({"orderId": order.number, "clientOid": order.name})
            case "mix/order/detail":
                found = e.done.get(query["clientOid"])
                if found is None:
                    return {"code": "40109", "msg": "The data of the order cannot be found", "data": None}
                return good(self._done(found))
            case "mix/order/cancel-plan-order":
                e.cancel(query["orderIdList"][0]["clientOid"])
                return good({"successList": query["orderIdList"], "failureList": []})
            case "mix/order/orders-plan-pending":
                return self._plans(query, live=True)
            case "mix/order/orders-plan-history":
                return self._plans(query, live=False)
            case "mix/order/orders-pending":
                return good({"entrustedList": None, "endId": None})
            case "mix/order/fills":
                fills = [
                    {
                        "tradeId": order.number,
                        "orderId": order.number,
                        "side": "buy" if order.leg == "long" else "sell",
                        "tradeSide": "close" if order.closes else "open",
                        "price": "20.5",
                        "profit": "0",
                        "baseVolume": str(order.quantity),
                        "cTime": "1",
                        "feeDetail": [{"feeCoin": "USDT", "totalFee": "-0.01"}],
                    }
                    for order in e.done.values()
                ]
                return good({"fillList": fills, "endId": None})
        return None

    def _plans(self, query: Any, *, live: bool) -> Any:
        found = [order for order in self.engine.waiting.values() if (order.state == "live") is live]
        found = [order for order in found if query.get("clientOid") in (None, order.name)]
        shown = [self._waits(order) for order in found] if query["planType"] == "profit_loss" else []
        return good({"entrustedList": shown or None, "endId": None})

    def _done(self, order: Done) -> Any:
        return {
            "clientOid": order.name,
            "orderId": order.number,
            "side": "buy" if order.leg == "long" else "sell",
            "posSide": order.leg,
            "tradeSide": "close" if order.closes else "open",
            "state": "filled",
            "size": str(order.quantity),
            "baseVolume": str(order.quantity),
            "priceAvg": "20.5",
        }

    def _waits(self, order: Waiting) -> Any:
        status = {"live": "live", "fired": "executed", "cancelled": "cancelled"}[order.state]
        return {
            "clientOid": order.name,
            "orderId": order.number,
            "planStatus": status,
            "size": "0",
            "planType": "pos_profit" if order.stop is None else "pos_loss",
            "tradeSide": "close",
            "side": "buy" if order.leg == "long" else "sell",
            "posSide": order.leg,
            "triggerPrice": str(order.stop or order.profit),
        }


def good(found: Any) -> Any:
    return {"code": "00000", "msg": "success", "requestTime": 1, "data": found}
