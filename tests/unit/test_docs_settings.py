"""`docs/settings.md` tells the truth: every key is read, every default is the real one, no variable is left out."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import httpx2
import pytest

from orchestrator import settings
from orchestrator.paper_session import paper_exchange
from orchestrator.reference.settings import ENVIRONMENT, page
from orchestrator.settings_file import SECTIONS

ROOT = Path(__file__).parents[2]
ROOMS = ("orchestrator", "db", "data_fetchers", "traders", "indicators", "prompts")
KEYS = {key: example for _, keys in SECTIONS for key, example, _ in keys}


def test_every_setting_is_read_by_the_program() -> None:
    assert {field.name for field in fields(settings.Settings)} == {*settings._KEYS, "environment"}
    code = "".join(
        file.read_text()
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        if file.name not in ("settings.py", "settings_file.py")
    )
    assert [key for key in settings._KEYS if not re.search(rf"\.{key}\b", code)] == []


def test_every_variable_that_the_code_names_is_on_the_page() -> None:
    told = {name for name, _ in ENVIRONMENT} | {f"VOLGAMMA_{key.upper()}" for key in KEYS}
    named = set[str]()
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            named |= set(re.findall(r"\b(?:VOLGAMMA|OPENAI)_[A-Z_]*[A-Z]\b(?!_)", file.read_text()))
    assert len(named) > 10
    assert named - told - {"VOLGAMMA_<KEY>"} == set()
    assert all(f"`{name}`" in page() for name, _ in ENVIRONMENT)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_the_default_on_the_page_is_the_programs(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting a key to what the page calls its default changes nothing."""
    monkeypatch.chdir(tmp_path)
    (line,) = (line for line in page().splitlines() if line.startswith(f"| `{key}` |"))
    default = line.split(" | ")[1]
    if not default.startswith("`") or " " in default:
        return  # "none", or said in words
    plain = settings.load({})
    assert getattr(settings.load({f"VOLGAMMA_{key.upper()}": default.strip("`")}), key) == getattr(plain, key)
    example = tomllib.loads(f"x = {KEYS[key]}")["x"]
    assert settings.load({}, {key: example}) is not None


async def test_a_paper_account_begins_with_what_is_set_and_keeps_what_it_has(tmp_path: Path) -> None:
    for equity, expected in (("25000", "25000"), ("70000", "25000")):
        chosen = settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_PAPER_EQUITY": equity})
        async with paper_exchange(chosen) as url, httpx2.AsyncClient() as client:
            balances = (await client.get(f"{url}/_control/state")).json()["balances"]
        assert expected in str(balances), balances
