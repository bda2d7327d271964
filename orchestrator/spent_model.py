"""What is asked instead of the model when its budget is used up."""

from typing import Literal

from traders.contract.decision import AbstainReason
from traders.contract.model import ModelFailed, ModelReply, ModelRequest


class SpentModel:
    """Stands in for a model whose budget is used up: it fails at once, and the trader abstains."""

    name = "none"
    template: Literal["compact", "full"] = "compact"

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Never answers."""
        raise ModelFailed(AbstainReason.BUDGET, "the model budget of this UTC day is used up")
