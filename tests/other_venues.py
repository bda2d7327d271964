"""OKX and Bitget as their documentation has them: answers by path, made of the query; what was asked is kept."""

from typing import Any

from aiohttp import web

from tests.fetchers_venue import HOUR, NOW

LAST = NOW // HOUR * HOUR - HOUR
AVAX = "AVAX/USDT:USDT"
OKX_SWAP = {
    "instId": "AVAX-USDT-SWAP",
    "instType": "SWAP",
    "instFamily": "AVAX-USDT",
    "uly": "AVAX-USDT",
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "ctVal": "0.1",
    "ctMult": "1",
    "ctValCcy": "AVAX",
    "ctType": "linear",
    "state": "live",
    "tickSz": "0.001",
    "lotSz": "1",
    "minSz": "1",
    "lever": "50",
    "listTime": "1600000000000",
}


class Paths:
    """Answers by path, made of the query; keeps what was asked."""

    def __init__(self, makers: dict[str, Any]) -> None:
        self.makers = makers
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.query)))
        maker = self.makers.get(request.path)
        if maker is None:
            return web.json_response({"code": "404", "msg": f"not here: {request.path_qs}"}, status=404)
        return web.json_response(maker(request.query))


def okx_candles(query: Any, cap: int) -> Any:
    """Newest first, between `before` and `after` (both excluded), [ts, o, h, l, c, contracts, coins, quote, closed]."""
    last = min(int(query["after"]) - 1, NOW) // HOUR * HOUR
    times = list(range(last, int(query["before"]), -HOUR))[: min(int(query["limit"]), cap)]
    return {"code": "0", "data": [[str(t), "20.125", "21", "20", "20.5", "500", "50", "1025", "1"] for t in times]}


def okx(cap: int = 300) -> Paths:
    def data(*rows: Any) -> Any:
        return lambda query: {"code": "0", "msg": "", "data": list(rows)}

    stat = "/api/v5/rubik/stat"
    return Paths(
        {
            "/api/v5/public/time": data({"ts": str(NOW)}),
            "/api/v5/public/instruments": data(OKX_SWAP),
            "/api/v5/market/candles": lambda query: okx_candles(query, cap),
            "/api/v5/market/history-candles": lambda query: okx_candles(query, cap),
            "/api/v5/market/ticker": data(
                {"instId": "AVAX-USDT-SWAP", "last": "20.5", "vol24h": "1000", "volCcy24h": "100", "ts": str(NOW - 9)}
            ),
            "/api/v5/public/mark-price": data({"instId": "AVAX-USDT-SWAP", "markPx": "20.51", "ts": str(NOW)}),
            "/api/v5/market/index-tickers": data({"instId": "AVAX-USDT", "idxPx": "20.49"}),
            "/api/v5/market/books-full": data(
                {
                    "bids": [["20.5", "30", "1"], ["20.2", "40", "1"]],
                    "asks": [["20.6", "10", "1"], ["21", "20", "1"]],
                    "ts": str(NOW - 7),
                }
            ),
            "/api/v5/public/funding-rate": data(
                {
                    "instId": "AVAX-USDT-SWAP",
                    "fundingRate": "0.0002",
                    "fundingTime": str(LAST + 3 * HOUR),
                    "nextFundingTime": str(LAST + 7 * HOUR),
                    "nextFundingRate": "",
                }
            ),
            "/api/v5/public/funding-rate-history": data(
                {"instId": "AVAX-USDT-SWAP", "realizedRate": "0.0001", "fundingTime": str(LAST - HOUR)},
                {"instId": "AVAX-USDT-SWAP", "realizedRate": "0.0003", "fundingTime": str(LAST - 5 * HOUR)},
            ),
            "/api/v5/public/open-interest": data(
                {"instId": "AVAX-USDT-SWAP", "oi": "5000", "oiCcy": "500", "oiUsd": "10250", "ts": str(NOW - 3)}
            ),
            f"{stat}/contracts/open-interest-history": lambda query: {
                "code": "0",
                "data": [
                    [str(t), "4000", "400", "8200"]
                    for t in range(int(query.get("begin", NOW - 60 * 300_000)) // 300_000 * 300_000, NOW, 300_000)
                    if t > int(query.get("begin", 0)) and t < int(query.get("end", NOW))
                ][: int(query["limit"])],
            },
            f"{stat}/contracts/long-short-account-ratio-contract": data([str(LAST), "1.5"], [str(LAST - HOUR), "1.4"]),
            f"{stat}/contracts/long-short-account-ratio-contract-top-trader": data([str(LAST), "1.25"]),
            f"{stat}/contracts/long-short-position-ratio-contract-top-trader": data([str(LAST), "0.75"]),
            f"{stat}/taker-volume-contract": data([str(LAST), "200", "300"]),
        }
    )


def bitget() -> Paths:
    contract = {
        "symbol": "AVAXUSDT",
        "baseCoin": "AVAX",
        "quoteCoin": "USDT",
        "supportMarginCoins": ["USDT"],
        "minTradeNum": "0.1",
        "priceEndStep": "1",
        "volumePlace": "1",
        "pricePlace": "3",
        "sizeMultiplier": "0.1",
        "symbolType": "perpetual",
        "symbolStatus": "normal",
        "minTradeUSDT": "5",
        "maxLever": "75",
        "fundInterval": "8",
    }

    def data(document: Any) -> Any:
        return lambda query: {"code": "00000", "msg": "success", "data": document}

    def candles(query: Any) -> Any:
        first = -(-int(query["startTime"]) // HOUR) * HOUR
        times = list(range(first, min(int(query["endTime"]), NOW) + 1, HOUR))[-int(query["limit"]) :]
        return {"code": "00000", "data": [[str(t), "20", "21", "19", "20.5", "7.5", "150"] for t in times]}

    return Paths(
        {
            "/api/v2/public/time": data({"serverTime": str(NOW)}),
            "/api/v2/mix/market/contracts": lambda query: {
                "code": "00000",
                "data": [contract] if query.get("productType", "").upper() == "USDT-FUTURES" else [],
            },
            "/api/v2/mix/market/ticker": data(
                [
                    {
                        "symbol": "AVAXUSDT",
                        "lastPr": "20.5",
                        "baseVolume": "50000",
                        "quoteVolume": "1025000.5",
                        "indexPrice": "20.49",
                        "markPrice": "20.51",
                        "ts": str(NOW - 6),
                    }
                ]
            ),
            "/api/v2/mix/market/symbol-price": data(
                [{"symbol": "AVAXUSDT", "price": "20.5", "indexPrice": "20.49", "markPrice": "20.51", "ts": str(NOW)}]
            ),
            "/api/v2/mix/market/history-candles": candles,
            "/api/v2/mix/market/candles": candles,
            "/api/v2/mix/market/merge-depth": data(
                {"bids": [["20.4", "5"]], "asks": [["20.6", "6"]], "ts": str(NOW - 4)}
            ),
            "/api/v2/mix/market/current-fund-rate": data(
                [
                    {
                        "symbol": "AVAXUSDT",
                        "fundingRate": "0.00012",
                        "fundingRateInterval": "8",
                        "nextUpdate": str(LAST + HOUR),
                    }
                ]
            ),
            "/api/v2/mix/market/history-fund-rate": data(
                [
                    {"symbol": "AVAXUSDT", "fundingRate": "0.0001", "fundingTime": str(LAST - 8 * HOUR * n)}
                    for n in (0, 1)
                ]
            ),
            "/api/v2/mix/market/open-interest": data(
                {"openInterestList": [{"symbol": "AVAXUSDT", "size": "34000.5"}], "ts": str(NOW - 2)}
            ),
            "/api/v2/mix/market/account-long-short": data(
                [
                    {"longShortAccountRatio": "1.75", "ts": str(LAST)},
                    {"longShortAccountRatio": "1.7", "ts": str(LAST - HOUR)},
                ]
            ),
        }
    )


BYBIT_CONTRACT = {
    "symbol": "AVAXUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "AVAX",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "launchTime": "1600000000000",
    "deliveryTime": "0",
    "fundingInterval": 240,
    "leverageFilter": {"minLeverage": "1", "maxLeverage": "50", "leverageStep": "0.01"},
    "priceFilter": {"minPrice": "0.001", "maxPrice": "1999", "tickSize": "0.001"},
    "lotSizeFilter": {"maxOrderQty": "100000", "minOrderQty": "0.1", "qtyStep": "0.1", "minNotionalValue": "5"},
}


def bybit() -> Paths:
    def result(**document: Any) -> Any:
        return lambda query: {
            "retCode": 0,
            "retMsg": "OK",
            "result": {"category": "linear", "symbol": "AVAXUSDT", "nextPageCursor": "", **document},
            "time": NOW,
        }

    ticker = {
        "symbol": "AVAXUSDT",
        "lastPrice": "20.5",
        "markPrice": "20.51",
        "indexPrice": "20.49",
        "turnover24h": "1025000.5",
        "volume24h": "50000",
        "fundingRate": "0.0002",
        "nextFundingTime": str(LAST + 3 * HOUR),
        "openInterest": "1000.5",
        "openInterestValue": "20520",
    }
    candles = [[str(LAST - n * HOUR), "20.125", "21", "20", "20.5", "50", "1025"] for n in range(3)]
    return Paths(
        {
            "/v5/market/time": result(timeSecond=str(NOW // 1000)),
            "/v5/market/instruments-info": result(list=[BYBIT_CONTRACT]),
            "/v5/market/kline": result(list=candles),
            "/v5/market/tickers": result(list=[ticker]),
            "/v5/market/funding/history": result(
                list=[
                    {"symbol": "AVAXUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": str(LAST - HOUR)},
                    {"symbol": "AVAXUSDT", "fundingRate": "0.0003", "fundingRateTimestamp": str(LAST - 5 * HOUR)},
                ]
            ),
            "/v5/market/orderbook": result(s="AVAXUSDT", b=[["20.4", "5"]], a=[["20.6", "6"]], ts=NOW - 4, u=1),
            "/v5/market/open-interest": result(list=[{"openInterest": "1000.5", "timestamp": str(LAST)}]),
            "/v5/market/account-ratio": result(
                list=[{"symbol": "AVAXUSDT", "buyRatio": "0.6", "sellRatio": "0.4", "timestamp": str(LAST)}]
            ),
        }
    )
