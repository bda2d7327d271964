"""The commands around the store, run in process against a data folder of their own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from orchestrator.cli import census, constraints, data, database, evaluate, journal, kill, replay, simulate, traders


@dataclass(frozen=True)
class Ran:
    """Exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


class Volgamma:
    """`volgamma` with VOLGAMMA_DATA_DIR set to `folder`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("VOLGAMMA_DATABASE_URL", "VOLGAMMA_CONFIG"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("VOLGAMMA_DATA_DIR", str(folder))
        monkeypatch.chdir(folder)
        self.folder = folder
        self._app = typer.Typer()
        for module in (census, constraints, data, database, evaluate, journal, kill, replay, simulate, traders):
            module.register(self._app)

    def __call__(self, *words: str) -> Ran:
        done = CliRunner().invoke(self._app, list(words))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)
