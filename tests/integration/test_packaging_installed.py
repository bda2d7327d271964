"""The wheel, installed with nothing but the dependencies it declares, used from a folder elsewhere."""

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.version import code_version
from tests.installed_package import ROOMS, ROOT, build, environment, install


@dataclass(frozen=True)
class Installed:
    """`volgamma` of an environment of its own, in an empty folder, with an empty data folder."""

    program: Path
    here: Path

    def environment(self) -> dict[str, str]:
        return environment({"VOLGAMMA_DATA_DIR": str(self.here / "data"), "HOME": str(self.here)})

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            [str(self.program), *words],
            capture_output=True,
            text=True,
            cwd=self.here,
            env=self.environment(),
            timeout=300,
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture(scope="module")
def volgamma(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("stranger")
    build(ROOT, folder / "dist", "-t", "wheel")
    program = install(next((folder / "dist").glob("*.whl")), folder)
    here = folder / "elsewhere"
    here.mkdir()
    return Installed(program, here)


def test_it_runs_without_the_source_tree(volgamma: Installed) -> None:
    python = str(volgamma.program.with_name("python"))
    code = f"import importlib; print([importlib.import_module(n).__file__ for n in {ROOMS}])"
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, cwd=volgamma.here, env=volgamma.environment(), check=True
    )
    assert str(ROOT) not in done.stdout, "the source tree is not what runs"

    assert "decide" in volgamma("--help")
    assert volgamma("--version").split("Python")[0].count("commit") == 1
    traders = {one["name"]: one["enabled"] for one in volgamma.json("traders", "list")["traders"]}
    assert traders == {"VolatilityGamma": True, "ExampleTrend": False}


@pytest.mark.slow
def test_it_takes_a_decision_and_replays_it(volgamma: Installed) -> None:
    report = volgamma.json("decide", "--policy", "rules")
    assert report["schema"] == "volgamma.decide/1"
    (listed,) = volgamma.json("journal", "list")["decisions"]
    checked = volgamma.json("replay", "verify", "--all")
    assert (checked["checked"], checked["identical"], checked["notes"]) == (1, 1, [])
    recorded = volgamma.json("journal", "show", listed["decision_id"])["record"]["versions"]["code"]
    assert recorded.partition("+g")[0] == code_version().partition("+g")[0]
    if "+g" in code_version():
        assert "+g" in recorded
        assert f"commit {recorded.partition('+g')[2][:12]}" in volgamma("--version"), "the commit of the build"

    page = volgamma.here / "what_if.html"
    volgamma("replay", "what-if", "--all", "--set", "pairs_max=1", "--html", str(page))
    assert page.read_text().lstrip().lower().startswith("<!doctype html")
    checks = {row["status"] for row in volgamma.json("doctor")["findings"]}
    assert "fail" not in checks


def test_its_dashboard_has_its_pages_and_its_styles(volgamma: Installed) -> None:
    served = subprocess.Popen(
        [str(volgamma.program), "dashboard", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=volgamma.here,
        env=volgamma.environment(),
    )
    try:
        assert served.stdout is not None
        address = served.stdout.readline().split()[2]
        with urllib.request.urlopen(address, timeout=120) as answer:
            page = answer.read().decode()
        assert "<html" in page and "dashboard.css" in page
        with urllib.request.urlopen(f"{address.rstrip('/')}/static/dashboard.js", timeout=120) as answer:
            assert answer.status == 200 and answer.read()
    finally:
        served.terminate()
        served.communicate(timeout=120)
