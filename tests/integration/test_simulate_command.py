"""`volgamma simulate` as a user meets it: the pinned JSON, the page, wrong inputs."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from orchestrator.simulation.baselines import ladders
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import HistoryError, load
from tests.guard_scenario import D, limits_of
from tests.market_files import data_folder
from tests.simulated_market import START, write_candles, write_market
from tests.store_cli import Volgamma

PINNED = {
    *("bars", "seconds", "bars_per_second", "decisions", "verdicts", "cycles", "gross", "fees", "funding"),
    *("slippage", "net", "max_drawdown", "win_rate", "sharpe", "per_symbol", "data"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("history"))


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)


def test_json_page_and_report(volgamma: Volgamma, folder: Path, tmp_path: Path) -> None:
    done = volgamma("simulate", "--data", str(folder), "--json")
    assert done.code == 0
    found = done.json
    assert set(found) >= PINNED
    assert found["bars"] == 2 * 215 * 96
    assert set(found["data"]) >= {"from", "to", "venue"}
    assert isinstance(found["net"], str) and found["cycles"] > 0

    report = tmp_path / "out.html"
    page = volgamma("simulate", "--data", str(folder), "--from", "2024-06-01", "--report", str(report))
    assert page.code == 0
    assert all(len(line) <= 80 for line in page.out.splitlines() if str(tmp_path) not in line)
    assert "have no gamma" in report.read_text() and "x2" in page.out and "back to back SOL" in page.out
    tables = re.findall(r"(.{0,20})<table>", report.read_text(), re.DOTALL)
    assert len(tables) >= 6
    assert all(before.endswith(('<div class="wide">', '<div class="scroll">')) for before in tables), "cut on a phone"
    outside = re.findall(r"(?:src|href)=[\"'](?!#)[^\"']+", report.read_text())
    assert outside == [], "the report needs nothing but itself"


def test_costs_at_which_nothing_is_opened_are_explained(volgamma: Volgamma, folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "out.html"
    words = ("--taker", "0.02", "--report", str(report))
    page = volgamma("simulate", "--data", str(folder), *words)
    assert page.code == 0
    assert "x2 nothing was opened: the guard sees these costs too, refused by break_even" in " ".join(page.out.split())
    assert re.search(
        r"At x2 nothing was opened: refused by break_even \([\d,]+ times\), cost_multiple", report.read_text()
    )
    assert "At x0 nothing" not in report.read_text()


def test_each_plot_is_a_picture(volgamma: Volgamma, folder: Path, tmp_path: Path) -> None:
    done = volgamma("simulate", "--data", str(folder), "--from", "2024-06-01", "--png", str(tmp_path / "new" / "plots"))
    names = {"equity", "price_SOL", "price_AVAX", "predicted", "exits", "refused_by"}
    files = list((tmp_path / "new" / "plots").iterdir())
    assert done.code == 0 and {file.stem for file in files} == names
    for file in files:
        assert str(file) in done.out
        shades = image.imread(file)
        assert shades.shape[0] > 100 and len(np.unique(shades.reshape(-1, shades.shape[-1]), axis=0)) > 5


def test_another_limit_for_one_run(volgamma: Volgamma, folder: Path) -> None:
    done = volgamma("simulate", "--data", str(folder), "--set", "trades_per_day_max=2", "--json")
    usual = volgamma("simulate", "--data", str(folder), "--json")
    assert done.json["refused_by"]["trades_per_day"] > usual.json["refused_by"].get("trades_per_day", 0)
    assert volgamma("constraints", "show", "trades_per_day_max", "--json").json["value"] == 15


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("--set", "levrage_max=3"), 1, "did you mean 'leverage_max'"),
        (("--set", "leverage_max"), 2, "--set 'leverage_max'"),
        (("--from", "yesterday"), 2, "no date"),
        (("--from", "2031-01-01"), 1, "do not overlap"),
        (("--symbols", "DOGE"), 1, "DOGE"),
        (("--symbols", ","), 2, "names no symbol"),
        (("--policy", "coin"), 2, "no policy 'coin'"),
        (("--policy", "llm", "--sweep", "entry_min_signals=2"), 2, "--sweep asks no model"),
        (("--missing", "maybe"), 2, "maybe"),
        (("--report", "missing-folder/x.html"), 1, "missing-folder/x.html"),
        (("--report", "."), 1, "is a folder"),
        (("--taker", "5"), 2, "--taker 5 would be 500%"),
        (("--spread", "1"), 2, "--spread 1 would be 100%"),
        (("--png", "/dev/null/plots"), 1, "/dev/null/plots"),
    ],
)
def test_wrong_inputs_are_named(
    volgamma: Volgamma, folder: Path, words: tuple[str, ...], code: int, named: str
) -> None:
    done = volgamma("simulate", "--data", str(folder), "--to", "2023-12-01", *words, "--json")
    assert (done.code, named in done.json["error"]["message"]) == (code, True), done.json
    assert done.json["error"]["remedy"]


def test_the_page_says_which_limits_and_what_was_asked(volgamma: Volgamma, folder: Path) -> None:
    words = ("simulate", "--data", str(folder), "--set", "trades_per_day_max=2", "--set", "leverage_max=7")
    done = volgamma(*words)
    page = " ".join(done.out.split())
    assert "limits version 1, 2 differ from the delivered ones: leverage_max 7, trades_per_day_max 2" in page
    assert "(of this run only: trades_per_day_max, leverage_max)" in page
    assert "trades_per_day counts entries and half-closes of the last 24 hours" in page
    found = volgamma(*words, "--json").json
    for name, count in found["actions"].items():
        assert f"{count:,} {name.replace('_', ' ')}" in page
    assert done.err == f"reading {folder} ...\n", "where nobody looks at a terminal there is no bar"
    usual = " ".join(volgamma("simulate", "--data", str(folder)).out.split())
    assert "limits version 1, as delivered" in usual
    assert ("trades_per_day counts" in usual) is ("trades_per_day" in usual.split("pairs")[0].split("refused by")[1])


def test_a_report_that_cannot_be_written_is_known_before_the_run(volgamma: Volgamma, tmp_path: Path) -> None:
    """The folder of data is not even looked at."""
    done = volgamma("simulate", "--data", str(tmp_path / "no-data"), "--report", "missing/x.html", "--json")
    assert done.json["error"]["code"] == "cannot_write"


def test_a_run_that_opened_nothing_says_why(volgamma: Volgamma, folder: Path) -> None:
    def page(*words: str) -> str:
        done = volgamma("simulate", "--data", str(folder), *words)
        assert done.code == 0, done.err
        assert "the edge" not in done.out, "there was no ladder"
        return " ".join(done.out.split())

    assert "at no hour of this period was an entry possible" in page("--to", "2023-12-01")
    assert "entries wanted, refused most often by trades_per_day" in page("--set", "trades_per_day_max=1")
    assert volgamma("traders", "enable", "90", "--why", "test").code == 0
    aside = page("--trader", "90", "--from", "2024-06-01", "--to", "2024-06-03")
    assert 'times saying "no trend, a position already, or directional positions are off"' in aside
    assert "asked: " in aside and " stand aside" in aside


def test_a_folder_that_is_none(volgamma: Volgamma, tmp_path: Path) -> None:
    assert volgamma("simulate", "--data", str(tmp_path / "x"), "--json").json["error"]["code"] == "no_data"
    assert "candles of SOL" in volgamma("simulate", "--data", str(tmp_path), "--json").json["error"]["message"]


@pytest.mark.parametrize("broken", ["order", "price", "text"])
def test_broken_files_are_named(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "SOL_USDT_USDT-1h-futures.feather"
    times, ones = START + np.arange(5) * 3_600_000, np.ones(5)
    if broken == "text":
        file.write_text("no feather")
    elif broken == "order":
        write_candles(file, times[::-1].copy(), *[ones] * 5)
    else:
        write_candles(file, times, ones, ones, ones * 2, ones, ones)
    with pytest.raises(HistoryError, match=r"SOL_USDT_USDT-1h-futures\.feather"):
        load(tmp_path, ("SOL/USDT:USDT",), "x")


@pytest.mark.data
@pytest.mark.parametrize(("coin", "continuation", "net"), [("SOL", 0.679, -0.180), ("AVAX", 0.700, -0.122)])
def test_unconditional_ladders_find_the_measured_anchors(coin: str, continuation: float, net: float) -> None:
    """domain.md section 9 and the data folder's README: their period is a year longer, hence the room."""
    market = load(data_folder() / "binance" / "futures", (f"{coin}/USDT:USDT",), "x")[f"{coin}/USDT:USDT"]
    free = FillModel(spread=D(0), depth_usdt=D(10) ** 15)
    bars = market.bars["15m"]
    start, end = int(bars.time[0]), int(bars.time[-1]) + 900_000
    runs = list(ladders(market, None, limits_of().limits, free, start, end))
    begun = [run for run in runs if run.reached >= 1]
    assert sum(run.reached >= 2 for run in begun) / len(begun) == pytest.approx(continuation, abs=0.015)
    assert 100 * float(np.mean([run.net for run in runs])) == pytest.approx(net, abs=0.04)
    fees = float(np.mean([run.gross - run.net for run in runs]))
    assert fees == pytest.approx(0.002, abs=0.0001), "what is lost is the fee"
