"""A variable that is nearly one of ours, and a key where no key belongs, are said with what was meant."""

from pathlib import Path

import pytest

from orchestrator import settings
from orchestrator.errors import HostError
from orchestrator.reference.settings import ENVIRONMENT
from orchestrator.settings_file import SECTIONS
from orchestrator.variables import known, misspelt


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("VOLGAMMA_LIV", "VOLGAMMA_LIVE"),
        ("volgamma_live", "VOLGAMMA_LIVE"),
        ("VOLGAMMA_DATADIR", "VOLGAMMA_DATA_DIR"),
        ("VOLGAMMA_ALERT", "VOLGAMMA_ALERTS"),
        ("VOLGAMMA_LIVE_CONFIRMED", "VOLGAMMA_LIVE_CONFIRM"),
        ("VOLGAMMA_BINANCE_KEY", "VOLGAMMA_BINANCEUSDM_KEY"),
        ("VOLGAMMA_BINANCE_API_SECRET", "VOLGAMMA_BINANCEUSDM_SECRET"),
        ("VOLGAMMA_BYBIT_API_KEY", "VOLGAMMA_BYBIT_KEY"),
    ],
)
def test_a_slip_is_named_with_what_was_meant(given: str, meant: str) -> None:
    assert list(misspelt({given: "hush"})) == [(given, meant)]


@pytest.mark.parametrize("name", ["VOLGAMMA_TEST_DATA", "VOLGAMMA_POSTGRES_PASSWORD", "VOLGAMMA_LLM", "VOLGAMA_LIVE"])
def test_what_is_like_none_of_ours_is_left_alone(name: str) -> None:
    assert list(misspelt({name: "x"})) == []


def test_what_is_documented_is_known_and_nothing_else() -> None:
    told = {name for name, _ in ENVIRONMENT} | {f"VOLGAMMA_{key.upper()}" for _, keys in SECTIONS for key, _, _ in keys}
    assert known() == {name for name in told if name.startswith("VOLGAMMA_")}
    assert list(misspelt(dict.fromkeys(known(), "x"))) == []


@pytest.mark.parametrize(
    "line", ['api_key = "x"', 'binanceusdm_secret = "x"', 'apiKey = "x"', '[bybit]\nkey = "x"', 'OPENAI_API_KEY = "x"']
)
def test_a_key_in_the_settings_file_is_told_where_keys_belong(line: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(line + "\n")
    with pytest.raises(HostError, match="unknown key") as raised:
        settings.load({"VOLGAMMA_CONFIG": str(tmp_path / "mine.toml")})
    assert raised.value.remedy.startswith("keys belong in the environment or the keyring")


def test_other_unknown_keys_are_told_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("llm_max_token = 5\n")
    with pytest.raises(HostError) as raised:
        settings.load({"VOLGAMMA_CONFIG": str(tmp_path / "mine.toml")})
    assert raised.value.remedy == "did you mean 'llm_max_tokens'?"
