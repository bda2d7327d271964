"""Which model answers: the server the user names, else the embedded one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.local_model import ALIAS, EXTRA_BODY, JOURNAL_NAME, ensure_local_model
from orchestrator.model_call import DEFAULT_BASE_URL, OpenAIModel
from orchestrator.settings import Settings
from traders.contract.model import ModelFailed, ModelReply, ModelRequest

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


class OpenModel:
    """A model that is ready, with what must be closed afterwards. Use as `async with await open_model(...)`."""

    def __init__(self, model: OpenAIModel, stop: Callable[[], None]) -> None:
        self._model = model
        self._stop = stop

    @property
    def name(self) -> str:
        """As journalled."""
        return self._model.name

    @property
    def template(self) -> Literal["compact", "full"]:
        """Which prompt size it is given."""
        return self._model.template

    def cost_usd(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Cost of that many tokens, or None without a price table."""
        return self._model.cost_usd(prompt_tokens, completion_tokens)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """One answer. Raises ModelFailed."""
        return await self._model.complete(request)

    async def aclose(self) -> None:
        """Close the connections and stop the server if we started it."""
        await self._model.aclose()
        self._stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def open_model(settings: Settings, clock: Clock) -> OpenModel:
    """The chosen model, ready to answer (it implements `traders.contract.model.Model`).

    Raises HostError when the embedded model is not installed or does not start, or when a server without a named
    model does not list any.
    """
    choice = choose_model(settings)
    if choice.kind == "embedded":
        local = await ensure_local_model(settings, clock)
        model = OpenAIModel(
            model=ALIAS,
            base_url=local.base_url,
            template=choice.template,
            timeout_s=choice.timeout_s,
            clock=clock,
            name=JOURNAL_NAME,
            extra_body=EXTRA_BODY,
        )
        return OpenModel(model, local.stop)
    return OpenModel(await _remote(settings, choice, clock), _nothing)


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
