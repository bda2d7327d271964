"""The compose file and the Dockerfile, read as their own tools would read them; no engine is needed."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
import yaml

from orchestrator.cli.app import COMMANDS
from orchestrator.cli.app import root as root_options

ROOT = Path(__file__).parents[1]
_VARIABLE = re.compile(r"\$\{(\w+)(?::?([-?])([^}]*))?\}")


def compose() -> dict[str, Any]:
    """compose.yaml with its anchors resolved and its variables left in."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return document


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """The same with `${NAME}`, `${NAME:-default}` and `${NAME:?why}` replaced. Raises KeyError for a required one."""
    if isinstance(value, dict):
        return {key: filled(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, values) for one in value]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        name, sign, rest = match.groups()
        if values.get(name):
            return values[name]
        if sign == "-":
            return rest
        raise KeyError(name)

    return _VARIABLE.sub(replaced, value)


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The JSON list of an `ENTRYPOINT ["..."]`."""
        found: list[str] = json.loads(self.rest)
        return found


def dockerfile() -> list[Step]:
    """Its instructions, lines that go on put together."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Step(*line.split(maxsplit=1)) for line in lines]


def copied() -> Iterator[str]:
    """What is copied from the folder of the project."""
    for step in dockerfile():
        if step.name == "COPY" and "--from=" not in step.rest:
            yield from step.rest.split()[:-1]


def parse(words: list[str]) -> None:
    """Parse a command line of `volgamma` as it would itself, without running it. Raises for what does not exist."""
    app = typer.Typer()
    app.callback()(root_options)
    for name in COMMANDS:
        import_module(f"orchestrator.cli.{name}").register(app)
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        assert rest and rest[0] in command.commands, f"there is no command {' '.join(words)!r}"
        command = command.commands[rest.pop(0)]
    command.make_context("volgamma", rest)
