"""How a trader asks a language model, whoever answers: live HTTP, or the recorded replies in replay."""

from typing import Any, Literal, Protocol

from traders.contract.base import ContractError, Fraction, Frozen
from traders.contract.decision import AbstainReason


class Message(Frozen):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class ModelRequest(Frozen):
    """A chat completion with a schema for the answer. Everything that changes the answer is in here, and hashed."""

    messages: tuple[Message, ...]
    json_schema: dict[str, Any]
    schema_name: str
    max_tokens: int
    temperature: Fraction
    seed: int


class ModelReply(Frozen):
    """The raw answer, before any parsing."""

    text: str
    finish_reason: str
    refusal: str | None
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_ms: int


class ModelFailed(ContractError):
    """No usable answer came; `reason` says how the trader abstains."""

    def __init__(self, reason: AbstainReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Model(Protocol):
    """Answers requests. Raises ModelFailed."""

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
