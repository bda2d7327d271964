"""`volgamma census`: counts that an independent computation gives too."""

from pathlib import Path

import numpy as np
import pytest
import talib

from orchestrator.census.count import census
from orchestrator.simulation.history import HOUR_MS, Bars, load, resample
from tests.guard_scenario import limits_of
from tests.market_files import candles, data_folder
from tests.simulated_market import START, write_market
from tests.store_cli import Volgamma

SOL = "SOL/USDT:USDT"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("history"))


def test_the_pinned_shape(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = Volgamma(tmp_path, monkeypatch)("census", "--data", str(folder), "--json")
    assert done.code == 0 and done.json["schema"] == "volgamma.census/1"
    one = done.json["symbols"][SOL]["1h"]
    assert set(one) == {"bars", "first", "last", "conditions", "combinations", "curve"}
    assert (one["bars"], one["first"]) == (215 * 24, START)
    assert set(one["conditions"]["atr_ratio>1.5"]) >= {"count", "share"}
    at = {(row["condition"], row["threshold"]): row["count"] for row in one["curve"]}
    assert at["atr_ratio>", 1.5] == one["conditions"]["atr_ratio>1.5"]["count"] > 0
    assert at["atr_ratio>", 1.4] >= at["atr_ratio>", 1.5] >= at["atr_ratio>", 1.6]
    together = sum(row["count"] for row in one["combinations"] if "atr_ratio>1.5" in row["conditions"])
    assert together == one["conditions"]["atr_ratio>1.5"]["count"]
    regimes = [value["count"] for name, value in one["conditions"].items() if name.startswith("regime=")]
    defined = one["conditions"]["natr14>median_1y"]["defined"]
    assert sum(regimes) == defined < one["bars"], "a bar without its year has no regime"
    assert one["conditions"]["entry"]["defined"] == defined
    page = Volgamma(tmp_path, monkeypatch)("census", "--data", str(folder))
    assert all(len(line) <= 80 for line in page.out.splitlines())


@pytest.mark.parametrize(
    ("period", "said"),
    [
        (("--from", "2024-06-01", "--to", "2024-05-01"), "--from 2024-06-01 is not before --to 2024-05-01"),
        (("--from", "2024-06-01", "--to", "2024-06-01"), "is not before"),
        (("--from", "2039-01-01"), "do not overlap"),
        (("--to", "2009-01-01"), "do not overlap"),
    ],
)
def test_a_period_without_a_bar_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, period: tuple[str, ...], said: str
) -> None:
    done = Volgamma(tmp_path, monkeypatch)("census", "--data", str(folder), *period, "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "no_data")
    assert said in done.json["error"]["message"] and "--from" in done.json["error"]["remedy"]


def test_counts_are_talibs(folder: Path) -> None:
    market = load(folder, (SOL,), "x")[SOL]
    found = census(market, ("1h", "4h"), limits_of().limits)
    for name, hours in (("1h", 1), ("4h", 4)):
        bars = resample(market.bars["15m"], hours * HOUR_MS)
        fast, slow = (talib.ATR(bars.high, bars.low, bars.close, n) for n in (14, 50))
        ratio = (fast / slow)[~np.isnan(slow)]
        conditions = found[name]["conditions"]
        assert conditions["atr_ratio>1.5"] == {
            "count": int((ratio > 1.5).sum()),
            "share": float((ratio > 1.5).mean()),
            "defined": ratio.size,
        }
        assert conditions["atr_ratio<0.8"]["count"] == int((ratio < 0.8).sum())
        strength = talib.RSI(bars.close, 14)
        assert conditions["rsi14>70"]["count"] == int((strength > 70).sum())
        upper, _, lower = talib.BBANDS(bars.close, 20, 2, 2)
        outside = (bars.close > upper) | (bars.close < lower)
        assert conditions["outside_bands"]["count"] == int(outside.sum())


def test_a_span_is_counted_after_the_whole_history_has_warmed_up(folder: Path) -> None:
    market = load(folder, (SOL,), "x")[SOL]
    middle = START + 190 * 24 * HOUR_MS
    limits = limits_of().limits
    parts = [census(market, ("1h",), limits, *span)["1h"]["conditions"] for span in ((0, middle), (middle, 2**62))]
    whole = census(market, ("1h",), limits)["1h"]["conditions"]
    for name, one in whole.items():
        if "on 2 bars" not in name:
            assert one["count"] == sum(part[name]["count"] for part in parts), name
    assert parts[1]["vix_proxy>2.5"]["defined"] == 25 * 24


def test_an_expansion_is_active_for_as_many_bars_as_the_entry_matrix_says(folder: Path) -> None:
    """Strictly fewer bars ago than bb_active_bars: 48 bars, the event's own among them."""
    market = load(folder, (SOL,), "x")[SOL]
    conditions = census(market, ("1h",), limits_of().limits)["1h"]["conditions"]
    events, active = conditions["bb_expansion"]["count"], conditions["bb_expansion_active"]["count"]
    assert events < active <= 48 * events


def test_no_indicator_looks_across_a_gap(folder: Path) -> None:
    """Two halves with a day missing between them count what each counts alone."""
    market = load(folder, (SOL,), "x")[SOL]
    hours = market.bars["1h"]
    first, second = hours.part(0, 2000), hours.part(2024, 4000)
    holed = Bars(
        HOUR_MS,
        *(np.r_[getattr(first, n), getattr(second, n)] for n in ("time", "open", "high", "low", "close", "volume")),
    )
    count = {}
    for name, bars in (("first", first), ("second", second), ("holed", holed)):
        one = type(market)(**{**market.__dict__, "bars": {**market.bars, "1h": bars}})
        found = census(one, ("1h",), limits_of().limits)["1h"]["conditions"]
        count[name] = {
            key: found[key]["count"] for key in ("atr_ratio>1.5", "rsi14>70", "outside_bands", "bb_expansion")
        }
    for key in count["holed"]:
        assert count["holed"][key] == count["first"][key] + count["second"][key], key


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("--timeframes", "5m"), 2, "5m"),
        (("--symbols", "DOGE"), 1, "DOGE"),
        (("--from", "soon"), 2, "no date"),
    ],
)
def test_wrong_inputs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, named: str
) -> None:
    done = Volgamma(tmp_path, monkeypatch)("census", "--data", str(folder), *words, "--json")
    assert (done.code, named in done.json["error"]["message"]) == (code, True), done.json


@pytest.mark.data
@pytest.mark.parametrize(("coin", "funding"), [("SOL", 0.030), ("AVAX", 0.020)])
def test_the_measured_table(coin: str, funding: float) -> None:
    """The data folder's table runs a year longer; its own definition, worked out here on the period at hand."""
    symbol = f"{coin}/USDT:USDT"
    market = load(data_folder() / "binance" / "futures", (symbol,), "x")[symbol]
    found = census(market, ("1h", "4h", "1d"), limits_of().limits)
    frame = candles(coin)
    fast, slow = (talib.ATR(frame["high"], frame["low"], frame["close"], n) for n in (14, 50))
    ratio = (fast / slow).dropna()
    hourly = found["1h"]["conditions"]
    for limit in (1.5, 2.0):
        assert hourly[f"atr_ratio>{limit}"]["count"] == int((ratio > limit).sum())
    # domain.md: the headline entry is true in 0.01-0.04 % of hourly bars and no 4h or daily one
    assert 0 < hourly["atr_ratio>2.0"]["share"] < 0.0005
    assert (
        found["4h"]["conditions"]["atr_ratio>2.0"]["count"] == found["1d"]["conditions"]["atr_ratio>2.0"]["count"] == 0
    )
    assert found["funding"]["conditions"]["abs_rate_8h>0.0005"]["share"] == pytest.approx(funding, abs=0.012)
    assert hourly["tr_multiple>3.0"]["share"] == pytest.approx(0.014, abs=0.001)
