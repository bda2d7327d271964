"""A model that can only repeat what was recorded. It never asks anything live.

It answers a request only when that is, field by field, the recorded one. Anything else is a miss: it is kept in
`drift`, and `complete` raises, so that a trader which turns failures into standing aside cannot hide it.
"""

from collections.abc import Sequence
from typing import Literal

from orchestrator.replay.difference import Difference, first_difference
from traders.contract.decision import AbstainReason
from traders.contract.model import ModelFailed, ModelOptions, ModelReply, ModelRequest


class RecordedModel:
    """Replies of one decision, in order. `failure` is how the last request ended when it has no reply."""

    def __init__(
        self,
        name: str,
        template: Literal["compact", "full"],
        requests: Sequence[ModelRequest],
        replies: Sequence[ModelReply],
        failure: tuple[AbstainReason, str] | None = None,
    ) -> None:
        self._name = name
        self._template = template
        self._requests = tuple(requests)
        self._replies = tuple(replies)
        self._failure = failure
        self._asked = 0
        self.drift: Difference | None = None
        self.options = _options(self._requests)

    @property
    def name(self) -> str:
        """The recorded model's name."""
        return self._name

    @property
    def template(self) -> Literal["compact", "full"]:
        """Which prompt the recorded model carried."""
        return self._template

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The recorded reply to exactly this request. Raises ModelFailed as recorded, or for a miss."""
        number, self._asked = self._asked, self._asked + 1
        if number >= len(self._requests):
            return self._miss(Difference(f"request.{number}", None, _json(request)))
        if found := first_difference(_json(self._requests[number]), _json(request), f"request.{number}"):
            return self._miss(found)
        if number < len(self._replies):
            return self._replies[number]
        if self._failure is None:
            return self._miss(Difference(f"reply.{number}", None, "a reply was needed"))
        raise ModelFailed(*self._failure)

    def unasked(self) -> Difference | None:
        """The first miss, or a recorded request that was not made this time."""
        if self.drift is None and self._asked < len(self._requests):
            return Difference(f"request.{self._asked}", _json(self._requests[self._asked]), None)
        return self.drift

    def _miss(self, difference: Difference) -> ModelReply:
        self.drift = self.drift or difference
        raise ModelFailed(
            AbstainReason.MODEL_UNAVAILABLE, f"replay: the request differs from the recording at {difference.field}"
        )


def _options(requests: tuple[ModelRequest, ...]) -> ModelOptions:
    """What was set for the recorded model, as its first request shows it."""
    if not requests:
        return ModelOptions()
    first = requests[0]
    return ModelOptions(
        temperature=first.temperature,
        seed=first.seed,
        max_tokens=first.max_tokens,
        reasoning_effort=first.reasoning_effort,
        tools=bool(first.tools),
    )


def _json(request: ModelRequest) -> dict[str, object]:
    return request.model_dump(mode="json")
