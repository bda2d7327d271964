"""The generated pages are current, whole, and the same wherever they are made."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from db.seed import SEED
from orchestrator.reference.__main__ import FOLDER, PAGES
from orchestrator.reference.commands import EXITS, commands, examples_of, is_group
from orchestrator.reference.constraints import TOGETHER, allowed, groups
from traders.contract.constraints import ConstraintError, limit_values, parse_limits
from traders.contract.limits import Limits

ROOT = Path(__file__).parents[2]
COMMANDS = {name: one for name, one in commands().items() if not is_group(one)}
VALUES: dict[str, Any] = limit_values(parse_limits({key: value for key, (value, _) in SEED.items()}, where="a test"))


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run `python -m orchestrator.reference`"


def test_it_is_the_same_in_a_narrow_terminal_of_another_user(tmp_path: Path) -> None:
    (tmp_path / "volgamma.toml").write_text("llm_port = 1\nalerts_per_hour = 3\n")
    environment = {
        **os.environ,
        "COLUMNS": "40",
        "TERM": "dumb",
        "HOME": str(tmp_path),
        "USER": "somebody",
        "VOLGAMMA_DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.reference", "made"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in PAGES:
        text = (tmp_path / "made" / name).read_text(encoding="utf-8")
        assert text == (FOLDER / name).read_text(encoding="utf-8")
        assert str(tmp_path) not in text and str(ROOT) not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_and_every_option_a_word(name: str) -> None:
    one = COMMANDS[name]
    assert examples_of(name, one.help), "the help text gives an example"
    assert [item.name for item in one.params if item.opts[0].startswith("-") and not item.help] == []


def test_special_exit_codes_are_those_of_the_code() -> None:
    """A command that ends with a code of its own says so, and no other does."""
    found: dict[str, set[int]] = {}
    for name, one in COMMANDS.items():
        tree = ast.parse(inspect.getsource(inspect.unwrap(one.callback)))
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Exit"
        ]
        codes = {argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)}
        if codes:
            found[name] = {int(code) for code in codes if isinstance(code, int)}
    helped = {"simulate": {1}}  # its sweep ends in a function of its own
    assert {**helped, **found} == {name: {code for code, _ in told} for name, told in EXITS.items()}
    assert "raise typer.Exit(1)" in (ROOT / "orchestrator/cli/simulate.py").read_text()


def test_every_limit_is_in_one_group_with_a_range() -> None:
    listed = [key for title, keys in groups() for key in keys if title]
    assert listed == list(Limits.model_fields) == list(SEED)
    assert len(dict(groups())) == 7
    assert (allowed("leverage_max"), allowed("stop_loss_max")) == ("whole number, 1 to 125", "0 to 1")
    assert (allowed("monitoring_interval_s"), allowed("reward_risk_min")) == ("whole number, 900 to 1800", "above 0")


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("leverage_max", (8, 125), (126, 8.5)),
        ("stop_loss_max", (0.05, 1), (1.01, -0.01)),
        ("monitoring_interval_s", (900, 1800), (899, 1801)),
        ("reward_risk_min", (0.1,), (0,)),
        ("pairs_max", (0, 9), (-1, 1.5)),
        ("correlation_exit", (1,), (1.01,)),
        ("margin_mode", ("isolated",), ("cross",)),
        ("breakeven_margin", (0,), (-0.001,)),
    ],
)
def test_the_ranges_are_those_that_are_enforced(key: str, inside: tuple[Any, ...], outside: tuple[Any, ...]) -> None:
    for value in inside:
        parse_limits({**VALUES, key: value}, where="a test")
    for value in outside:
        with pytest.raises(ConstraintError, match=key):
            parse_limits({**VALUES, key: value}, where="a test")


@pytest.mark.parametrize(("sentence", "broken"), TOGETHER, ids=[sentence[:40] for sentence, _ in TOGETHER])
def test_what_must_hold_together_does(sentence: str, broken: dict[str, Any]) -> None:
    with pytest.raises(ConstraintError):
        parse_limits({**VALUES, **broken}, where="a test")


def test_no_contradiction_is_left_out() -> None:
    """One sentence for each complaint of `Limits.problems`; the ordered pairs are told in two."""
    source = inspect.getsource(Limits.problems)
    assert len(TOGETHER) == source.count("found.append(") + 1
    pairs = next(node for node in ast.walk(ast.parse("class X:\n" + source)) if isinstance(node, ast.For))
    told = " ".join(sentence for sentence, _ in TOGETHER[:2])
    for low, high in ast.literal_eval(pairs.iter):
        for key in (low, high):
            stem = key.rsplit("_", 1)
            assert key in told or (stem[0] in told and (f"_{stem[1]}" in told or stem[1] in ("min", "max"))), key
