"""A policy's answer with everything needed to play it again."""

from typing import Any, Literal

from traders.contract.base import Frozen
from traders.contract.decision import Decision
from traders.contract.model import ModelReply, ModelRequest


class Usage(Frozen):
    """Tokens as the server counted them; None where it does not say. Cost in USD, None without a price table."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None


class Proposal(Frozen):
    """What was proposed, by what, from which prompt. `prompt_hash` covers the rendered first request."""

    decision: Decision
    policy: Literal["llm", "rules"]
    model: str | None = None
    prompt_version: str | None = None
    prompt_hash: str | None = None
    requests: tuple[ModelRequest, ...] = ()
    replies: tuple[ModelReply, ...] = ()
    tool_calls: tuple[dict[str, Any], ...] = ()
    usage: Usage = Usage()
    attempts: int = 0
    error: str | None = None
