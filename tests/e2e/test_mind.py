"""What happens when the model fails: the breaker, the budget, and the rules standing in where that was asked for."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import HostError
from orchestrator.replay.verify import verify
from orchestrator.settings import load
from tests.e2e import scripted_model
from tests.e2e.house import house
from traders.volatility_gamma.trader import VolatilityGamma

FAST = {"VOLGAMMA_LLM_BREAKER_FAILURES": "2", "VOLGAMMA_LLM_TIMEOUT_S": "10"}


class Moody:
    """Prose until `good` is set."""

    def __init__(self) -> None:
        self.good, self.asked = False, 0

    def __call__(self, body: dict[str, Any]) -> Any:
        self.asked += 1
        return scripted_model.reply(body, action="stand_aside") if self.good else "I think 5x is fine."


async def test_the_breaker_opens_stays_shut_and_closes_again(tmp_path: Path) -> None:
    say = Moody()
    async with (
        scripted_model.scripted(say) as model,
        house(tmp_path, **model.environment, **FAST, VOLGAMMA_LLM_BREAKER_PAUSE_S="100000") as h,
    ):
        for _ in range(2):
            report = await h.decide(policy="llm", dry_run=True)
            assert report.decision.abstained is not None and report.decision.action == "stand_aside"
        asked = say.asked
        assert asked == 4  # each time one question and one repair
        report = await h.decide(policy="llm", dry_run=True)
        assert report.decision.abstained == "breaker_open"
        assert "failed" in (report.chosen.proposal.error or "") and say.asked == asked
        # the pause is over: one question is let through, and a good answer closes it
        say.good = True
        h.environment["VOLGAMMA_LLM_BREAKER_PAUSE_S"] = "0.001"
        assert (await h.decide(policy="llm", dry_run=True)).decision.abstained is None
        h.environment["VOLGAMMA_LLM_BREAKER_PAUSE_S"] = "100000"
        assert (await h.decide(policy="llm", dry_run=True)).decision.abstained is None


async def test_the_rules_stand_in_when_that_was_asked_for(tmp_path: Path) -> None:
    say = Moody()
    async with (
        scripted_model.scripted(say) as model,
        house(tmp_path, **model.environment, VOLGAMMA_ON_LLM_FAILURE="rules") as h,
    ):
        report = await h.decide(policy="llm")
        document = report.document()
        assert (document["policy"], document["decision"]["action"]) == ("rules", "enter")
        assert document["execution"]["status"] == "open"
        assert "the rules decided" in (report.chosen.proposal.error or "")
        with h.store() as store:
            entry = store.journal.load(report.chosen.decision_id)
            assert entry.document("failed_proposal")["decision"]["abstained"] is not None
            # what the useless answers cost still counts against the day
            assert store.journal.model_usage_since(11, 0)[0] == 2 * 1100
            exported = store.journal.export_line(report.chosen.decision_id)
        checked = await verify(exported, VolatilityGamma())
        assert checked.drift is None and checked.skipped is None


async def test_a_question_that_may_not_be_paid_is_not_asked(tmp_path: Path) -> None:
    say = Moody()
    say.good = True
    prices = {"VOLGAMMA_LLM_PRICES": "1000,1000"}  # 1 USD for a thousand tokens: 5.5 USD a question at most
    async with (
        scripted_model.scripted(say) as model,
        house(tmp_path, **model.environment, **prices, VOLGAMMA_LLM_COST_MONTH="6") as h,
    ):
        first = await h.decide(policy="llm", dry_run=True)
        assert first.decision.abstained is None and say.asked == 1  # cost 1.1 USD
        second = await h.decide(policy="llm", dry_run=True)
        assert (second.decision.abstained, say.asked) == ("budget", 1)
        assert "month" in (second.chosen.proposal.error or "")


@pytest.mark.parametrize(
    ("name", "value"), [("on_llm_failure", "guess"), ("llm_breaker_pause_s", "soon"), ("llm_cost_month", "much")]
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(HostError, match=name):
        load({"VOLGAMMA_DATA_DIR": str(tmp_path), f"VOLGAMMA_{name.upper()}": value})
