"""The fetcher of docs/write_a_fetcher.md, installed as the page says, beside a venue on loopback."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "write_a_fetcher.md").read_text(encoding="utf-8")
FETCHER, READING = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(PROJECT,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
#: Argument 1: what the venue's ticker says beside the price; argument 2: its age in ms.
RUN = """
import asyncio, json, sys
from aiohttp import web
from data_fetchers.collector import collect
from data_fetchers.snapshot import Requirements
from tests.fetchers_venue import NOW, SOL, RealClock, opened, stub_venue
from reading_of_the_page import day_range

async def main():
    async with stub_venue() as venue, opened("paper", venue.url) as exchange:
        told = {"symbol": "SOLUSDT", "lastPrice": "142", "closeTime": NOW - int(sys.argv[2]), **json.loads(sys.argv[1])}
        async def ticker(request):
            return web.json_response(told)
        venue.say["/fapi/v1/ticker/24hr"] = ticker
        wanted = Requirements(primary=SOL, keywords=("Daily Range",), candles={})
        snapshot = await collect(wanted, exchange, venue_name="paper", clock=RealClock(NOW))
        readings, unavailable = {}, {}
        day_range(snapshot, readings, unavailable)
        extra = snapshot.symbols[SOL].extra["day_range"].model_dump(mode="json")
        shown = {name: reading.model_dump(mode="json") for name, reading in readings.items()}
        print(json.dumps({"extra": extra, "readings": shown, "unavailable": unavailable, "now": NOW}))

asyncio.run(main())
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Site-packages after `pip install` of the page's package; and the page's second block, to be called."""
    project = tomllib.loads(PROJECT)["project"]
    site = tmp_path / "site"
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    points = project["entry-points"]["volgamma.fetchers"]
    lines = ["[volgamma.fetchers]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (module,) = points.values()
    file = site / Path(*module.split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True)
    file.write_text(FETCHER, encoding="utf-8")
    (site / "reading_of_the_page.py").write_text(READING, encoding="utf-8")
    return site


def collected(site: Path, ticker: dict[str, str], age_ms: int = 40) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, json.dumps(ticker), str(age_ms)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_fetcher_of_the_page_brings_a_reading_home(installed: Path) -> None:
    found = collected(installed, {"highPrice": "150", "lowPrice": "120"})
    assert found["extra"]["document"] == {"high_usdt": 150.0, "low_usdt": 120.0, "as_of": found["now"] - 40}
    assert found["extra"]["kind"] == "extra"
    # 150 / 120 - 1
    assert found["readings"]["sol.day_range"] == {
        "value": 0.25,
        "digits": 5,
        "unit": "of price",
        "as_of": found["now"] - 40,
    }
    assert found["unavailable"] == {}


def test_what_the_venue_does_not_say_is_missing_and_not_0(installed: Path) -> None:
    found = collected(installed, {})
    assert (found["extra"]["kind"], found["extra"]["code"]) == ("unavailable", "empty")
    assert found["readings"] == {}
    assert found["unavailable"] == {"sol.day_range": "empty: paper SOL/USDT:USDT: the ticker has no 24 h range"}


def test_what_is_old_is_no_reading(installed: Path) -> None:
    found = collected(installed, {"highPrice": "150", "lowPrice": "120"}, age_ms=90_000)
    assert found["readings"] == {} and found["unavailable"]["sol.day_range"].startswith("stale")


def test_doctor_names_it(installed: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(installed), str(ROOT))),
        "VOLGAMMA_DATA_DIR": str(tmp_path / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "doctor", "--offline", "--json"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=300,
    )
    (found,) = (one for one in json.loads(done.stdout)["findings"] if one["check"] == "fetchers")
    assert (found["status"], found["detail"]) == ("ok", "five of ours, third-party: day_range")
