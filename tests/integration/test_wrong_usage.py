"""Wrong usage under --json is a document on stdout as every other failure is, once; without --json nothing is there."""

import json
import subprocess
import sys

import pytest

RUN = [sys.executable, "-m", "orchestrator"]


def said(*words: str) -> tuple[int, str, str]:
    done = subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "named", "remedy"),
    [
        (["decide", "--polcy", "x"], "--polcy", "decide --help"),
        (["nosuch"], "nosuch", "--help"),
        (["run", "--on-move", "x"], "--on-move", "run --help"),
        (["journal", "show"], "ID", "journal show --help"),
    ],
)
def test_it_is_one_document(words: list[str], named: str, remedy: str) -> None:
    code, out, err = said(*words, "--json")
    assert code == 2
    error = json.loads(out)["error"]
    assert error["code"] == "usage"
    assert named in error["message"]
    assert remedy in error["remedy"]
    assert named in err


def test_without_json_stdout_stays_empty() -> None:
    code, out, err = said("decide", "--polcy", "x")
    assert (code, out) == (2, "")
    assert "--polcy" in err


def test_what_follows_two_dashes_is_no_option() -> None:
    assert said("nosuch", "--", "--json")[:2] == (2, "")


def test_what_a_command_itself_refuses_is_told_once() -> None:
    code, out, _ = said("decide", "--policy", "x", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "unknown_policy"
