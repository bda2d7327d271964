"""`volgamma init`: the file names every setting, sets none, and each line works once it is set."""

import re
import tomllib
from pathlib import Path

import pytest

from orchestrator import settings
from orchestrator.cli import init
from orchestrator.settings_file import SECTIONS, template
from tests.store_cli import Volgamma

KEYS = [key for _, keys in SECTIONS for key, _, _ in keys]


def test_every_setting_is_in_it_and_none_is_set() -> None:
    assert sorted(KEYS) == sorted(settings._KEYS)
    assert tomllib.loads(template()) == {}
    assert all(len(line) <= 120 for line in template().splitlines())


def test_every_line_works_once_it_is_set(tmp_path: Path) -> None:
    file = tmp_path / "volgamma.toml"
    file.write_text(re.sub(r"^# (?=\w+ = )", "", template(), flags=re.M))
    values = tomllib.loads(file.read_text())
    assert sorted(values) == sorted(KEYS)
    loaded = settings.load({"VOLGAMMA_CONFIG": str(file)})
    assert (loaded.model, loaded.llm_tools, loaded.on_llm_failure, loaded.live) == (
        "gpt-4.1-mini",
        "auto",
        "stand_aside",
        False,
    )


def test_a_file_that_is_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volgamma = Volgamma(tmp_path, monkeypatch)
    init.register(volgamma._app)
    assert volgamma("init").code == 0 and (tmp_path / "volgamma.toml").read_text() == template()
    (tmp_path / "volgamma.toml").write_text("model = 'mine'\n")
    done = volgamma("init", "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "file_exists")
    assert (tmp_path / "volgamma.toml").read_text() == "model = 'mine'\n"
    assert volgamma("init", "--force").code == 0
    assert volgamma("init", "nowhere/x.toml", "--json").json["error"]["code"] == "cannot_write"
