"""`volgamma dashboard` when it cannot or must not start."""

import socket
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from orchestrator.cli import dashboard


def run(*words: str) -> tuple[int, str]:
    app = typer.Typer()
    dashboard.register(app)
    done = CliRunner().invoke(app, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout + done.stderr


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLGAMMA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("VOLGAMMA_DASHBOARD_TOKEN", raising=False)


def test_an_open_address_without_token_is_refused() -> None:
    code, said = run("--host", "0.0.0.0")
    assert code == 2
    assert "can be reached from other machines" in said and "VOLGAMMA_DASHBOARD_TOKEN" in said


def test_a_weak_token_is_refused_and_not_repeated() -> None:
    code, said = run("--token", "hunter2")
    assert code == 2
    assert "at least 16 characters" in said and "hunter2" not in said


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = run("--port", str(port))
    assert code == 1
    assert f"127.0.0.1:{port} cannot be used" in said and "another --port" in said


def test_an_address_of_another_machine_is_named() -> None:
    code, said = run("--host", "198.51.100.7", "--token", "long-enough-for-a-test")
    assert code == 1
    assert "198.51.100.7:8600 cannot be used" in said
