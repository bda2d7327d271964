"""The conformance suite: good traders pass it, and each of its checks can fail."""

import re
import subprocess
import sys
from pathlib import Path

from db.seed import seed_limits
from traders.contract.constraints import limit_values

ROOT = Path(__file__).resolve().parents[2]
SUITE = "traders.contract.conformance"


def conformance(where: str, cwd: Path = ROOT) -> tuple[int, str]:
    """Run the suite as the author of a trader would; exit code and output."""
    command = [sys.executable, "-m", "pytest", "--pyargs", SUITE, "--trader", where, "-o", "addopts=", "-rA"]
    done = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=cwd, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_the_short_form_works_in_the_clones_own_folder() -> None:
    """There an editable install names the files of `traders`, which `-m` has imported, and a warning is an error."""
    command = [sys.executable, "-m", SUITE, "traders.example_trend.trader:ExampleTrend"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_trader_11_conforms() -> None:
    code, output = conformance("traders.volatility_gamma.trader:VolatilityGamma")
    assert code == 0, output[-3000:]


def test_every_check_can_fail() -> None:
    """All but those that pydantic's own types, or the absence of the libraries, already hold."""
    code, output = conformance("tests.badly_behaved_trader:BadlyBehaved")
    assert code == 1
    passed = {re.sub(r"\[.*", "", name) for name in re.findall(r"PASSED \S+::(\w+)", output)}
    assert passed == {
        "test_the_descriptor_survives_json",
        "test_importing_it_loads_no_exchange_and_no_client",
        "test_observe_changes_nothing_it_is_given",
        "test_context_and_proposal_survive_json",
        "test_flat_it_neither_reduces_nor_exits",
    }, output[-3000:]


def test_the_short_way_to_call_it_says_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-m", SUITE], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "MODULE:CLASS" in done.stderr


def test_a_trader_that_cannot_be_loaded_is_named() -> None:
    code, output = conformance("tests.no_such_module:Nobody")
    assert code == 1 and "tests.no_such_module:Nobody could not be run through" in output


def test_the_limits_traders_are_tried_under_are_those_delivered() -> None:
    """A copy, because a trader's package knows no database; kept equal here."""
    import json
    from importlib import resources

    copy = json.loads(resources.files(SUITE).joinpath("limits.json").read_text())
    assert copy == limit_values(seed_limits())
