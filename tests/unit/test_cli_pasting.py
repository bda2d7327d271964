"""Commands that are printed to be pasted name the program and the data folder as they are needed."""

import os
from pathlib import Path

import pytest
from platformdirs import user_data_dir

from orchestrator.cli.pasting import shown

WORDS = ("journal", "show", "11-X")


@pytest.mark.parametrize(
    ("folder", "prefix"),
    [
        (None, ""),
        ("", ""),
        (user_data_dir("volgamma", appauthor=False), ""),
        ("var/demo", "VOLGAMMA_DATA_DIR=var/demo "),
        ("my data", "VOLGAMMA_DATA_DIR='my data' "),
    ],
)
def test_the_folder_stands_before_where_it_is_not_the_default(folder: str | None, prefix: str) -> None:
    environment = {} if folder is None else {"VOLGAMMA_DATA_DIR": folder}
    assert shown(WORDS, environment, ".venv/bin/volgamma") == f"{prefix}.venv/bin/volgamma journal show 11-X"


def test_the_program_is_named_as_it_was_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "volgamma"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin")
    assert shown(WORDS, {}, str(program)) == "volgamma journal show 11-X"
    assert shown(WORDS, {}, "/elsewhere/bin/volgamma") == "/elsewhere/bin/volgamma journal show 11-X"
    assert shown(WORDS, {}, "/somewhere/orchestrator/__main__.py").endswith(" -m orchestrator journal show 11-X")
    assert shown(WORDS, {}, "/usr/bin/pytest") == "volgamma journal show 11-X"
