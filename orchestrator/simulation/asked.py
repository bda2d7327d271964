"""A run in which a language model is asked, with what the rules alone would have done beside it.

It is asked at the hours in which the guard could permit an entry at all, and at every decision about an open pair.
Replies are kept by everything that makes them, so the same run again asks nothing, and an ended one goes on.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.errors import HostError
from orchestrator.model_cache import CachedModel
from orchestrator.simulation.document import settled
from orchestrator.simulation.engine import Engine, Setup
from orchestrator.simulation.history import Market
from traders.contract.constraints import ConstraintSet
from traders.contract.history import Survey
from traders.contract.model import ModelFailed, ModelReply, ModelRequest
from traders.contract.trader import Trader


@dataclass(frozen=True)
class Asked:
    """Policy llm: how the model is had, and how many new replies at most."""

    open: Callable[[], AbstractAsyncContextManager["CountedModel"]]
    most: int


class CallsSpent(HostError):
    """More questions than were allowed."""


class CountedModel(CachedModel):
    """Stops asking when `most` new replies were had in this run."""

    most = 0

    def about_to_ask(self) -> None:
        """Raises CallsSpent."""
        if self.misses >= self.most:
            raise CallsSpent(
                "model_calls_spent",
                f"the model was asked {self.most} times, and there is more to ask",
                "run it again with a larger --model-calls, or a shorter period: replies had so far are kept",
            )

    async def complete(self, request: ModelRequest) -> ModelReply:
        """As `CachedModel`. A server that fails ends the run: that is no opinion of the model."""
        try:
            return await super().complete(request)
        except ModelFailed as failure:
            raise HostError(
                "model_failed", f"{self.name}: {failure}", "run it again when it answers: replies had so far are kept"
            ) from failure


async def run(
    trader: Trader,
    constraints: ConstraintSet,
    markets: dict[str, Market],
    setup: Setup,
    survey: Survey,
    asked: Asked,
) -> tuple[Engine, dict[str, Any]]:
    """(the run, what it says of the model). Raises HostError."""
    async with asked.open() as model:
        model.most = asked.most
        engine = Engine(trader, constraints, markets, setup, model, survey)
        await engine.run()
    by_rules = Engine(trader, constraints, markets, replace(setup, policy="rules"), survey=survey)
    await by_rules.run()
    return engine, {
        "name": model.name,
        "asked": model.misses,
        "kept": model.hits,
        "without": ["tools", "memory of earlier decisions"],
        "abstained": dict(engine.outcome.abstained.most_common()),
        "rules_cycles": len(by_rules.outcome.cycles),
        "rules_net": settled(by_rules, setup)["net"],
    }
