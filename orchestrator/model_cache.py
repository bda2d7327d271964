"""Answers that were paid for once: a model behind a folder of replies, keyed by everything that makes the answer.

Only for questions about the past (`replay what-if`, `eval`); a live decision is never answered from a cache.
"""

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from traders.contract.base import content_hash
from traders.contract.model import Model, ModelReply, ModelRequest, options_of


class CachedModel:
    """`endpoint` tells servers apart; `number` tells repeated questions apart, so that each repeat is asked once."""

    def __init__(self, model: Model, folder: Path, endpoint: str, number: int = 0) -> None:
        self._model = model
        self._folder = folder
        self._endpoint = endpoint
        self.number = number
        self.options = options_of(model)
        self.hits = self.misses = 0

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def template(self) -> Literal["compact", "full"]:
        """The model's."""
        return self._model.template

    def cost_usd(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """The model's price, where it has one."""
        price = getattr(self._model, "cost_usd", None)
        cost: float | None = price(prompt_tokens, completion_tokens) if callable(price) else None
        return cost

    def about_to_ask(self) -> None:
        """For those who count: may raise instead."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The stored reply, or the model's, stored. Raises ModelFailed; failures are not kept."""
        key = content_hash([self._endpoint, self.name, self.number, request.model_dump(mode="json")])
        file = self._folder / key[:2] / f"{key}.json"
        try:
            reply = ModelReply.model_validate_json(file.read_text(encoding="utf-8"))
        except (OSError, ValidationError, ValueError):
            self.about_to_ask()
            self.misses += 1
            reply = await self._model.complete(request)
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(".part")
            partial.write_text(json.dumps(reply.model_dump(mode="json"), ensure_ascii=True), encoding="utf-8")
            partial.replace(file)
            return reply
        self.hits += 1
        return reply
