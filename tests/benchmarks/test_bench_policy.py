"""What a decision costs besides the model: wording the request and reading the reply. Target: under 10 ms."""

import asyncio
from typing import Any

from tests.trader_samples import FakeModel, context
from tests.unit.test_trader_hostile_replies import TEXT
from traders.volatility_gamma.llm_policy import propose
from traders.volatility_gamma.rules_policy import decide


def test_the_model_policy_without_the_models_time(benchmark: Any) -> None:
    situation = context()

    def once() -> Any:
        return asyncio.run(propose(situation, FakeModel(TEXT)))

    assert benchmark(once).decision.action == "enter"


def test_the_rules_policy(benchmark: Any) -> None:
    assert benchmark(decide, context()).action in ("enter", "stand_aside")
