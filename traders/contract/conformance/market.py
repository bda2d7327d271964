"""Made-up markets to show a trader: five moods, the same on every machine, and one in which nothing could be had."""

import math
from collections.abc import Mapping

from data_fetchers.snapshot import (
    TIMEFRAME_MS,
    Candles,
    Funding,
    FundingPoint,
    MarketData,
    MarketSnapshot,
    OpenInterest,
    OpenInterestPoint,
    OrderBook,
    Positioning,
    RatioPoint,
    Requirements,
    SymbolData,
    Ticker,
    Unavailable,
)

#: 2025-03-01T00:00:20Z: twenty seconds after a bar of every time frame has closed.
NOW = 1_740_787_220_000
VENUE = "paper"
#: mood -> (drift of log price an hour, volatility an hour, its factor in the week before the last day, its factor on
#: the last day, share of bids in the book)
MOODS: Mapping[str, tuple[float, float, float, float, float]] = {
    "calm": (0.0, 0.002, 1.0, 1.0, 0.5),
    "rising": (0.0008, 0.004, 1.0, 1.0, 0.62),
    "falling": (-0.0008, 0.004, 1.0, 1.0, 0.38),
    "expanding": (0.0, 0.006, 0.25, 1.2, 0.7),
    "wild": (0.0, 0.006, 1.0, 9.0, 0.5),
}
NOTHING = "nothing"


def snapshot(wanted: Requirements, mood: str) -> MarketSnapshot:
    """What a collector would bring for `wanted`; in mood `nothing` every source is unavailable."""
    symbols = {wanted.primary, *wanted.candles}
    data = {symbol: _nothing(symbol) if mood == NOTHING else _data(symbol, wanted, mood) for symbol in sorted(symbols)}
    return MarketSnapshot(
        venue=VENUE,
        primary=wanted.primary,
        as_of=NOW,
        fetched_at=NOW,
        clock_drift_ms=0,
        symbols=data,
        timings={},
        requests=0,
    )


def _nothing(symbol: str) -> SymbolData:
    gone = Unavailable(code="error", reason="the conformance suite took everything away")
    return SymbolData(
        symbol=symbol, market_data=gone, funding=gone, order_book=gone, positioning=gone, open_interest=gone
    )


def _data(symbol: str, wanted: Requirements, mood: str) -> SymbolData:
    asked = wanted.candles.get(symbol, {})
    step = min((TIMEFRAME_MS[name] for name in asked), default=3_600_000)
    span = max((TIMEFRAME_MS[name] * count for name, count in asked.items()), default=step)
    path = _path(symbol, mood, step, span // step + 1)
    last = path[-1]
    share = MOODS[mood][4]
    hour = 3_600_000
    settled = NOW - NOW % (8 * hour)
    return SymbolData(
        symbol=symbol,
        market_data=MarketData(
            candles={name: _candles(symbol, name, count, path, step) for name, count in asked.items()},
            ticker=Ticker(last=last, mark=last, index=last, quote_volume_24h=1e9, as_of=NOW, fetched_at=NOW),
        ),
        funding=Funding(
            venue=VENUE,
            symbol=symbol,
            history=tuple(
                FundingPoint(time=settled - 8 * hour * back, rate=0.0001, interval_hours=8.0)
                for back in range(wanted.funding_points, -1, -1)
            ),
            predicted_rate=0.0006 if mood == "expanding" else 0.0001,
            interval_hours=8.0,
            next_funding_time=settled + 8 * hour,
            as_of=NOW,
            fetched_at=NOW,
        ),
        order_book=OrderBook(
            venue=VENUE,
            symbol=symbol,
            bids=tuple((last * (1 - 0.0001 * level), 4000 * share) for level in range(1, 201)),
            asks=tuple((last * (1 + 0.0001 * level), 4000 * (1 - share)) for level in range(1, 201)),
            as_of=NOW,
            fetched_at=NOW,
        ),
        positioning=Positioning(
            venue=VENUE,
            symbol=symbol,
            accounts=_ratios(wanted.positioning_points),
            top_accounts=_ratios(wanted.positioning_points),
            top_positions=_ratios(wanted.positioning_points),
            taker=_ratios(wanted.positioning_points),
            as_of=NOW,
            fetched_at=NOW,
        ),
        open_interest=OpenInterest(
            venue=VENUE,
            symbol=symbol,
            points=tuple(
                OpenInterestPoint(time=NOW - 300_000 * back, coins=1e6 * (1 + 1e-5 * back), quote=None)
                for back in range(wanted.open_interest_points, -1, -1)
            ),
            as_of=NOW,
            fetched_at=NOW,
        ),
    )


def _ratios(count: int) -> tuple[RatioPoint, ...]:
    return tuple(RatioPoint(time=NOW - 3_600_000 * back, ratio=1.2) for back in range(count, -1, -1))


def _path(symbol: str, mood: str, step: int, count: int) -> list[float]:
    """A walk on a grid of `step` ms that ends at the newest closed bar."""
    drift, volatility, week, day, _ = MOODS[mood]
    hours = step / 3_600_000
    last_day, last_week = (count - max(1, round(long / hours)) for long in (24, 168))
    state = sum(ord(letter) << (8 * place) for place, letter in enumerate(symbol[:3]))
    level, path = math.log(120.0), [120.0]
    for index in range(count):
        state = (1_103_515_245 * state + 12_345) % 2_147_483_648
        shock = (state / 2_147_483_648 - 0.5) * math.sqrt(12)
        wide = volatility * (day if index >= last_day else week if index >= last_week else 1.0)
        level += drift * hours + wide * math.sqrt(hours) * shock - 0.002 * hours * (level - math.log(120.0))
        path.append(math.exp(level))
    return path


def _candles(symbol: str, timeframe: str, count: int, path: list[float], step: int) -> Candles:
    interval = TIMEFRAME_MS[timeframe]
    grid = interval // step
    close_of_last = NOW - NOW % interval
    bars = [path[len(path) - 1 - grid * (back + 1) : len(path) - grid * back] for back in range(count - 1, -1, -1)]
    return Candles(
        venue=VENUE,
        symbol=symbol,
        timeframe=timeframe,
        interval_ms=interval,
        time=tuple(close_of_last - interval * (back + 1) for back in range(count - 1, -1, -1)),
        open=tuple(bar[0] for bar in bars),
        high=tuple(max(bar) * 1.0002 for bar in bars),
        low=tuple(min(bar) * 0.9998 for bar in bars),
        close=tuple(bar[-1] for bar in bars),
        volume=tuple(1000.0 + 50.0 * (index % 7) for index in range(count)),
        as_of=close_of_last,
        fetched_at=NOW,
    )
