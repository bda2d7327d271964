"""Keys from the environment or a keyring: the whole of them, from one place, and never shown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keyring
import pytest
import typer
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from pydantic import SecretStr
from typer.testing import CliRunner

from orchestrator import keys
from orchestrator.cli import keys as command
from orchestrator.errors import HostError, UsageError

SECRET = "hush-hush-9431"
BYBIT = {"VOLGAMMA_BYBIT_KEY": "k-" + SECRET, "VOLGAMMA_BYBIT_SECRET": "s-" + SECRET}


@dataclass
class Drawer:
    """A keyring of a test's own."""

    kept: dict[tuple[str, str], str] = field(default_factory=dict)
    broken_after: int | None = None

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        if self.broken_after is not None and len(self.kept) >= self.broken_after:
            raise KeyringLocked(f"cannot keep {value}")
        self.kept[service, name] = value

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


def test_from_the_environment() -> None:
    found = keys.find("bybit", BYBIT, None)
    assert found is not None
    assert (found.key.get_secret_value(), found.secret.get_secret_value()) == ("k-" + SECRET, "s-" + SECRET)
    assert (found.password, found.source) == (None, "environment")
    assert SECRET not in repr(found)
    assert keys.find("okx", BYBIT, None) is None


def test_half_a_key_is_an_error_and_the_other_half_is_not_taken_from_elsewhere() -> None:
    drawer = Drawer()
    keys.store("okx", {part: SecretStr(f"{part}-{SECRET}") for part in ("key", "secret", "password")}, drawer)
    with pytest.raises(HostError, match="secret, password missing") as raised:
        keys.find("okx", {"VOLGAMMA_OKX_KEY": SECRET}, drawer)
    assert "VOLGAMMA_OKX_SECRET" in raised.value.remedy
    assert SECRET not in str(raised.value) + raised.value.remedy
    found = keys.find("okx", {}, drawer)
    assert found is not None and found.source == "keyring"
    assert found.password is not None and found.password.get_secret_value() == f"password-{SECRET}"


def test_a_keyring_that_breaks_half_way_keeps_nothing_and_shows_nothing() -> None:
    drawer = Drawer(broken_after=1)
    with pytest.raises(HostError, match="KeyringLocked") as raised:
        keys.store("bybit", {"key": SecretStr(SECRET), "secret": SecretStr(SECRET)}, drawer)
    assert (drawer.kept, raised.value.code) == ({}, "keyring_unusable")
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("values", [{}, {"key": SecretStr("x")}, {"key": SecretStr("x"), "secret": SecretStr("  ")}])
def test_every_part_is_needed(values: dict[str, SecretStr]) -> None:
    with pytest.raises(HostError, match="is empty"):
        keys.store("bybit", values, Drawer())


def test_paper_and_strangers_have_no_keys() -> None:
    for name in ("paper", "mtgox"):
        with pytest.raises(UsageError, match=name):
            keys.known(name)


class Memory(KeyringBackend):
    """A back end as `keyring` itself loads it."""

    #: keyring looks through all back ends there are, this one too: below zero it is never taken unasked.
    priority = -1.0
    kept: dict[tuple[str, str], str]

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise PasswordDeleteError("not there")
        del self.kept[service, username]


@pytest.fixture
def ring() -> Iterator[Memory]:
    before, memory = keyring.get_keyring(), Memory()
    memory.kept = {}
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    monkeypatch.setenv("VOLGAMMA_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = typer.Typer()
    command.register(found)
    found.callback()(lambda: None)
    return found


def run(app: typer.Typer, *words: str, given: str | None = None) -> Any:
    done = CliRunner().invoke(app, ["keys", *words], input=given)
    assert SECRET not in done.output
    return done


def test_the_commands_keep_list_and_remove_without_showing(app: typer.Typer, ring: Memory) -> None:
    assert run(app, "set", "okx", given=f"a-{SECRET}\nb-{SECRET}\nc-{SECRET}\n").exit_code == 0
    assert ring.kept["volgamma", "okx:password"] == f"c-{SECRET}"
    listed = json.loads(run(app, "list", "--json").stdout)
    assert listed["keyring"] is True
    assert {row["venue"]: row["source"] for row in listed["venues"]} == {
        "binanceusdm": None,
        "bybit": None,
        "okx": "keyring",
        "bitget": None,
    }
    assert run(app, "delete", "okx").exit_code == 0
    assert ring.kept == {}
    assert "there were none" in run(app, "delete", "okx").stdout


def test_too_few_lines_keep_nothing(app: typer.Typer, ring: Memory) -> None:
    done = run(app, "set", "okx", "--json", given=f"a-{SECRET}\n")
    assert (done.exit_code, json.loads(done.stdout)["error"]["code"], ring.kept) == (1, "keys_incomplete", {})


def test_without_a_keyring_the_remedy_is_the_environment(app: typer.Typer) -> None:
    from keyring.backends.fail import Keyring as Missing

    before = keyring.get_keyring()
    keyring.set_keyring(Missing())
    try:
        done = run(app, "set", "okx", "--json", given="a\nb\nc\n")
        assert (done.exit_code, json.loads(done.stdout)["error"]["code"]) == (1, "no_keyring")
        assert "VOLGAMMA_<VENUE>_KEY" in json.loads(done.stdout)["error"]["remedy"]
        assert json.loads(run(app, "list", "--json").stdout)["keyring"] is False
    finally:
        keyring.set_keyring(before)
