"""The measured figures that README.md and docs/faq.md tell are those that the program gives today on the same data."""

from pathlib import Path

import pytest

from tests.market_files import data_folder
from tests.store_cli import Volgamma

ROOT = Path(__file__).parents[2]
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
FAQ = " ".join((ROOT / "docs" / "faq.md").read_text(encoding="utf-8").split())
pytestmark = pytest.mark.data


def futures() -> str:
    folder = data_folder() / "binance" / "futures"
    if not folder.is_dir():
        pytest.skip(f"no candles at {folder}")
    return str(folder)


def test_what_the_trader_earned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("simulate", "--data", futures(), "--from", "2022-12-01", "--to", "2024-12-01", "--json")
    run = Volgamma(tmp_path, monkeypatch)(*words).json
    low, high = run["intervals"]["net_per_cycle"]
    net, pairs = float(run["net"]), run["cycles"]
    costs = f"{float(run['fees']):.0f} are fees and {float(run['slippage']):.0f} slippage"
    went = run["continuation"]
    assert f"{pairs} pairs, **{net:.0f} USDT** on 100,000, of which {costs}" in FAQ
    assert f"Per pair {net / pairs:.2f} USDT, 95 % interval {low:.2f} to {high:+.2f}" in FAQ
    assert (
        f"Of {went['reached_band_1']} ladders that reached their first band {went['went_on']} went on to the last: "
        f"{went['share']:.0%}".replace("%", " %")
        in FAQ
    )
    assert f"{pairs} pairs, {net:.0f} USDT on 100,000, of which {costs}" in README
    assert f"interval per pair reaches from {low:.0f} to {high:+.0f} USDT" in README


def test_how_rare_the_entry_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Volgamma(tmp_path, monkeypatch)("census", "--data", futures(), "--timeframes", "1h", "--json").json
    sol, avax = (run["symbols"][f"{coin}/USDT:USDT"]["1h"]["conditions"] for coin in ("SOL", "AVAX"))
    hours = {found["atr_ratio>1.5"]["defined"] for found in (sol, avax)}
    assert len(hours) == 1 and f"Of {hours.pop():,} hours (2022-12 to 2024-12)" in FAQ
    above = [found["atr_ratio>1.5"]["count"] for found in (sol, avax)]
    assert f"above 1.5 in {above[0]} on SOL and {above[1]} on AVAX" in FAQ
    words = {2: "two", 4: "four"}
    twice = [words.get(found["atr_ratio>2.0"]["count"]) for found in (sol, avax)]
    assert f"above 2 in {twice[0]} and {twice[1]}." in FAQ
