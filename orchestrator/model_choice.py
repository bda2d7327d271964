"""Which model answers: the server the user names, else the embedded one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.local_model import ALIAS, EXTRA_BODY, JOURNAL_NAME, ensure_local_model
from orchestrator.model_call import DEFAULT_BASE_URL, OpenAIModel
from orchestrator.settings import Settings
from traders.contract.model import ModelFailed, ModelOptions

#: Used with OPENAI_API_KEY alone, when neither a model nor a server is named.
DEFAULT_MODEL = "gpt-4.1-mini"
REMOTE_TIMEOUT_S = 60.0
EMBEDDED_TIMEOUT_S = 300.0
EMBEDDED = "embedded"


@dataclass(frozen=True)
class ModelChoice:
    """How a model will be reached. `model` None: the first the server lists."""

    kind: Literal["remote", "embedded"]
    model: str | None
    base_url: str | None
    template: Literal["compact", "full"]
    timeout_s: float


def choose_model(settings: Settings) -> ModelChoice:
    """OPENAI_API_KEY or a base URL means that server; otherwise, or with model "embedded", the embedded model.

    Raises HostError for a prompt template that does not exist.
    """
    template = settings.prompt_template
    if template not in (None, "compact", "full"):
        raise HostError(
            "config_invalid", f"prompt_template = {template!r} is no template", "write 'compact' or 'full', or nothing"
        )
    if settings.model == EMBEDDED or not (settings.api_key or settings.base_url):
        return ModelChoice(
            "embedded", None, None, _size(template, "compact"), settings.llm_timeout_s or EMBEDDED_TIMEOUT_S
        )
    return ModelChoice(
        "remote",
        settings.model or (None if settings.base_url else DEFAULT_MODEL),
        settings.base_url or DEFAULT_BASE_URL,
        _size(template, "full"),
        settings.llm_timeout_s or REMOTE_TIMEOUT_S,
    )


@asynccontextmanager
async def open_model(settings: Settings, clock: Clock) -> AsyncIterator[OpenAIModel]:
    """The chosen model, ready to answer; closes its connections, and the embedded server if it was started here.

    Raises HostError when the embedded model is not installed or does not start, or when a server without a named
    model does not list any.
    """
    choice = choose_model(settings)
    if choice.kind == "embedded":
        local = await ensure_local_model(settings, clock)
        options = _options(settings, capable=False)
        model, stop = _embedded(choice, local.base_url, clock, options), local.stop
    else:
        model, stop = await _remote(settings, choice, clock), _nothing
    try:
        yield model
    finally:
        await model.aclose()
        await asyncio.to_thread(stop)


def _embedded(choice: ModelChoice, base_url: str, clock: Clock, options: ModelOptions) -> OpenAIModel:
    return OpenAIModel(
        model=ALIAS,
        base_url=base_url,
        template=choice.template,
        timeout_s=choice.timeout_s,
        clock=clock,
        name=JOURNAL_NAME,
        extra_body=EXTRA_BODY,
        options=options,
    )


async def _remote(settings: Settings, choice: ModelChoice, clock: Clock) -> OpenAIModel:
    assert choice.base_url is not None

    def reach(model: str) -> OpenAIModel:
        return OpenAIModel(
            model=model,
            base_url=choice.base_url or DEFAULT_BASE_URL,
            api_key=settings.api_key,
            template=choice.template,
            timeout_s=choice.timeout_s,
            clock=clock,
            prices=_prices(settings),
            options=_options(settings, capable=choice.template == "full"),
        )

    if choice.model is not None:
        return reach(choice.model)
    asking = reach("?")
    try:
        names = await asking.models()
    except ModelFailed as error:
        raise HostError(
            "model_unnamed", str(error), "name the model: VOLGAMMA_MODEL=... or model in volgamma.toml"
        ) from None
    finally:
        await asking.aclose()
    if not names:
        raise HostError("model_unnamed", f"{asking.host} offers no model", "load one there, or set VOLGAMMA_MODEL")
    return reach(names[0])


def _options(settings: Settings, *, capable: bool) -> ModelOptions:
    """What the user has set. Tools are on where a model can be expected to use them, unless said otherwise."""
    temperature = settings.llm_temperature
    return ModelOptions(
        temperature=None if temperature is None else Decimal(repr(temperature)),
        seed=settings.llm_seed,
        max_tokens=settings.llm_max_tokens,
        reasoning_effort=settings.llm_reasoning_effort,
        tools=settings.llm_tools == "on" or (settings.llm_tools == "auto" and capable),
    )


def _prices(settings: Settings) -> tuple[float, float] | None:
    """USD per million prompt and completion tokens from VOLGAMMA_LLM_PRICES, e.g. `0.40,1.60`."""
    text = settings.environment.get("VOLGAMMA_LLM_PRICES")
    if not text:
        return None
    try:
        prompt, completion = (float(part) for part in text.split(","))
    except ValueError:
        raise HostError(
            "config_invalid", f"VOLGAMMA_LLM_PRICES = {text!r} is no price table", "write it as 0.40,1.60"
        ) from None
    return prompt, completion


def _size(text: str | None, otherwise: Literal["compact", "full"]) -> Literal["compact", "full"]:
    if text == "compact":
        return "compact"
    return "full" if text == "full" else otherwise


def _nothing() -> None:
    """A server of the user's is not ours to stop."""
