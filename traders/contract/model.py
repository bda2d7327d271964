"""How a trader asks a language model, whoever answers: live HTTP, or the recorded replies in replay."""

from typing import Any, Literal, Protocol

from pydantic import SerializerFunctionWrapHandler, model_serializer

from traders.contract.base import ContractError, Fraction, Frozen
from traders.contract.decision import AbstainReason


class _Sparse(Frozen):
    """Fields that were never set are not written: what was recorded before they existed keeps its hash."""

    @model_serializer(mode="wrap")
    def _only_what_was_said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        document: dict[str, Any] = write(self)
        late = _LATE.get(type(self).__name__, ())
        return {key: value for key, value in document.items() if key not in late or key in self.model_fields_set}


class ToolCall(Frozen):
    """A model asks for a tool. `arguments` is the JSON text as it came."""

    call_id: str
    name: str
    arguments: str


class ToolSpec(Frozen):
    """A tool on offer: strict JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any]


class Message(_Sparse):
    """One chat message. `tool_calls` belong to the assistant; `call_id` says which of them a tool answers."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None


class ModelOptions(Frozen):
    """What the user has set for a model; None: the trader's own choice."""

    temperature: Fraction | None = None
    seed: int | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    tools: bool = False


class ModelRequest(_Sparse):
    """A chat completion with a schema for the answer. Everything that changes the answer is in here, and hashed."""

    messages: tuple[Message, ...]
    json_schema: dict[str, Any]
    schema_name: str
    max_tokens: int
    temperature: Fraction
    seed: int
    reasoning_effort: str | None = None
    tools: tuple[ToolSpec, ...] = ()


class ModelReply(_Sparse):
    """The raw answer, before any parsing."""

    text: str
    finish_reason: str
    refusal: str | None
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_ms: int
    tool_calls: tuple[ToolCall, ...] = ()


#: Fields that came later, by type.
_LATE = {
    "Message": ("tool_calls", "call_id"),
    "ModelRequest": ("reasoning_effort", "tools"),
    "ModelReply": ("tool_calls",),
}


class ModelFailed(ContractError):
    """No usable answer came; `reason` says how the trader abstains."""

    def __init__(self, reason: AbstainReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Model(Protocol):
    """Answers requests. Raises ModelFailed. May have `options: ModelOptions`."""

    @property
    def name(self) -> str:
        """The model's name as journalled."""
        ...

    @property
    def template(self) -> Literal["compact", "full"]:
        """Which prompt the model can carry."""
        ...

    async def complete(self, request: ModelRequest) -> ModelReply:
        """One answer."""
        ...


def options_of(model: Model) -> ModelOptions:
    """What is set for a model; nothing where it does not say."""
    found = getattr(model, "options", None)
    return found if isinstance(found, ModelOptions) else ModelOptions()
