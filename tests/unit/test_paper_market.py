"""The market of the paper exchange: deterministic, free of the future, consistent, as its scenario says."""

import subprocess
import sys
import time
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib

from orchestrator.paper_exchange.market import Market
from orchestrator.paper_exchange.recorded import NoRecording, RecordedMarket
from orchestrator.paper_exchange.synthetic import DAY, HOUR, MINUTE, SCENARIOS, START, SyntheticMarket
from orchestrator.paper_exchange.texture import TEXTURES, Texture

SYMBOLS = ("SOLUSDT", "AVAXUSDT")
YEAR = 365 * 24


@cache
def market(scenario: str = "expanding", seed: int = 7) -> Market:
    return Market(SyntheticMarket(seed, scenario), seed, TEXTURES[scenario])


def fresh() -> Market:
    return Market(SyntheticMarket(7, "expanding"), 7, TEXTURES["expanding"])


def floats(rows: list[list[object]]) -> np.ndarray:
    return np.array([[float(str(x)) for x in row[1:6]] for row in rows])


def hours(tried: Market, symbol: str, now: int = START) -> np.ndarray:
    """Closed hourly candles of 390 days."""
    rows: list[list[object]] = []
    first = now - 390 * DAY
    while len(page := tried.klines(symbol, "1h", first + len(rows) * HOUR, now - 1, 1500, now)):
        rows += page
    return floats(rows)


def test_what_is_asked_later_or_in_another_order_is_the_same() -> None:
    early, late = fresh(), fresh()
    first = early.klines("SOLUSDT", "1h", None, None, 100, START)
    late.klines("AVAXUSDT", "1m", None, None, 10, START + 60 * DAY)
    late.price("SOLUSDT", START + 90 * DAY)
    assert late.klines("SOLUSDT", "1h", None, None, 100, START) == first
    assert early.price("AVAXUSDT", START + 77 * DAY) == late.price("AVAXUSDT", START + 77 * DAY)
    assert early.book("SOLUSDT", START) == late.book("SOLUSDT", START)
    assert early.ratio("SOLUSDT", "taker", START) == late.ratio("SOLUSDT", "taker", START)


def test_another_process_sees_the_same_market_and_another_seed_another() -> None:
    code = (
        "from orchestrator.paper_exchange.market import *\n"
        "from orchestrator.paper_exchange.texture import *\n"
        "from orchestrator.paper_exchange.synthetic import *\n"
        "m = Market(SyntheticMarket(7, 'expanding'), 7, TEXTURES['expanding'])\n"
        "print(repr(m.price('SOLUSDT', START + 3 * DAY)), m.open_interest('SOLUSDT', START), "
        "m.book('AVAXUSDT', START)[0][0])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    mine = market()
    level = mine.book("AVAXUSDT", START)[0][0]
    assert out == f"{mine.price('SOLUSDT', START + 3 * DAY)!r} {mine.open_interest('SOLUSDT', START)} {level}"
    assert market(seed=8).price("SOLUSDT", START + 3 * DAY) != mine.price("SOLUSDT", START + 3 * DAY)


@pytest.mark.parametrize(("interval", "minutes"), [("5m", 5), ("15m", 15), ("1h", 60), ("4h", 240), ("1d", 1440)])
def test_longer_candles_are_made_of_minutes(interval: str, minutes: int) -> None:
    now = START + 5 * HOUR + 7 * MINUTE + 12_345
    tried = market()
    for symbol in SYMBOLS:
        (long,) = floats(tried.klines(symbol, interval, None, None, 1, now))
        begin = now // (minutes * MINUTE) * minutes * MINUTE
        parts = floats(tried.klines(symbol, "1m", begin, None, 1500, now))
        assert long[:4].tolist() == [parts[0, 0], parts[:, 1].max(), parts[:, 2].min(), parts[-1, 3]]
        assert long[4] == pytest.approx(parts[:, 4].sum(), rel=1e-6)


def test_the_running_candle_shows_nothing_of_the_future() -> None:
    tried = market()
    for second in (0, 1, 30_000, 59_999):
        now = START + 17 * MINUTE + second
        row = tried.klines("SOLUSDT", "1m", None, None, 1, now)[-1]
        assert row[0] == START + 17 * MINUTE
        _, high, low, close = (float(x) for x in row[1:5])
        seen = [tried.price("SOLUSDT", START + 17 * MINUTE + s) for s in range(0, second + 1, 500)]
        assert high == pytest.approx(max(seen), abs=1e-3)
        assert low == pytest.approx(min(seen), abs=1e-3)
        assert close == pytest.approx(tried.price("SOLUSDT", now), abs=1e-4)
    assert tried.klines("SOLUSDT", "1h", START + 2 * DAY, None, 5, START) == []


def test_a_price_set_by_hand_shows_in_candles_from_then_on() -> None:
    tried, plain = fresh(), market()
    now = START + HOUR
    before = tried.klines("SOLUSDT", "1h", None, START + HOUR - 1, 50, now)
    tried.set_price("SOLUSDT", 250.0, now)
    assert tried.price("SOLUSDT", now) == pytest.approx(250)
    later = now + 3 * HOUR
    factor = 250 / plain.price("SOLUSDT", now)
    rows = floats(tried.klines("SOLUSDT", "1h", now, later - 1, 5, later))
    expected = floats(plain.klines("SOLUSDT", "1h", now, later - 1, 5, later)) * factor
    assert rows[:, :4] == pytest.approx(expected[:, :4], rel=1e-4)
    assert tried.klines("SOLUSDT", "1h", None, START + HOUR - 1, 50, now) == before
    assert tried.price("AVAXUSDT", later) == plain.price("AVAXUSDT", later)


def shape(symbol: str, scenario: str) -> dict[str, float]:
    """The readings of domain.md section 6 on closed hourly candles, by TA-Lib."""
    rows = hours(market(scenario), symbol)
    high, low, close = rows[:, 1], rows[:, 2], rows[:, 3]
    atr14, natr = talib.ATR(high, low, close, 14), talib.NATR(high, low, close, 14)
    median = float(np.median(natr[-YEAR:]))
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    width = (upper - lower) / middle
    mean = pd.Series(width).shift(1).rolling(480).mean().to_numpy()
    squeezed = width < mean
    ago = [
        back
        for back in range(48)
        for i in [len(width) - 1 - back]
        if width[i] > mean[i] and width[i] > width[i - 1] and squeezed[i - 6 : i].all()
    ]
    return {
        "ratio": float(atr14[-1] / talib.ATR(high, low, close, 50)[-1]),
        "natr": float(natr[-1]),
        "median": median,
        "range": float(talib.TRANGE(high, low, close)[-1] / atr14[-2]),
        "vix": float(natr[-1] / median),
        "expansion_ago": float(ago[0]) if ago else float("inf"),
    }


def book_shape(symbol: str, scenario: str) -> tuple[float, float]:
    """(bid share, USDT) within 1 % of the mid."""
    bids, asks = market(scenario).book(symbol, START)
    mid = (bids[0][0] + asks[0][0]) / 2
    assert bids[-1][0] <= mid * Decimal("0.99")
    assert asks[-1][0] >= mid * Decimal("1.01")
    bid = sum(p * q for p, q in bids if p >= mid * Decimal("0.99"))
    ask = sum(p * q for p, q in asks if p <= mid * Decimal("1.01"))
    return float(bid / (bid + ask)), float(bid + ask)


def test_the_default_scenario_is_the_full_entry_on_sol() -> None:
    at = shape("SOLUSDT", "expanding")
    assert 1.5 < at["ratio"] < 3
    assert at["natr"] <= at["median"]
    assert at["range"] < 3
    assert at["vix"] < 2.5
    assert at["expansion_ago"] < 48
    share, depth = book_shape("SOLUSDT", "expanding")
    assert share >= 0.6
    assert depth > 5_000_000
    assert abs(market().predicted_funding("SOLUSDT", START)) > 0.0005


def test_the_other_scenarios_are_what_they_are_called() -> None:
    assert shape("SOLUSDT", "calm")["ratio"] < 0.8
    wild = shape("SOLUSDT", "extreme")
    assert wild["ratio"] > 3 or wild["range"] > 3 or wild["vix"] > 2.5
    assert shape("SOLUSDT", "thin_book")["ratio"] > 1.5
    assert book_shape("SOLUSDT", "thin_book")[1] < 2_000_000


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_books_are_sorted_and_positive(scenario: str) -> None:
    for symbol in SYMBOLS:
        bids, asks = market(scenario).book(symbol, START + 5_000)
        assert [p for p, _ in bids] == sorted({p for p, _ in bids}, reverse=True)
        assert [p for p, _ in asks] == sorted({p for p, _ in asks})
        assert bids[0][0] < asks[0][0]
        assert min(q for _, q in (*bids, *asks)) > 0


def test_nothing_a_client_polls_is_slow() -> None:
    tried = fresh()
    tried.price("SOLUSDT", START)

    def best(work: object, times: int = 3) -> float:
        taken = []
        for _ in range(times):
            began = time.thread_time()
            work()  # type: ignore[operator]
            taken.append(time.thread_time() - began)
        return min(taken)

    moment = iter(range(START, START + 10**9, 1000))
    assert best(lambda: tried.book("SOLUSDT", next(moment))) < 0.02
    grid = range(START - 500 * 5 * MINUTE, START, 5 * MINUTE)
    kinds = ("accounts", "top_accounts", "top_positions", "taker")
    assert best(lambda: [tried.ratio("SOLUSDT", kind, at) for kind in kinds for at in grid]) < 0.2
    assert best(lambda: tried.settled_funding("SOLUSDT", START)) < 0.05


# a recorded market

AT = int(pd.Timestamp("2024-08-05T02:05:00Z").timestamp() * 1000)
FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "binance" / "futures"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is absent")


@cache
def recorded() -> Market:
    return Market(RecordedMarket(FOLDER, AT), 7, Texture())


@pytest.mark.data
@needs_data
@pytest.mark.parametrize(("symbol", "name"), [("SOLUSDT", "SOL"), ("AVAXUSDT", "AVAX")])
@pytest.mark.parametrize("interval", ["1h", "15m"])
def test_closed_recorded_candles_are_the_files(symbol: str, name: str, interval: str) -> None:
    frame = pd.read_feather(FOLDER / f"{name}_USDT_USDT-{interval}-futures.feather")
    step = HOUR if interval == "1h" else 15 * MINUTE
    rows = recorded().klines(symbol, interval, None, None, 300, AT)
    times = frame["date"].dt.as_unit("ms").astype("int64").to_numpy()
    chosen = frame[np.isin(times, [row[0] for row in rows[:-1]])]
    assert len(chosen) == 299
    assert floats(rows[:-1])[:, :4] == pytest.approx(chosen[["open", "high", "low", "close"]].to_numpy(), rel=1e-9)
    assert rows[-1][0] == AT // step * step
    running = frame[times == rows[-1][0]].iloc[0]
    o, h, low, _c, v = floats(rows)[-1]
    assert o == running["open"]
    assert running["low"] <= low <= h <= running["high"]
    assert v < running["volume"]


@pytest.mark.data
@needs_data
def test_recorded_funding_is_the_file_and_the_rest_is_generated() -> None:
    frame = pd.read_feather(FOLDER / "SOL_USDT_USDT-8h-funding_rate.feather")
    times = frame["date"].dt.as_unit("ms").astype("int64").to_numpy()
    known = frame[times <= AT]
    settled = recorded().settled_funding("SOLUSDT", AT)
    assert [rate for _, rate in settled] == known["open"].tolist()
    # shown: the last one settled, nothing of the future; charged: the file's at its time
    assert recorded().predicted_funding("SOLUSDT", AT) == settled[-1][1]
    due = frame[times > AT].iloc[0]
    assert recorded().funding_due("SOLUSDT", AT // (8 * HOUR) * 8 * HOUR + 8 * HOUR) == due["open"]
    bids, asks = recorded().book("SOLUSDT", AT)
    assert float(bids[0][0]) <= recorded().price("SOLUSDT", AT) <= float(asks[0][0])


@pytest.mark.data
@needs_data
def test_times_outside_a_recording_say_so() -> None:
    for at in (0, AT * 2):
        with pytest.raises(NoRecording, match="which runs from 2022-12-12"):
            RecordedMarket(FOLDER, at)
    with pytest.raises(NoRecording, match="ends at"):
        recorded().price("SOLUSDT", AT + 1000 * DAY)


def test_a_folder_without_files_says_which_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NoRecording, match="lacks SOL_USDT_USDT-15m"):
        RecordedMarket(tmp_path, AT)
    with pytest.raises(NoRecording, match="is no folder"):
        RecordedMarket(tmp_path / "none", AT)
