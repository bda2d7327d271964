"""A slice of `make fuzz`, and the proof that the fuzz can fail: without a rule, the independent oracle finds it."""

import pytest

from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rulebook import RULES
from tests.fuzz_guard import run_many, run_one

SEED = 7


def test_four_thousand_arbitrary_decisions() -> None:
    total, wrong = run_many(SEED, range(20))
    assert wrong == []
    assert total["permitted entries"] >= 40, "at least 1 %, or the run proves nothing"


@pytest.mark.parametrize(
    "code",
    [
        RuleCode.LEVERAGE_RANGE,
        RuleCode.PAIR_MARGIN_RANGE,
        RuleCode.STOP_RANGE,
        RuleCode.TARGET_RANGE,
        RuleCode.REWARD_RISK,
        RuleCode.TRAILING,
        RuleCode.CONFIDENCE,
        RuleCode.UNGROUNDED,
        RuleCode.EFFECTIVE_GAMMA,
    ],
)
def test_a_missing_rule_is_found(code: RuleCode) -> None:
    left = [rule for rule in RULES if rule.code is not code]
    assert len(left) == len(RULES) - 1
    found = [line for number in range(12) for line in run_one(SEED, number, left)[1]]
    assert any("permitted against" in line for line in found)
