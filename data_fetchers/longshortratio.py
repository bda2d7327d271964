"""Long/short ratios, hourly: all accounts, top accounts, top positions, and takers' buys over sells.

A ratio is longs divided by shorts. Which kinds exist depends on the venue; a missing kind is `not_supported`.
Command: ``python -m data_fetchers.longshortratio --exchange binanceusdm --symbol SOLUSDT --limit 30``
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from data_fetchers.errors import FetchCode, NotSupported, Permanent
from data_fetchers.parsing import iso, millis, not_negative
from data_fetchers.snapshot import Positioning, RatioPoint, Unavailable
from data_fetchers.source import Source, failure_of

KINDS = ("accounts", "top_accounts", "top_positions", "taker")
_MOST = {"binanceusdm": 500, "bybit": 500, "okx": 100, "bitget": 100}
_BINANCE = {
    "accounts": "fapiDataGetGlobalLongShortAccountRatio",
    "top_accounts": "fapiDataGetTopLongShortAccountRatio",
    "top_positions": "fapiDataGetTopLongShortPositionRatio",
    "taker": "fapiDataGetTakerlongshortRatio",
}
_OKX = {
    "top_accounts": "publicGetRubikStatContractsLongShortAccountRatioContractTopTrader",
    "top_positions": "publicGetRubikStatContractsLongShortPositionRatioContractTopTrader",
    "taker": "publicGetRubikStatTakerVolumeContract",
}

Points = tuple[RatioPoint, ...]
#: An hour's ratios are published some minutes after it, and asked for in the next quarter: the full hour has candles.
_HOUR_MS, _GRACE_MS, _SLACK_MS = 3_600_000, 20 * 60_000, 60_000


async def fetch(source: Source) -> Positioning:
    """The last `requirements.positioning_points` hourly ratios of each kind; `as_of` is the oldest kind's last point.

    Raises FetchError when there is no kind at all.
    """
    limit = max(1, min(source.requirements.positioning_points, _MOST.get(source.exchange.id, 100)))
    found = await asyncio.gather(*(source.settle(_kind(source, kind, limit)) for kind in KINDS))
    kinds = dict(zip(KINDS, found, strict=True))
    there = [points for points in found if not isinstance(points, Unavailable)]
    if not there:
        first = next(points for points in found if isinstance(points, Unavailable))
        raise failure_of(first, first.reason)
    return Positioning(
        venue=source.venue,
        symbol=source.symbol,
        **kinds,
        as_of=min(points[-1].time for points in there),
        fetched_at=await source.now(),
    )


async def _kind(source: Source, kind: str, limit: int) -> Points:
    store, now = source.store, await source.now()
    known = () if store is None else store.ratios(source.venue, source.symbol, kind)
    if len(known) >= limit and known[-1].time - _SLACK_MS <= now < known[-1].time + _HOUR_MS + _GRACE_MS:
        return known[-limit:]
    points = ratios(await _ask(source, kind, limit))[-limit:]
    if not points:
        raise Permanent(f"{source.venue} {source.symbol}: no {kind} ratio", FetchCode.EMPTY)
    if store is not None:
        store.keep_ratios(source.venue, source.symbol, kind, points)
    return points


async def _ask(source: Source, kind: str, limit: int) -> Any:
    """What the venue answers for one kind. Raises FetchError."""
    venue_id = source.exchange.id
    if venue_id in ("binanceusdm", "binance"):
        market = await source.market()
        return await source.call(_BINANCE[kind], {"symbol": market["id"], "period": "1h", "limit": limit})
    if kind == "accounts" and source.supports("fetchLongShortRatioHistory"):
        return await source.call("fetch_long_short_ratio_history", source.symbol, "1h", None, limit)
    if venue_id == "okx" and kind in _OKX:
        market = await source.market()
        answer = await source.call(_OKX[kind], {"instId": market["id"], "period": "1H", "limit": limit})
        data = answer.get("data") if isinstance(answer, dict) else None
        return [_okx_row(row, taker=kind == "taker") for row in data] if isinstance(data, list) else []
    raise NotSupported(f"{source.venue} publishes no {kind} ratio")


def _okx_row(row: Any, *, taker: bool) -> dict[str, Any]:
    """OKX sends lists: [time, ratio], for takers [time, sold, bought] (contracts)."""
    if not isinstance(row, list) or len(row) < 2 + taker:
        return {}
    if not taker:
        return {"timestamp": row[0], "longShortRatio": row[1]}
    sold, bought = not_negative(row[1]), not_negative(row[2])
    return {"timestamp": row[0], "longShortRatio": bought / sold if sold and bought is not None else None}


def ratios(answer: Any) -> Points:
    """Points oldest first, each time once, of rows with `timestamp` and `longShortRatio` or `buySellRatio`."""
    found: dict[int, float] = {}
    for row in answer if isinstance(answer, list) else []:
        if isinstance(row, dict):
            time = millis(row.get("timestamp"))
            ratio = not_negative(row.get("longShortRatio", row.get("buySellRatio")))
            if time is not None and ratio is not None:
                found[time] = ratio
    return tuple(RatioPoint(time=time, ratio=ratio) for time, ratio in sorted(found.items()))


def rows(positioning: Positioning) -> Iterator[tuple[Any, ...]]:
    """CSV rows."""
    for kind in KINDS:
        points = getattr(positioning, kind)
        for point in () if isinstance(points, Unavailable) else points:
            yield (iso(point.time), kind, point.ratio)


def main(argv: list[str] | None = None) -> int:
    """The command."""
    from data_fetchers.command import Command, run

    columns = ("time", "kind", "ratio")
    return run(Command("longshortratio", "Hourly long/short ratios.", columns, fetch, rows), argv)


if __name__ == "__main__":
    raise SystemExit(main())
