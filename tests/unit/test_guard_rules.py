"""Every rule: it speaks, it is silent at its limit, and leaving it out lets through what it alone refused."""

import runpy
import sys
from pathlib import Path

import pytest

from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rulebook import RULES
from orchestrator.risk_guard.rules_table import BUILT_IN, TARGET, table
from tests.guard_cases import CASES, Make
from tests.guard_scenario import permitted

BY_CODE = {rule.code.value: rule for rule in RULES}
FIRES = [
    pytest.param(code, make, id=f"{code}-{n}") for code, case in CASES.items() for n, make in enumerate(case.fires)
]
QUIET = [
    pytest.param(code, make, id=f"{code}-{n}") for code, case in CASES.items() for n, make in enumerate(case.quiet)
]
REFUSING = [param for param in FIRES if BY_CODE[str(param.values[0])].effect == "refuse"]


def test_the_permitted_entry_is_approved_with_notes_only() -> None:
    verdict = permitted().review()
    assert verdict.outcome == "approved"
    assert {finding.effect for finding in verdict.findings} <= {"note"}
    assert verdict.decision == permitted().decision


def test_every_code_is_a_rule_with_cases_or_built_in() -> None:
    codes = {code.value for code in RuleCode}
    assert [rule.code for rule in RULES] == list(dict.fromkeys(rule.code for rule in RULES)), "one rule a code"
    assert codes == set(BY_CODE) | {code.value for code in BUILT_IN}
    assert set(CASES) == set(BY_CODE), "every rule needs a case in tests/guard_cases.py"


def test_every_rule_is_documented_and_the_table_is_current() -> None:
    assert all(rule.judge.__doc__ for rule in RULES)
    assert TARGET.read_text(encoding="utf-8") == table(), "run `python -m orchestrator.risk_guard.rules_table`"


def test_the_table_is_written_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "orchestrator.risk_guard.rules_table"
    monkeypatch.setattr(sys, "argv", ["rules_table", str(tmp_path / "docs" / "rules.md")])
    monkeypatch.delitem(sys.modules, module)
    runpy.run_module(module, run_name="__main__")
    assert (tmp_path / "docs" / "rules.md").read_text(encoding="utf-8") == table()


@pytest.mark.parametrize(("code", "make"), FIRES)
def test_the_rule_speaks_with_its_effect(code: str, make: Make) -> None:
    said = [finding for finding in make().review().findings if finding.rule == code]
    assert [finding.effect for finding in said] == [BY_CODE[code].effect]
    assert said[0].message


@pytest.mark.parametrize(("code", "make"), QUIET)
def test_the_rule_is_silent_at_its_limit(code: str, make: Make) -> None:
    verdict = make().review()
    assert code not in {finding.rule for finding in verdict.findings}
    others = {finding.rule for finding in verdict.findings if finding.effect == "refuse"}
    if BY_CODE[code].effect != "note" and not CASES[code].with_:
        assert not others, "silent because something else stopped the decision proves nothing"


@pytest.mark.parametrize(("code", "make"), REFUSING)
def test_it_alone_refuses(code: str, make: Make) -> None:
    assert set(make().refusals()) == {code, *CASES[code].with_}


@pytest.mark.parametrize(("code", "make"), REFUSING)
def test_without_the_rule_the_decision_passes(code: str, make: Make) -> None:
    kept = [rule for rule in RULES if rule.code.value not in {code, *CASES[code].with_}]
    scenario = make()
    if CASES[code].sealed:
        assert scenario.refusals(kept) == ["not_computable"], "a second net must hold where no order can be worked out"
        return
    verdict = scenario.review(kept)
    assert verdict.outcome != "refused"
    assert (verdict.plan is None) == (scenario.decision.plan is None)
    # and with only one rule of a group left out, the others of the group still refuse
    for alone in (code, *CASES[code].with_) if CASES[code].with_ else ():
        assert scenario.refusals([rule for rule in RULES if rule.code.value != alone])


@pytest.mark.parametrize("code", [code for code in CASES if BY_CODE[code].effect == "amend"])
def test_without_an_amending_rule_nothing_is_said_to_be_amended(code: str) -> None:
    for make in CASES[code].fires:
        with_rule = make().review()
        without = make().review([rule for rule in RULES if rule.code.value != code])
        assert with_rule.outcome == "amended"
        assert code not in {finding.rule for finding in without.findings}
