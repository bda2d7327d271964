"""Fetchers of another distribution as `pip` leaves them: a dist-info folder with entry points on the path."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

GAS = """
KEYWORDS = ("gas_price", "Network Fees")

async def fetch(source):
    ticker = await source.call("fetch_ticker", source.symbol)
    return {"symbol": source.symbol, "last": ticker["last"]}
"""
FAILING = """
KEYWORDS = ("moon_phase",)

async def fetch(source):
    raise RuntimeError("the moon is behind a cloud")
"""
ENTRY_POINTS = """
[volgamma.fetchers]
gas-fees = gas_for_volgamma
moon = moon_for_volgamma
broken = broken_for_volgamma
absent = no_such_module_anywhere
nameless = nameless_for_volgamma
market_data = gas_for_volgamma

[console_scripts]
gas = gas_for_volgamma:main
"""
MODULES = {
    "gas_for_volgamma": GAS,
    "moon_for_volgamma": FAILING,
    "broken_for_volgamma": "raise SystemExit('wants a newer Python')",
    "nameless_for_volgamma": "async def fetch(source): return {}",
}
SNAPSHOT = """
import asyncio, json
from data_fetchers.collector import collect
from data_fetchers.snapshot import Requirements
from tests.fetchers_venue import NOW, SOL, RealClock, opened, stub_venue

async def main():
    words = ("gas_price", "moon-phase", "oi")
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        wanted = Requirements(primary=SOL, keywords=words, candles={})
        found = await collect(wanted, exchange, venue_name="paper", clock=RealClock(NOW))
        print(found.model_dump_json())

asyncio.run(main())
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder as site-packages looks after the distribution was installed."""
    site = tmp_path / "site"
    info = site / "gas_for_volgamma-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gas-for-volgamma\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    for name, text in MODULES.items():
        (site / f"{name}.py").write_text(text)
    return site


def run(site: Path | None, *arguments: str) -> str:
    """Standard output of a Python of its own, from the project's folder, with `site` on its path."""
    path = os.pathsep.join(str(folder) for folder in (site, ROOT) if folder is not None)
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def doctor(site: Path | None) -> list[dict[str, Any]]:
    text = run(site, "-c", "from orchestrator.cli.app import main; main()", "doctor", "--json")
    return [finding for finding in json.loads(text)["findings"] if finding["check"] == "fetchers"]


def test_a_snapshot_holds_what_the_plugin_fetched_and_why_the_other_did_not(installed: Path) -> None:
    sol = json.loads(run(installed, "-c", SNAPSHOT))["symbols"]["SOL/USDT:USDT"]
    assert set(sol["extra"]) == {"gas-fees", "moon"}
    assert sol["extra"]["gas-fees"]["document"] == {"symbol": "SOL/USDT:USDT", "last": 142.1234567891}
    assert sol["extra"]["moon"]["kind"] == "unavailable"
    assert "the moon is behind a cloud" in sol["extra"]["moon"]["reason"]
    assert sol["open_interest"]["kind"] == "open_interest"


def test_keywords_are_found_however_they_are_spelt_and_our_names_stay_ours(installed: Path) -> None:
    script = """
from data_fetchers.keywords import resolve
for word in ("gas_price", "Gas Price", "network-fees", "gas_fees", "gas-fees", "market_data"):
    print(*resolve([word]))
"""
    assert run(installed, "-c", script).split() == ["gas-fees"] * 5 + ["market_data"]


def test_an_unknown_keyword_names_the_plugins_that_could_not_be_loaded(installed: Path) -> None:
    script = """
from data_fetchers.errors import UnknownKeyword
from data_fetchers.keywords import resolve
try:
    resolve(["gas_prise"])
except UnknownKeyword as error:
    print(error)
"""
    text = run(installed, "-c", script)
    assert "did you mean 'gas_price'" in text
    assert "'broken'" in text
    assert "'absent'" in text


def test_doctor_names_the_plugins_and_what_is_wrong_with_which(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLGAMMA_DATA_DIR", str(tmp_path / "data"))
    *warnings, healthy = doctor(installed)
    assert (healthy["status"], healthy["detail"]) == ("ok", "five of ours, third-party: gas-fees, moon")
    assert {finding["status"] for finding in warnings} == {"warn"}
    assert [finding["detail"].split(":")[0] for finding in warnings] == [
        f"fetcher plugin {name!r} ({module})"
        for name, module in (
            ("absent", "no_such_module_anywhere"),
            ("broken", "broken_for_volgamma"),
            ("market_data", "gas_for_volgamma"),
            ("nameless", "nameless_for_volgamma"),
        )
    ]
    assert "wants a newer Python" in warnings[1]["detail"]
    assert all(finding["remedy"] for finding in warnings)
    assert [finding["detail"] for finding in doctor(None)] == ["five of ours, third-party: none"]
