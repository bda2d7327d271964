"""`volgamma simulate --trader`: another registered trader, its own limits, and what is said where it cannot be."""

from pathlib import Path

import pytest

from tests.simulated_market import write_market
from tests.store_cli import Volgamma

PERIOD = ("--from", "2024-01-10", "--to", "2024-01-13")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("history"), days=60)


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    found = Volgamma(tmp_path, monkeypatch)
    assert found("traders", "enable", "90", "--why", "to simulate it").code == 0
    assert found("constraints", "set", "directional_enabled", "true", "--trader", "90", "--why", "one leg").code == 0
    return found


@pytest.mark.parametrize("named", ["90", "exampletrend"])
def test_its_positions_its_limits_its_symbols(volgamma: Volgamma, folder: Path, named: str) -> None:
    done = volgamma("simulate", "--trader", named, "--data", str(folder), *PERIOD, "--json")
    assert done.code == 0, done.out
    found = done.json
    assert found["trader"] == {"trader_id": 90, "name": "ExampleTrend"}
    assert list(found["per_symbol"]) == ["SOL/USDT:USDT"]  # its own, not the first trader's two
    assert found["one_leg"] == found["cycles"] > 3
    assert found["continuation"]["reached_band_1"] == 0
    assert found["constraints"]["version"] == 2


def test_page_and_report_say_nothing_of_ladders(volgamma: Volgamma, folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "out.html"
    done = volgamma("simulate", "--trader", "90", "--data", str(folder), *PERIOD, "--report", str(report))
    assert done.code == 0
    assert all(len(line) <= 80 for line in done.out.splitlines() if str(tmp_path) not in line)
    assert "90 ExampleTrend" in done.out and "per position" in done.out and "ladder" not in done.out
    page = report.read_text()
    assert "positions of one leg" in page and "Trader 90 ExampleTrend" in page
    assert "profile says" not in page and "have no gamma" not in page


def test_a_sweep_is_of_the_trader_too(volgamma: Volgamma, folder: Path) -> None:
    done = volgamma(
        *("simulate", "--trader", "90", "--data", str(folder), *PERIOD, "--workers", "1"),
        *("--sweep", "directional_enabled=true,false", "--json"),
    )
    opened = {one["changes"]["directional_enabled"]: one["cycles"] > 0 for one in done.json["rows"]}
    assert opened == {True: True, False: False}


def test_who_cannot_be_simulated(volgamma: Volgamma, folder: Path) -> None:
    def error(*words: str) -> tuple[int, str, str]:
        done = volgamma("simulate", "--data", str(folder), *PERIOD, *words, "--json")
        assert done.json["error"]["remedy"]
        return done.code, done.json["error"]["code"], done.json["error"]["message"]

    assert error("--trader", "Nobody")[:2] == (1, "unknown_trader")
    assert "11 VolatilityGamma" in error("--trader", "91")[2]
    assert volgamma("traders", "disable", "90", "--why", "enough").code == 0
    assert error("--trader", "90")[:2] == (1, "trader_disabled")


def test_one_that_never_had_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    fresh = Volgamma(tmp_path, monkeypatch)
    done = fresh("simulate", "--trader", "90", "--data", str(folder), *PERIOD, "--json")
    error = done.json["error"]
    assert (done.code, error["code"]) == (1, "trader_disabled")
    assert "never enabled" in error["message"] and "traders enable 90" in error["remedy"]
