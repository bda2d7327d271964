"""`volgamma simulate --second DIR`: what the production guard lets through, and the counts on real data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import feather

from orchestrator.cli.simulate_text import lines
from tests.market_files import data_folder
from tests.simulated_market import START, write_candles, write_market
from tests.store_cli import Volgamma

DAYS = 215
MONEY = ("gross", "slippage", "fees", "funding", "net")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A made-up market, and the same SOL a hair dearer elsewhere, with funding of its own."""
    first = write_market(tmp_path_factory.mktemp("first"), DAYS)
    second = tmp_path_factory.mktemp("second") / "bybit" / "futures"
    second.mkdir(parents=True)
    name = "SOL_USDT_USDT-15m-futures.feather"
    table = feather.read_table(first / name)
    times = table["date"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    dearer = [table[column].to_numpy() * 1.0003 for column in ("open", "high", "low", "close")]
    write_candles(second / name, times, *dearer, table["volume"].to_numpy())
    settled = START + np.arange(DAYS * 3) * 8 * 3_600_000
    rates = np.random.default_rng(6).standard_normal(DAYS * 3) * 0.002
    write_candles(second / "SOL_USDT_USDT-8h-funding_rate.feather", settled, *[rates] * 5)
    return first, second


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)


def rates_of(folder: Path) -> Any:
    return feather.read_table(folder / "SOL_USDT_USDT-8h-funding_rate.feather")["open"].to_numpy()


def test_the_switch_decides_and_what_it_refuses_is_told_apart(volgamma: Volgamma, folders: tuple[Path, Path]) -> None:
    first, second = folders
    wide = (
        "--from",
        "2024-05-22",
        "--symbols",
        "SOL",
        "--set",
        "entry_min_signals=1",
        "--set",
        "atr_ratio_reduced=1.1",
    )
    words = ("simulate", "--data", str(first), "--second", str(second), *wide)
    report = volgamma.folder / "out.html"
    done = volgamma(*words, "--report", str(report), "--json")
    assert done.code == 0, done.err
    found = done.json["funding_pairs"]
    apart = np.abs(rates_of(first) - rates_of(second))[189 * 3 :]
    assert (found["intervals"], found["unknown"]) == (apart.size, 0)
    assert found["qualified"] == len(found["qualified_at"]) == int((apart >= 0.001).sum()) > 20
    assert found["widest_spread_8h"] == pytest.approx(float(apart.max()), rel=1e-12)
    assert (found["venues"], found["enabled"], found["switch"]) == (
        ["binanceusdm", "bybit"], False, "funding_pair_enabled",
    )  # fmt: skip

    usual = found["as_configured"]
    assert (usual["pairs"], usual["hypothetical"], usual["net"]) == (0, False, "0.00000000")
    assert usual["refused_by"]["funding_pair_disabled"] == found["qualified"]
    on, silent = found["with_switch_on"], found["refusals_silenced"]
    assert on["hypothetical"] and silent["hypothetical"]
    assert 0 < on["pairs"] < silent["pairs"] <= found["qualified"]
    assert "funding_pair_disabled" not in on["refused_by"] and on["refused_by"]["entry_signals"] > 0
    for play in (on, silent):
        gross, slippage, fees, funding, net = (float(play[name]) for name in MONEY)
        assert net == pytest.approx(gross - slippage - fees + funding, abs=1e-6)
        for cycle in play["cycles"]:
            assert {cycle["short_venue"], cycle["long_venue"]} == {"binanceusdm", "bybit"}
            # two legs in, two legs out, at 5 bp each
            assert float(cycle["fees"]) == pytest.approx(4 * 0.0005 * float(cycle["notional"]), rel=0.15)

    enabled = volgamma(*words, "--set", "funding_pair_enabled=true", "--json").json["funding_pairs"]
    assert (enabled["enabled"], enabled["with_switch_on"]) == (True, None)
    assert enabled["as_configured"] == {**on, "hypothetical": False}

    # the usual run is what it is without a second venue
    alone = volgamma("simulate", "--data", str(first), *wide, "--json").json
    assert {name: done.json[name] for name in (*MONEY, "decisions")} == {
        name: alone[name] for name in (*MONEY, "decisions")
    }

    page = lines(done.json, ("from", "to"))
    assert all(len(line) <= 80 for line in page.splitlines())
    assert "funding_pair_enabled is false: it refuses all" in page and "hypothetical" in page
    assert "Funding pairs, binanceusdm and bybit" in report.read_text()
    assert report.read_text().count("hypothetical:") == 2


def test_the_guard_is_quoted_the_second_venue_at_its_own_price(
    volgamma: Volgamma, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """One per cent dearer there than what the trader saw: no entry, whatever the rates say."""
    first, second = folders
    name = "SOL_USDT_USDT-15m-futures.feather"
    table = feather.read_table(second / name)
    times = table["date"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    dearer = [table[column].to_numpy() * 1.01 for column in ("open", "high", "low", "close", "volume")]
    write_candles(tmp_path / name, times, *dearer)
    rates = "SOL_USDT_USDT-8h-funding_rate.feather"
    (tmp_path / rates).write_bytes((second / rates).read_bytes())
    found = volgamma(
        *("simulate", "--data", str(first), "--second", str(tmp_path), "--second-venue", "okx", "--symbols", "SOL"),
        *("--from", "2024-06-01", "--to", "2024-06-06", "--json"),
    ).json["funding_pairs"]
    assert found["qualified"] > 2 and found["venues"] == ["binanceusdm", "okx"]
    assert found["with_switch_on"]["refused_by"]["price_moved"] == found["qualified"]
    assert "funding_spread" not in found["with_switch_on"]["refused_by"]  # the reading was there and wide enough
    assert "quote_missing" not in found["with_switch_on"]["refused_by"]


def test_a_symbol_the_second_venue_lacks_is_left_out(volgamma: Volgamma, folders: tuple[Path, Path]) -> None:
    words = ("--data", str(folders[0]), "--second", str(folders[1]), "--to", "2023-12-20", "--json")
    found = volgamma("simulate", *words).json["funding_pairs"]
    assert list(found["spans"]) == ["SOL/USDT:USDT"]
    assert "candles of AVAX" in found["left_out"]["AVAX/USDT:USDT"]


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("--second", "missing"), 1, "missing is no folder"),
        (("--second-venue", "okx"), 2, "--second-venue names the venue of --second"),
        (("--second", ".", "--second-venue", "binanceusdm"), 2, "both venues are called binanceusdm"),
        (("--second", ".", "--sweep", "entry_min_signals=2"), 2, "--sweep plays no funding pairs"),
        (("--second", "."), 1, "has no candles of SOL"),
    ],
)
def test_wrong_inputs_are_named(
    volgamma: Volgamma, folders: tuple[Path, Path], words: tuple[str, ...], code: int, named: str
) -> None:
    done = volgamma("simulate", "--data", str(folders[0]), "--to", "2023-12-01", *words, "--json")
    assert (done.code, named in done.json["error"]["message"]) == (code, True), done.json
    assert done.json["error"]["remedy"]


@pytest.mark.data
@pytest.mark.parametrize("enter", ["0.001", "0.0003"])
def test_the_count_on_real_data_is_the_one_of_a_join(volgamma: Volgamma, enter: str) -> None:
    """Both files joined by hand; domain.md section 4 measured 2 of 2,171 over a longer period."""
    pandas = pytest.importorskip("pandas")
    root = data_folder()
    first, second = (root / venue / "futures" for venue in ("binance", "bybit"))
    tables = []
    for folder in (first, second):
        table = pandas.read_feather(folder / "SOL_USDT_USDT-8h-funding_rate.feather")[["date", "open"]]
        table["date"] = table["date"].dt.round("min")
        tables.append(table.set_index("date")["open"])
    joined = pandas.concat(tables, axis=1, join="inner")
    joined = joined[joined.index >= "2023-12-18"]
    apart = (joined.iloc[:, 0] - joined.iloc[:, 1]).abs()
    done = volgamma(
        *("simulate", "--data", str(first), "--second", str(second), "--symbols", "SOL", "--from", "2023-12-18"),
        *("--set", f"funding_spread_enter={enter}", "--json"),
    )
    found = done.json["funding_pairs"]
    assert found["intervals"] == len(joined) == 1_139
    assert found["qualified"] == int((apart.round(12) >= float(enter)).sum())
    assert found["widest_spread_8h"] == pytest.approx(apart.max(), rel=1e-9)
    assert found["as_configured"]["pairs"] == 0
