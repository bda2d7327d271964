"""A settings file that cannot be used: what, where and the remedy; never a traceback."""

from pathlib import Path

import pytest

from orchestrator.errors import HostError
from orchestrator.settings import load


def complaint(file: Path) -> HostError:
    with pytest.raises(HostError) as caught:
        load({"VOLGAMMA_CONFIG": str(file)})
    assert caught.value.code == "config_invalid"
    assert str(file) in caught.value.message
    return caught.value


def test_a_file_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    file = tmp_path / "volgamma.toml"
    file.write_bytes('model = "größe"\n'.encode("latin-1"))
    assert "UTF-8" in complaint(file).message
    file.write_text('model = "größe"\n', encoding="utf-8")
    assert load({"VOLGAMMA_CONFIG": str(file)}).model == "größe"


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("leverage_max", "limits are rows of the database, not settings: volgamma constraints set leverage_max VALUE"),
        ("paper_equty", "did you mean 'paper_equity'?"),
        ("zzz", "known keys: account_gross_max"),
    ],
)
def test_an_unknown_key_leads_to_where_it_belongs(tmp_path: Path, key: str, remedy: str) -> None:
    file = tmp_path / "volgamma.toml"
    file.write_text(f"{key} = 5\n")
    said = complaint(file)
    assert repr(key) in said.message and said.remedy.startswith(remedy)
