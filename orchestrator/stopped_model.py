"""What is asked instead of the model when it must not be asked: its budget is used up, or its breaker is open."""

from typing import Literal

from traders.contract.decision import AbstainReason
from traders.contract.model import ModelFailed, ModelReply, ModelRequest


class StoppedModel:
    """Fails at once with the reason, and the trader abstains."""

    name = "none"
    template: Literal["compact", "full"] = "compact"

    def __init__(self, reason: AbstainReason, message: str) -> None:
        self._reason, self._message = reason, message

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Never answers."""
        raise ModelFailed(self._reason, self._message)
