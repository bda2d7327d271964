"""OKX V5 over `tests.mini_venue.Engine`, written from its documentation and from nothing of ours."""

from decimal import Decimal
from typing import Any

from tests.mini_venue import Done, Engine, Leg, Refused, Waiting, side_of
from tests.other_venues import okx

D = Decimal


class Okx:
    """V5, futures mode, contracts of 0.1 AVAX."""

    SIZE = D("0.1")

    def __init__(self) -> None:
        self.engine, self.public = Engine(one_each=True, isolated=True), okx()

    def refusal(self, refused: Refused, path: str) -> Any:
        codes = {
            "duplicate": "51065" if "algo" in path else "51016",
            "too_much": "51169",
            "nothing_there": "51400",
            "not_empty": "59000",
            "would_trigger": "51280",
            "only_one": "51088",
        }
        return {"code": "1", "msg": "", "data": [{"sCode": codes[refused.why], "sMsg": refused.why}]}

    def answer(self, method: str, path: str, query: Any) -> Any:
        e = self.engine
        match path.removeprefix("/api/v5/"):
            case "account/config":
                return data(
                    {
                        "acctLv": "2",
                        "perm": "read_only,trade",
                        "ctIsoMode": "automatic",
                        "posMode": "long_short_mode" if e.hedge else "net_mode",
                    }
                )
            case "account/balance":
                return data({"details": [{"ccy": "USDT", "eq": "10000", "upl": "0", "availEq": "10000"}]})
            case "account/trade-fee":
                return data({"makerU": "-0.0002", "takerU": "-0.0005", "maker": "", "taker": ""})
            case "account/leverage-info":
                if not e.hedge:
                    return data({"posSide": "net", "lever": str(e.leverage["long"])})
                return data(*({"posSide": leg, "lever": str(lever)} for leg, lever in e.leverage.items()))
            case "account/set-position-mode":
                e.must_be_empty()
                e.hedge = query["posMode"] == "long_short_mode"
                return data(query)
            case "account/set-leverage":
                e.leverage[query["posSide"]] = int(query["lever"])
                return data(query)
            case "account/positions":
                return data(
                    *(
                        {
                            "instId": "AVAX-USDT-SWAP",
                            "posSide": leg,
                            "pos": str(held / self.SIZE),
                            "avgPx": "20.5",
                            "markPx": "20.5",
                            "liqPx": "",
                            "margin": "1",
                            "mgnMode": "isolated",
                            "lever": str(e.leverage[leg]),
                        }
                        for leg, held in e.legs.items()
                        if held
                    )
                )
            case "public/position-tiers":
                return data({"maxSz": "100000", "maxLever": "50", "mmr": "0.01"})
            case "market/books":
                return data({"bids": [["20.4", "5", "0", "1"]], "asks": [["20.6", "6", "0", "1"]], "ts": "1"})
            case "trade/order" if method == "POST":
                leg: Leg = query["posSide"]
                closes = (query["side"] == "sell") == (leg == "long")
                done = e.place(query["clOrdId"], leg, D(query["sz"]) * self.SIZE, closes=closes)
                return data({"clOrdId": done.name, "ordId": done.number, "sCode": "0"})
            case "trade/order":
                found = e.done.get(query["clOrdId"])
                return self._absent() if found is None else data(self._done(found))
            case "trade/order-algo" if method == "POST":
                leg = query["posSide"]
                assert (query["side"] == "sell") == (leg == "long"), "closeFraction that opens"
                assert query["ordType"] == (
                    "oco" if "slTriggerPx" in query and "tpTriggerPx" in query else "conditional"
                )
                prices = [D(query[key]) if key in query else None for key in ("slTriggerPx", "tpTriggerPx")]
                order = e.rest(query["algoClOrdId"], leg, *prices)
                return data({"algoClOrdId": order.name, "algoId": order.number, "sCode": "0"})
            case "trade/order-algo":
                waits = e.waiting.get(query["algoClOrdId"])
                return self._absent() if waits is None else data(self._waits(waits))
            case "trade/cancel-algos":
                e.cancel(query[0]["algoClOrdId"])
                return data({"sCode": "0"})
            case "trade/orders-algo-pending":
                return data(*(self._waits(o) for o in e.resting() if self._kind(o) == query["ordType"]))
            case "trade/orders-pending":
                return data()
            case "trade/fills":
                return data(
                    *(
                        {
                            "billId": order.number,
                            "tradeId": "1",
                            "ordId": order.number,
                            "side": side_of(order),
                            "posSide": order.leg,
                            "fillPx": "20.5",
                            "fillSz": str(order.quantity / self.SIZE),
                            "fee": "-0.01",
                            "feeCcy": "USDT",
                            "fillPnl": "0",
                            "ts": "1",
                        }
                        for order in e.done.values()
                    )
                )
        return None

    @staticmethod
    def _absent() -> Any:
        return {"code": "51603", "msg": "Order does not exist", "data": []}

    @staticmethod
    def _kind(order: Waiting) -> str:
        return "oco" if order.stop is not None and order.profit is not None else "conditional"

    def _done(self, order: Done) -> Any:
        size = str(order.quantity / self.SIZE)
        return {
            "clOrdId": order.name,
            "ordId": order.number,
            "side": side_of(order),
            "posSide": order.leg,
            "state": "filled",
            "sz": size,
            "accFillSz": size,
            "avgPx": "20.5",
        }

    def _waits(self, order: Waiting) -> Any:
        state = {"live": "live", "fired": "effective", "cancelled": "canceled"}[order.state]
        return {
            "algoClOrdId": order.name,
            "algoId": order.number,
            "side": "sell" if order.leg == "long" else "buy",
            "posSide": order.leg,
            "state": state,
            "ordType": self._kind(order),
            "closeFraction": "1",
            "slTriggerPx": str(order.stop or ""),
            "tpTriggerPx": str(order.profit or ""),
        }


def data(*found: Any) -> Any:
    return {"code": "0", "msg": "", "data": list(found)}
