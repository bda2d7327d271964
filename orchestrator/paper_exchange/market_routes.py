"""Public endpoints: what everybody may ask. Shapes as the venue documents them."""

from collections.abc import Callable
from typing import Any

from orchestrator.paper_exchange.contracts import CONTRACTS, exchange_info
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.errors import Refusal, missing
from orchestrator.paper_exchange.market import INTERVALS
from orchestrator.paper_exchange.orders import known_symbol
from orchestrator.paper_exchange.synthetic import DAY, MINUTE

Parameters = dict[str, str]
Handler = Callable[[Engine, Parameters], Any]
_RATIOS = {
    "/futures/data/globalLongShortAccountRatio": ("accounts", "longAccount", "shortAccount"),
    "/futures/data/topLongShortAccountRatio": ("top_accounts", "longAccount", "shortAccount"),
    "/futures/data/topLongShortPositionRatio": ("top_positions", "longAccount", "shortAccount"),
}


def number(parameters: Parameters, name: str, default: int | None = None) -> int | None:
    """An integer parameter. Raises Refusal -1102."""
    text = parameters.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise missing(name) from None


def limit_of(parameters: Parameters, usual: int, most: int) -> int:
    """How many rows are wanted, at most what the venue gives. Raises Refusal -1102, -1130."""
    limit = number(parameters, "limit", usual) or usual
    if limit < 0:
        raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(limit, most)


def _klines(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q.get("symbol"))
    if q.get("interval") not in INTERVALS:
        raise Refusal(-1120, "Invalid interval.")
    limit = limit_of(q, 500, 1500)
    start, end = number(q, "startTime"), number(q, "endTime")
    return engine.market.klines(symbol, q["interval"], start, end, limit, engine.now)


def _depth(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q.get("symbol"))
    limit = number(q, "limit", 500) or 500
    if limit not in (5, 10, 20, 50, 100, 500, 1000):
        raise Refusal(-4021, f"{limit} is not valid depth limit.")
    bids, asks = engine.market.book(symbol, engine.now)
    rows = [[[format(p, "f"), format(s, "f")] for p, s in side[:limit]] for side in (bids, asks)]
    return {"lastUpdateId": engine.now, "E": engine.now, "T": engine.now, "bids": rows[0], "asks": rows[1]}


def _premium(engine: Engine, q: Parameters) -> Any:
    def one(symbol: str) -> dict[str, Any]:
        mark = engine.market.mark(symbol, engine.now)
        return {
            "symbol": symbol,
            "markPrice": f"{mark:.8f}",
            "indexPrice": f"{engine.market.index(symbol, engine.now):.8f}",
            "estimatedSettlePrice": f"{mark:.8f}",
            "lastFundingRate": f"{engine.market.predicted_funding(symbol, engine.now):.8f}",
            "nextFundingTime": engine.market.next_funding(engine.now),
            "interestRate": "0.00010000",
            "time": engine.now,
        }

    return one(known_symbol(q["symbol"])) if "symbol" in q else [one(symbol) for symbol in CONTRACTS]


def _ticker(engine: Engine, q: Parameters) -> Any:
    def one(symbol: str) -> dict[str, Any]:
        market, now = engine.market, engine.now
        rows = market.klines(symbol, "1h", now - DAY, None, 25, now)
        opened, last = float(rows[0][1]), market.mid(symbol, now)
        volume = sum(float(row[5]) for row in rows)
        turnover = sum(float(row[7]) for row in rows)
        return {
            "symbol": symbol,
            "priceChange": f"{float(last) - opened:.4f}",
            "priceChangePercent": f"{(float(last) / opened - 1) * 100:.3f}",
            "weightedAvgPrice": f"{turnover / volume if volume else opened:.4f}",
            "lastPrice": format(last, "f"),
            "lastQty": "1",
            "openPrice": f"{opened:.4f}",
            "highPrice": f"{max(float(row[2]) for row in rows):.4f}",
            "lowPrice": f"{min(float(row[3]) for row in rows):.4f}",
            "volume": f"{volume:.3f}",
            "quoteVolume": f"{turnover:.3f}",
            "openTime": now - DAY,
            "closeTime": now,
            "firstId": 1,
            "lastId": now // 1000,
            "count": sum(int(row[8]) for row in rows),
        }

    return one(known_symbol(q["symbol"])) if "symbol" in q else [one(symbol) for symbol in CONTRACTS]


def _best(engine: Engine, q: Parameters) -> Any:
    def one(symbol: str) -> dict[str, Any]:
        bids, asks = engine.market.book(symbol, engine.now)
        return {
            "symbol": symbol,
            "bidPrice": format(bids[0][0], "f"),
            "bidQty": format(bids[0][1], "f"),
            "askPrice": format(asks[0][0], "f"),
            "askQty": format(asks[0][1], "f"),
            "time": engine.now,
        }

    return one(known_symbol(q["symbol"])) if "symbol" in q else [one(symbol) for symbol in CONTRACTS]


def _last(engine: Engine, q: Parameters) -> Any:
    def one(symbol: str) -> dict[str, Any]:
        return {"symbol": symbol, "price": format(engine.market.mid(symbol, engine.now), "f"), "time": engine.now}

    return one(known_symbol(q["symbol"])) if "symbol" in q else [one(symbol) for symbol in CONTRACTS]


def _funding(engine: Engine, q: Parameters) -> Any:
    symbols = [known_symbol(q["symbol"])] if "symbol" in q else list(CONTRACTS)
    limit = limit_of(q, 100, 1000)
    start, end = number(q, "startTime"), number(q, "endTime", engine.now) or engine.now
    rows = []
    for symbol in symbols:
        settled = engine.market.settled_funding(symbol, min(end, engine.now))
        if start is not None:
            settled = [item for item in settled if item[0] >= start][:limit]
        for at, rate in settled[-limit:]:
            price = engine.market.price(symbol, max(at, engine.market.source.first))
            rows.append(
                {"symbol": symbol, "fundingTime": at, "fundingRate": f"{rate:.8f}", "markPrice": f"{price:.8f}"}
            )
    return rows


def _funding_info(engine: Engine, q: Parameters) -> Any:
    return [
        {
            "symbol": symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": 8,
            "disclaimer": False,
        }
        for symbol in CONTRACTS
    ]


def _open_interest(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q.get("symbol"))
    coins = engine.market.open_interest(symbol, engine.now)
    return {"symbol": symbol, "openInterest": f"{coins:.3f}", "time": engine.now}


def _times(engine: Engine, q: Parameters) -> list[int]:
    """The grid of a history request, newest last; at most 30 days back, as at the venue."""
    step = INTERVALS.get(q.get("period", ""))
    if step is None or step < 5 * MINUTE:
        raise Refusal(-1130, "Data sent for parameter 'period' is not valid.")
    limit = limit_of(q, 30, 500)
    end = min(number(q, "endTime", engine.now) or engine.now, engine.now)
    last = end // step * step
    first = max(engine.market.source.first + DAY, engine.now - 30 * DAY)
    start = number(q, "startTime")
    if start is not None:
        first = max(first, start)
        begin = first + (-first) % step
        return [begin + i * step for i in range(limit) if begin + i * step <= last]
    return [last - i * step for i in range(limit - 1, -1, -1) if last - i * step >= first]


def _interest_history(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q.get("symbol"))
    rows = []
    for at in _times(engine, q):
        coins = engine.market.open_interest(symbol, at)
        value = coins * engine.market.price(symbol, at)
        rows.append(
            {
                "symbol": symbol,
                "sumOpenInterest": f"{coins:.8f}",
                "sumOpenInterestValue": f"{value:.8f}",
                "timestamp": at,
            }
        )
    return rows


def _ratio(path: str) -> Handler:
    kind, long_name, short_name = _RATIOS[path]

    def handler(engine: Engine, q: Parameters) -> Any:
        symbol = known_symbol(q.get("symbol"))
        rows = []
        for at in _times(engine, q):
            ratio = engine.market.ratio(symbol, kind, at)
            share = ratio / (1 + ratio)
            rows.append(
                {
                    "symbol": symbol,
                    long_name: f"{share:.4f}",
                    "longShortRatio": f"{ratio:.4f}",
                    short_name: f"{1 - share:.4f}",
                    "timestamp": at,
                }
            )
        return rows

    return handler


def _taker(engine: Engine, q: Parameters) -> Any:
    symbol = known_symbol(q.get("symbol"))
    rows = []
    for at in _times(engine, q):
        ratio = engine.market.ratio(symbol, "taker", at)
        rows.append(
            {
                "buySellRatio": f"{ratio:.4f}",
                "buyVol": f"{50_000 * ratio:.4f}",
                "sellVol": "50000.0000",
                "timestamp": at,
            }
        )
    return rows


PUBLIC: dict[tuple[str, str], Handler] = {
    ("GET", "/fapi/v1/ping"): lambda engine, q: {},
    ("GET", "/fapi/v1/time"): lambda engine, q: {"serverTime": engine.now},
    ("GET", "/fapi/v1/exchangeInfo"): lambda engine, q: exchange_info(engine.now),
    ("GET", "/fapi/v1/klines"): _klines,
    ("GET", "/fapi/v1/markPriceKlines"): _klines,
    ("GET", "/fapi/v1/indexPriceKlines"): lambda engine, q: _klines(engine, {**q, "symbol": q.get("pair", "")}),
    ("GET", "/fapi/v1/depth"): _depth,
    ("GET", "/fapi/v1/premiumIndex"): _premium,
    ("GET", "/fapi/v1/ticker/24hr"): _ticker,
    ("GET", "/fapi/v1/ticker/bookTicker"): _best,
    ("GET", "/fapi/v1/ticker/price"): _last,
    ("GET", "/fapi/v2/ticker/price"): _last,
    ("GET", "/fapi/v1/fundingRate"): _funding,
    ("GET", "/fapi/v1/fundingInfo"): _funding_info,
    ("GET", "/fapi/v1/openInterest"): _open_interest,
    ("GET", "/futures/data/openInterestHist"): _interest_history,
    **{("GET", path): _ratio(path) for path in _RATIOS},
    ("GET", "/futures/data/takerlongshortRatio"): _taker,
}
