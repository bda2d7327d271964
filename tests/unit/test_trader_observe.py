"""Readings against independent numbers: TA-Lib, plain numpy written differently, and arithmetic by hand."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from data_fetchers.snapshot import (
    TIMEFRAME_MS,
    BookShot,
    Candles,
    Funding,
    MarketData,
    MarketSnapshot,
    OpenInterest,
    OpenInterestPoint,
    OrderBook,
    SymbolData,
    Unavailable,
)
from tests.trader_samples import (
    AVAX,
    DAY,
    GONE,
    HOUR,
    NOW,
    SOL,
    book,
    candles,
    constraints,
    open_pair,
    portfolio,
    snapshot,
    symbol_data,
    walk,
    with_candles,
)
from traders.contract.base import canonical_json
from traders.contract.context import Context
from traders.volatility_gamma.catalogue import catalogue
from traders.volatility_gamma.observe import observe
from traders.volatility_gamma.requirements import requirements

ROOT = Path(__file__).parents[2]


def seen(taken: MarketSnapshot | None = None, *pairs: Any) -> Context:
    return observe(taken or snapshot(), portfolio(*pairs), constraints())


def arrays(found: Candles) -> tuple[Any, Any, Any, Any]:
    return tuple(np.asarray(column) for column in (found.high, found.low, found.close, found.volume))  # type: ignore[return-value]


def hourly(taken: MarketSnapshot, symbol: str = SOL, timeframe: str = "1h") -> Candles:
    data = taken.symbols[symbol].market_data
    assert isinstance(data, MarketData)
    found = data.candles[timeframe]
    assert isinstance(found, Candles)
    return found


@pytest.mark.parametrize("timeframe", ["1h", "4h", "1d"])
def test_candle_readings_against_talib(timeframe: str) -> None:
    taken = snapshot()
    found = seen(taken)
    high, low, close, volume = arrays(hourly(taken, timeframe=timeframe))
    fast, slow = talib.ATR(high, low, close, 14), talib.ATR(high, low, close, 50)
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    expected = {
        "close": (close[-1], 6),
        "atr14": (fast[-1], 6),
        "atr50": (slow[-1], 6),
        "atr_ratio": (fast[-1] / slow[-1], 4),
        "natr14": (talib.NATR(high, low, close, 14)[-1] / 100, 6),
        "tr_multiple": (talib.TRANGE(high, low, close)[-1] / fast[-2], 4),
        "bb_upper": (upper[-1], 6),
        "bb_middle": (middle[-1], 6),
        "bb_lower": (lower[-1], 6),
        "bb_bandwidth": ((upper[-1] - lower[-1]) / middle[-1], 6),
        "rsi14": (talib.RSI(close, 14)[-1], 2),
        "volume_ratio": (volume[-1] / np.mean(volume[-21:-1]), 4),
    }
    for name, (value, digits) in expected.items():
        reading = found.readings[f"sol.{timeframe}.{name}"]
        assert reading.value == pytest.approx(round(float(value), digits), abs=10.0**-digits), name
        assert reading.value == round(reading.value, digits) and reading.digits == digits
        assert reading.as_of == hourly(taken, timeframe=timeframe).as_of
    before = talib.ATR(high[:-1], low[:-1], close[:-1], 14) / talib.ATR(high[:-1], low[:-1], close[:-1], 50)
    if timeframe == "1h":
        assert found.value("sol.1h.atr_ratio_prev") == pytest.approx(before[-1], abs=1e-4)


@pytest.mark.parametrize(("timeframe", "previous"), [("1h", 480), ("4h", 120), ("1d", 20)])
def test_bandwidth_mean_and_squeeze_by_a_plain_loop(timeframe: str, previous: int) -> None:
    """domain.md section 6, written as a loop over TA-Lib's bands instead of the vectorised indicator."""
    taken = snapshot()
    found = seen(taken)
    close = np.asarray(hourly(taken, timeframe=timeframe).close)
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    width = (upper - lower) / middle
    first = 19 + previous
    mean = {index: float(np.mean(width[index - previous : index])) for index in range(first, close.size)}
    run, runs, last_event = 0, {}, None
    for index in range(first, close.size):
        if index - 1 in runs and runs[index - 1] >= 6 and width[index] > max(mean[index], width[index - 1]):
            last_event = index
        run = run + 1 if width[index] < mean[index] else 0
        runs[index] = run
    last = close.size - 1
    assert found.value(f"sol.{timeframe}.bb_bandwidth_mean") == pytest.approx(mean[last], abs=1e-6)
    assert found.value(f"sol.{timeframe}.bb_squeeze_run") == runs[last]
    age = None if last_event is None else last - last_event
    assert found.value(f"sol.{timeframe}.bb_expansion_age") == age
    assert age is not None or found.unavailable[f"sol.{timeframe}.bb_expansion_age"].startswith("none:")


def test_price_funding_book_and_crowd_by_hand() -> None:
    found = seen()
    expected = {
        "price.last": 120.1,
        "price.mark": 120.06,
        "price.index": 120.0,
        "price.basis": 0.0005,  # 120.06 / 120 - 1
        "price.quote_volume_24h": 2e9,
        "funding.rate_8h": -0.0006,  # -0.0003 per 4 h
        "funding.settled_rate_8h": 0.0004,  # 0.0002 per 4 h
        "funding.interval_hours": 4.0,
        "funding.seconds_to_next": 90.0,
        "funding.apr": -0.657,  # -0.0003 x 6 x 365
        "book.mid": 120.0,
        "book.spread": 0.0025,  # first levels 0.125 % either side
        # eight levels a side lie within 1 %: bids 3000 x sum(120 - 0.15 k), asks 2000 x sum(120 + 0.15 k), k = 1..8
        "book.depth_usdt": round(3000 * (960 - 5.4) + 2000 * (960 + 5.4)),
        "book.imbalance": round(3000 * 954.6 / (3000 * 954.6 + 2000 * 965.4), 4),
        "oi.coins": 1_060_000.0,
        "oi.change_1h": round(1_060_000 / 1_057_600 - 1, 6),
        "oi.change_4h": round(1_060_000 / 1_050_400 - 1, 6),
        "oi.change_24h": round(1_060_000 / 1_002_400 - 1, 6),
        "lsr.accounts": 1.71,
        "lsr.top_accounts": 1.61,
    }
    assert {name: found.value(f"sol.{name}") for name in expected} == expected
    assert found.unavailable["sol.lsr.top_positions"] == "not_supported: no such endpoint"
    assert found.unavailable["sol.lsr.taker"].startswith("empty:")


def test_imbalance_over_snapshots_stands_beside_the_newest() -> None:
    """Shares of bids 2:3, 3:2 and 1:1 of coins at prices of 120 -+ 0.675 on average: 0.3973, 0.5973, 0.4972."""
    taken = with_earlier(book(bid=3000.0, ask=2000.0), book(bid=2000.0, ask=3000.0), book(bid=2000.0, ask=2000.0))
    found = seen(snapshot(change=lambda data: sized(data, order_book=taken)))
    low, high, middle = (bid * 119.325 / (bid * 119.325 + ask * 120.675) for bid, ask in ((2, 3), (3, 2), (1, 1)))
    assert found.value("sol.book.imbalance") == round(high, 4)
    assert found.value("sol.book.imbalance_median") == round(middle, 4)
    assert found.value("sol.book.imbalance_range") == round(high - low, 4)
    assert found.value("sol.signal.imbalance") == 0.0
    assert seen().unavailable["sol.book.imbalance_median"].startswith("too_short: one snapshot")


def test_walls_by_hand() -> None:
    """A level in the middle of each 5 bp cluster; the ninth bid (0.4 % away) holds ten times the others."""
    steps = [120 * (0.00025 + 0.0005 * number) for number in range(21)]
    bids = tuple((120 - step, 1000.0 if number == 8 else 100.0) for number, step in enumerate(steps))
    walled = book().model_copy(update={"bids": bids, "asks": tuple((120 + step, 100.0) for step in steps)})
    found = seen(snapshot(change=lambda data: sized(data, order_book=walled)))
    assert found.value("sol.book.bid_wall") == 0.004
    assert found.unavailable["sol.book.ask_wall"].startswith("none:")


def cascading(bars_ago: int, coins: float = 970_000.0) -> Any:
    """Quiet quarters of range 2; one of range 8 on ten times the volume, during which open interest falls by 3 %."""
    count, price, size = 60, np.full(60, 120.0), np.full(60, 100.0)
    low, at = price - 1, count - 1 - bars_ago
    low[at], size[at] = 113.0, 1000.0
    bars = candles(SOL, "15m", price, high=tuple(price + 1), low=tuple(low), volume=tuple(size))
    ended = bars.time[at] + 900_000
    first = bars.as_of - 300_000 * 20
    points = tuple(
        OpenInterestPoint(time=time, coins=coins if time >= ended else 1_000_000.0, quote=None)
        for time in range(first, NOW + 1, 300_000)
    )

    def change(data: SymbolData) -> SymbolData:
        assert isinstance(data.open_interest, OpenInterest)
        interest = data.open_interest.model_copy(update={"points": points})
        return with_candles(data.model_copy(update={"open_interest": interest}), m15=bars)

    return change


@pytest.mark.parametrize(
    ("bars_ago", "coins", "expected"), [(0, 970_000, 1), (1, 970_000, 1), (2, 970_000, 0), (0, 990_000, 0)]
)
def test_a_cascade_of_the_last_half_hour(bars_ago: int, coins: float, expected: int) -> None:
    found = seen(snapshot(change=cascading(bars_ago, coins)))
    assert found.value("sol.oi.cascade") == expected


def test_a_cascade_without_open_interest_is_unknown_and_a_calm_market_is_none() -> None:
    found = seen(snapshot(change=lambda data: sized(cascading(0)(data), open_interest=GONE)))
    assert found.unavailable["sol.oi.cascade"].startswith("undefined:")
    assert seen(snapshot(change=lambda data: sized(data, open_interest=GONE))).value("sol.oi.cascade") == 0.0


def test_modelled_liquidations_of_a_flat_month() -> None:
    """All entered at 120: most hold 10x, long 108.5427 and short 131.3433 (domain.md section 7): 9.55 and 9.45 %."""
    same = tuple([120.0] * 800)
    flat = candles(SOL, "1h", same, high=same, low=same)
    found = seen(snapshot(change=lambda data: with_candles(data, h1=flat)))
    assert found.value("sol.oi.model_liq_below") == round(1 - 0.9 / 0.995, 4)
    assert found.value("sol.oi.model_liq_above") == round(1.1 / 1.005 - 1, 4)


def test_funding_without_a_prediction_is_the_settled_rate_at_its_time() -> None:
    funding = symbol_data(SOL).funding
    assert isinstance(funding, Funding)
    settled = funding.model_copy(update={"predicted_rate": None})
    found = seen(snapshot(change=lambda data: data.model_copy(update={"funding": settled})))
    assert found.value("sol.funding.rate_8h") == 0.0004
    assert found.readings["sol.funding.rate_8h"].as_of == NOW - 4 * HOUR


def test_a_passed_funding_time_is_not_a_negative_wait() -> None:
    funding = symbol_data(SOL).funding
    assert isinstance(funding, Funding)
    stale = funding.model_copy(update={"next_funding_time": NOW - 1})
    found = seen(snapshot(change=lambda data: data.model_copy(update={"funding": stale})))
    assert found.unavailable["sol.funding.seconds_to_next"].startswith("stale:")


def test_pair_readings_against_numpy_whoever_decides() -> None:
    taken = snapshot()
    sol, avax = (np.log(np.asarray(hourly(taken, symbol).close)) for symbol in (SOL, AVAX))
    own, other = np.diff(sol), np.diff(avax)
    beta = np.cov(own[-721:-1], other[-721:-1])[0, 1] / np.var(other[-721:-1], ddof=1)
    spread = (sol - beta * avax)[-72:]
    expected = {
        "pair.correlation_72h": np.corrcoef(own[-72:], other[-72:])[0, 1],
        "pair.correlation_720h": np.corrcoef(own[-720:], other[-720:])[0, 1],
        "pair.beta_720h": np.cov(own[-720:], other[-720:])[0, 1] / np.var(other[-720:], ddof=1),
        "pair.spread_z_72h": (spread[-1] - spread.mean()) / spread.std(),
    }
    for found in (seen(taken), seen(snapshot(AVAX))):
        for name, value in expected.items():
            assert found.value(name) == pytest.approx(value, abs=5e-5), name


def test_pair_uses_only_hours_that_both_have() -> None:
    shorter = candles(AVAX, "1h", walk(900, 2)[:-3], end=NOW - 3 * HOUR)
    taken = snapshot()
    data = with_candles(taken.symbols[AVAX], h1=shorter)
    found = seen(taken.model_copy(update={"symbols": {SOL: taken.symbols[SOL], AVAX: data}}))
    assert found.readings["pair.correlation_72h"].as_of == shorter.as_of
    sol = np.diff(np.log(np.asarray(hourly(taken).close[:-3])))
    avax = np.diff(np.log(np.asarray(shorter.close)))
    assert found.value("pair.correlation_72h") == pytest.approx(np.corrcoef(sol[-72:], avax[-72:])[0, 1], abs=5e-5)


def test_a_year_of_hours_gives_the_median_and_the_proxy() -> None:
    close = walk(6000, 9)
    found = seen(snapshot(change=lambda data: with_candles(data, h1=candles(SOL, "1h", close))))
    high, low, closes, _ = arrays(candles(SOL, "1h", close))
    natr = talib.NATR(high, low, closes, 14) / 100
    median = float(np.median(natr[14:-1]))
    assert found.value("sol.1h.natr14_median_1y") == pytest.approx(median, abs=1e-6)
    assert found.value("sol.1h.vix_proxy") == pytest.approx(natr[-1] / median, abs=1e-4)


def test_only_the_last_365_days_count() -> None:
    """A year before that had ten times the volatility; the median must not know it."""
    rng = np.random.default_rng(5)
    steps = np.concatenate([rng.normal(0, 0.03, 200), rng.normal(0, 0.003, 8775)])
    close = 100 * np.exp(np.cumsum(steps))
    found = seen(snapshot(change=lambda data: with_candles(data, h1=candles(SOL, "1h", close))))
    high, low, closes, _ = arrays(candles(SOL, "1h", close))
    natr = talib.NATR(high, low, closes, 14) / 100
    assert found.value("sol.1h.natr14_median_1y") == pytest.approx(np.median(natr[-8761:-1]), abs=1e-6)


def expanding() -> MarketSnapshot:
    """Quiet for months, then ever wider bars."""
    close = walk(6000, 11, sigma=0.004)
    quiet = candles(SOL, "1h", close)
    growth = np.ones(close.size)
    growth[-9:] = np.linspace(2.0, 7.0, 9)
    low = tuple(float(c * (1 - 0.0045 * g)) for c, g in zip(close, growth, strict=True))
    high = tuple(float(c * (1 + 0.0045 * g)) for c, g in zip(close, growth, strict=True))
    wide = quiet.model_copy(
        update={
            "open": tuple(float(c) for c in close),
            "high": tuple(max(h, o) for h, o in zip(high, (close[0], *close[:-1]), strict=True)),
            "low": tuple(min(lo, o) for lo, o in zip(low, (close[0], *close[:-1]), strict=True)),
        }
    )
    return snapshot(change=lambda data: with_candles(data, h1=wide))


def test_signals_are_those_of_the_numbers_and_flags_are_zero_or_one() -> None:
    found = seen(expanding())
    limits = constraints().limits
    ratio = found.value("sol.1h.atr_ratio")
    assert ratio is not None and ratio > 1.5
    assert found.value("sol.signal.volatility") == 1.0
    assert found.value("sol.signal.funding") == 1.0  # -0.0006 per 8 h
    assert found.value("sol.signal.imbalance") == float(
        (found.value("sol.book.imbalance") or 0) >= limits.imbalance_min
    )
    flags = [found.value(f"sol.signal.{name}") for name in ("volatility", "bollinger", "funding", "imbalance")]
    assert found.value("sol.signal.count") == sum(flag or 0 for flag in flags)
    assert all(reading.value in (0.0, 1.0) for reading in found.readings.values() if reading.unit == "flag")


def test_the_regime_follows_the_open_pair() -> None:
    calm = snapshot(change=lambda data: with_candles(data, h1=candles(SOL, "1h", walk(6000, 12))))
    flat = seen(calm)
    ratio = flat.value("sol.1h.atr_ratio")
    assert ratio is not None and 0.8 < ratio < 1.2 and flat.regime != "vol_collapse"
    assert seen(calm, open_pair()).regime == "vol_collapse"
    assert seen(calm, open_pair(atr_ratio_entry=None)).regime == flat.regime
    assert seen(calm, open_pair(symbol=AVAX)).regime == flat.regime


# --- what is missing, short, empty or extreme -------------------------------------------------------------------


def names_of(context: Context) -> set[str]:
    return set(context.readings) | set(context.unavailable)


def everything(data: SymbolData) -> SymbolData:
    gone = dict.fromkeys(("market_data", "funding", "order_book", "positioning", "open_interest"), GONE)
    return data.model_copy(update=gone)


def frames(**changes: Any) -> Any:
    return lambda data: with_candles(data, **changes)


def tiny(count: int) -> Any:
    return frames(
        h1=candles(SOL, "1h", walk(count, 1)),
        h4=candles(SOL, "4h", walk(count, 2)),
        d1=candles(SOL, "1d", walk(count, 3)),
    )


def constant(value: float, count: int = 700, **changes: Any) -> Any:
    same = tuple([value] * count)
    return frames(h1=candles(SOL, "1h", same, open=same, high=same, low=same, **changes))


def sized(data: SymbolData, **changes: Any) -> SymbolData:
    return data.model_copy(update=changes)


def with_earlier(newest: OrderBook, *others: OrderBook) -> OrderBook:
    shots = tuple(BookShot(bids=one.bids, asks=one.asks, as_of=NOW - 2000 + at) for at, one in enumerate(others))
    return newest.model_copy(update={"earlier": shots})


QUARTERS = candles(SOL, "15m", walk(60, 6, sigma=0.004))
GAPPED = candles(SOL, "1h", walk(200, 1))
EDGES: dict[str, Any] = {
    "everything gone": everything,
    "no bars": tiny(0),
    "one bar": tiny(1),
    **{f"{count} bars": tiny(count) for count in (2, 14, 15, 16, 20, 21, 50, 51, 52, 140, 500)},
    "constant price": constant(120.0),
    "constant price without volume": constant(120.0, volume=tuple([0.0] * 700)),
    "zero price": constant(0.0),
    "negative price": constant(-5.0),
    "tiny price": constant(1e-12),
    "huge price": constant(1e300),
    "huge swings": frames(h1=candles(SOL, "1h", [10.0 ** (300 * (i % 2)) for i in range(700)])),
    "infinite ratio": frames(h1=candles(SOL, "1h", [1e-300 if i % 2 else 1e300 for i in range(700)])),
    "high below low": frames(h1=GAPPED.model_copy(update={"high": GAPPED.low, "low": GAPPED.high})),
    "negative volume": frames(h1=GAPPED.model_copy(update={"volume": tuple([-1.0] * 200)})),
    "a gap": frames(
        h1=GAPPED.model_copy(update={"time": (*GAPPED.time[:100], *(t + HOUR for t in GAPPED.time[100:]))})
    ),
    "times backwards": frames(h1=GAPPED.model_copy(update={"time": tuple(reversed(GAPPED.time))})),
    "columns of other lengths": frames(h1=GAPPED.model_copy(update={"volume": (1.0,)})),
    "hours gone": frames(h1=GONE),
    "days gone": frames(d1=GONE),
    "empty book": lambda data: sized(data, order_book=book().model_copy(update={"bids": (), "asks": ()})),
    "one-sided book": lambda data: sized(data, order_book=book().model_copy(update={"asks": ()})),
    "shallow book": lambda data: sized(data, order_book=book(reach=0.009)),
    "book at zero": lambda data: sized(data, order_book=book(mid=0.0)),
    "empty levels": lambda data: sized(data, order_book=book(bid=0.0, ask=0.0)),
    "huge book": lambda data: sized(data, order_book=book(mid=1e300, bid=1e300)),
    "no funding at all": lambda data: sized(
        data, funding=data.funding.model_copy(update={"history": (), "predicted_rate": None, "interval_hours": 0.0})
    ),
    "funding every 0 hours": lambda data: sized(data, funding=data.funding.model_copy(update={"interval_hours": 0.0})),
    "huge funding": lambda data: sized(data, funding=data.funding.model_copy(update={"predicted_rate": 1e308})),
    "no open interest": lambda data: sized(data, open_interest=data.open_interest.model_copy(update={"points": ()})),
    "one open interest": lambda data: sized(
        data, open_interest=data.open_interest.model_copy(update={"points": data.open_interest.points[:1]})
    ),
    "open interest of zero": lambda data: sized(
        data,
        open_interest=data.open_interest.model_copy(
            update={"points": tuple(p.model_copy(update={"coins": 0.0}) for p in data.open_interest.points)}
        ),
    ),
    "index of zero": lambda data: sized(
        data,
        market_data=data.market_data.model_copy(
            update={"ticker": data.market_data.ticker.model_copy(update={"index": 0.0})}
        ),
    ),
    "no mark": lambda data: sized(
        data,
        market_data=data.market_data.model_copy(
            update={"ticker": data.market_data.ticker.model_copy(update={"mark": None, "quote_volume_24h": None})}
        ),
    ),
    "no ticker": lambda data: sized(data, market_data=data.market_data.model_copy(update={"ticker": GONE})),
    "quarters gone": frames(m15=GONE),
    "no quarters": frames(m15=candles(SOL, "15m", [])),
    "few quarters": frames(m15=candles(SOL, "15m", walk(10, 1))),
    "a gap in quarters": frames(
        m15=QUARTERS.model_copy(update={"time": (*QUARTERS.time[:50], *(t + 900_000 for t in QUARTERS.time[50:]))})
    ),
    "zero price in quarters": frames(m15=candles(SOL, "15m", [0.0] * 60)),
    "huge quarters": frames(m15=candles(SOL, "15m", [10.0 ** (300 * (i % 2)) for i in range(60)])),
    "crossed book": lambda data: sized(data, order_book=book(mid=-120.0)),
    "shallow earlier book": lambda data: sized(data, order_book=with_earlier(book(), book(reach=0.009))),
    "one-sided earlier book": lambda data: sized(
        data, order_book=with_earlier(book(), book().model_copy(update={"asks": ()}))
    ),
    "no candles at all": lambda data: sized(data, market_data=data.market_data.model_copy(update={"candles": {}})),
}


@pytest.mark.parametrize("change", EDGES.values(), ids=EDGES.keys())
def test_nothing_valid_makes_it_throw_and_every_name_is_accounted_for(change: Any) -> None:
    found = seen(snapshot(change=change), open_pair())
    assert names_of(found) == set(catalogue("sol")) and not set(found.readings) & set(found.unavailable)
    assert all(math.isfinite(reading.value) for reading in found.readings.values())
    assert all(":" in reason and not reason.startswith("not_computed") for reason in found.unavailable.values())
    assert Context.model_validate_json(found.model_dump_json(by_alias=True)).compute_hash() == found.context_hash


@pytest.mark.parametrize(
    ("edge", "missing", "code"),
    [
        ("everything gone", "sol.price.last", "timeout"),
        ("hours gone", "sol.1h.atr_ratio", "timeout"),
        ("no bars", "sol.1h.close", "empty"),
        ("50 bars", "sol.1h.atr50", "too_short"),
        ("51 bars", "sol.1h.atr_ratio_prev", "too_short"),
        ("constant price", "sol.1h.atr_ratio", "undefined"),
        ("constant price", "sol.1h.rsi14", "undefined"),
        ("high below low", "sol.1h.atr14", "invalid"),
        ("negative volume", "sol.1h.volume_ratio", "invalid"),
        ("a gap", "sol.1h.close", "gap"),
        ("shallow book", "sol.book.depth_usdt", "too_shallow"),
        ("one-sided book", "sol.book.mid", "empty"),
        ("no funding at all", "sol.funding.rate_8h", "empty"),
        ("open interest of zero", "sol.oi.change_1h", "invalid"),
        ("one open interest", "sol.oi.change_1h", "too_short"),
        ("index of zero", "sol.price.basis", "undefined"),
        ("no mark", "sol.price.mark", "not_supported"),
        ("no candles at all", "sol.4h.close", "not_asked"),
        ("no candles at all", "sol.oi.cascade", "not_asked"),
        ("quarters gone", "sol.oi.cascade", "timeout"),
        ("no quarters", "sol.oi.cascade", "empty"),
        ("a gap in quarters", "sol.oi.cascade", "invalid"),
        ("shallow book", "sol.book.bid_wall", "too_shallow"),
        ("empty levels", "sol.book.ask_wall", "invalid"),
        ("shallow earlier book", "sol.book.imbalance_median", "too_shallow"),
        ("one-sided earlier book", "sol.book.imbalance_range", "too_shallow"),
        ("no bars", "sol.oi.model_liq_below", "too_short"),
        ("open interest of zero", "sol.oi.model_liq_above", "invalid"),
        ("no open interest", "sol.oi.model_liq_above", "empty"),
        ("hours gone", "sol.signal.volatility", "undefined"),
        ("hours gone", "pair.beta_720h", "timeout"),
    ],
)
def test_the_reason_is_told(edge: str, missing: str, code: str) -> None:
    found = seen(snapshot(change=EDGES[edge]))
    assert found.unavailable[missing].split(":")[0] == code


def test_what_is_missing_never_makes_an_entry_regime() -> None:
    for edge, change in EDGES.items():
        found = seen(snapshot(change=change))
        if "sol.1h.vix_proxy" in found.unavailable:
            assert found.regime not in ("low_vol_expanding", "high_vol_sustained"), edge


def test_damage_to_one_group_costs_only_that_group() -> None:
    found = seen(snapshot(change=EDGES["negative volume"]))
    assert found.value("sol.1h.atr_ratio") is not None and found.value("sol.1h.rsi14") is not None
    found = seen(snapshot(change=EDGES["high below low"]))
    assert found.value("sol.1h.bb_upper") is not None and "sol.1h.atr_ratio" in found.unavailable


def test_fifty_one_bars_are_enough_for_the_ratio() -> None:
    found = seen(snapshot(change=EDGES["51 bars"]))
    assert found.value("sol.1h.atr_ratio") is not None


def test_sources_carry_age_errors_and_fillers() -> None:
    base = candles(SOL, "1h", walk(300, 1))
    found = seen(
        snapshot(
            change=lambda data: with_candles(
                data, h1=base.model_copy(update={"fillers": base.time[-2:], "note": "synthetic"}), d1=GONE
            )
        )
    )
    hour = found.sources["sol.market_data.1h"]
    assert hour.as_of == NOW - NOW % HOUR and hour.note == "synthetic; 2 zero-volume bars"
    assert found.sources["sol.market_data.1d"].error == f"timeout: {GONE.reason}"
    assert found.sources["sol.market_data.1d"].as_of is None
    assert found.sources["sol.order_book"].as_of == NOW - 400
    assert set(found.sources) >= {
        *(f"sol.market_data.{tf}" for tf in ("1h", "4h", "1d")),
        *(f"sol.{name}" for name in ("ticker", "funding", "order_book", "positioning", "open_interest")),
        "avax.market_data.1h",
    }


def test_other_symbols_have_no_pair_readings() -> None:
    taken = snapshot().model_copy(update={"primary": "DOGE/USDT:USDT"})
    found = seen(taken)
    assert names_of(found) == set(catalogue("doge"))
    assert found.unavailable["pair.beta_720h"].startswith("not_supported")
    assert found.unavailable["doge.price.last"].startswith("not_asked")


# --- purity ------------------------------------------------------------------------------------------------------

_ELSEWHERE = """
import sys
from tests.trader_samples import constraints, open_pair, portfolio, snapshot
from traders.volatility_gamma.observe import observe
print(observe(snapshot(), portfolio(open_pair()), constraints()).context_hash)
"""


def test_the_same_input_gives_the_same_bytes_here_and_in_another_process() -> None:
    first, again = (seen(snapshot(), open_pair()) for _ in range(2))
    texts = [canonical_json(json.loads(found.model_dump_json(by_alias=True))) for found in (first, again)]
    assert texts[0] == texts[1] and first.context_hash == first.compute_hash()
    hashes = set()
    for seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
        done = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
        )
        hashes.add(done.stdout.strip())
    assert hashes == {first.context_hash}


def test_the_input_is_not_changed() -> None:
    taken, account, limits = snapshot(), portfolio(open_pair()), constraints()
    before = [item.model_dump_json() for item in (taken, account, limits)]
    observe(taken, account, limits)
    assert before == [item.model_dump_json() for item in (taken, account, limits)]


def test_requirements() -> None:
    needed = requirements("avaxusdt")
    assert needed.primary == AVAX and needed.candles == {
        AVAX: {"1h": 9000, "4h": 600, "1d": 300, "15m": 200},
        SOL: {"1h": 800},
    }
    assert needed.candles[AVAX]["1h"] * TIMEFRAME_MS["1h"] > 366 * DAY
    assert requirements("DOGE").candles == {"DOGE/USDT:USDT": {"1h": 9000, "4h": 600, "1d": 300, "15m": 200}}


def test_unavailable_market_data_is_one_reason_for_all_of_it() -> None:
    gone = Unavailable(code="banned", reason="418")
    found = seen(snapshot(change=lambda data: data.model_copy(update={"market_data": gone})))
    assert {found.unavailable[f"sol.{name}"] for name in ("1h.close", "4h.rsi14", "price.mark")} == {"banned: 418"}
    assert found.sources["sol.ticker"].error == "banned: 418"
