"""The guard: a pure, total function from a proposed decision to a verdict.

Every rule is asked and every finding reported. What only reduces risk is not asked about market, budget or staleness.
An exception inside a rule (a division by zero in absurd input) is a refusal of an entry, under that rule's code.
"""

from collections.abc import Sequence
from decimal import localcontext

from orchestrator.risk_guard.bench import Bench
from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.planning import execution_plan
from orchestrator.risk_guard.rule import Remark, Rule, note, refuse
from orchestrator.risk_guard.rulebook import RULES
from traders.contract.arithmetic import ARITHMETIC
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Decision
from traders.contract.quote import Quote, Switches
from traders.contract.verdict import ExecutionPlan, Finding, Verdict

#: Goes up with every change that can change a verdict; it is in each verdict and in the journal.
GUARD_VERSION = "2"


def review(
    decision: Decision,
    context: Context,
    quote: Quote,
    switches: Switches,
    constraints: ConstraintSet,
    *,
    rules: Sequence[Rule] = RULES,
) -> Verdict:
    """Judge one decision. Never raises for values of these types. "Now" is `quote.taken_at`.

    `rules` is for tests, which leave one out to see that it was needed.
    """
    return judge(decision, Bench(context, quote, switches, constraints), rules=rules)


def judge(decision: Decision, bench: Bench, *, rules: Sequence[Rule] = RULES) -> Verdict:
    """As `review`, on a bench that is kept for many decisions about the same situation."""
    with localcontext(ARITHMETIC):
        return _judge(Case(bench, decision), rules)


def _judge(case: Case, rules: Sequence[Rule]) -> Verdict:
    findings: list[Finding] = []
    kind, volatile = case.entry_kind, case.volatile
    for rule in rules:
        if not rule.applies(kind, volatile=volatile):
            continue
        try:
            remark = rule.judge(case)
        except Exception as error:  # whatever it is, it is recorded under the rule's own code
            remark = _broken(rule, case, error)
        if remark is None:
            continue
        findings.append(remark.finding(rule.code))
        if remark.decision is not None:
            case = case.amended(remark.decision)
            kind, volatile = case.entry_kind, case.volatile
    plan: ExecutionPlan | None = None
    effects = {finding.effect for finding in findings}
    if "refuse" not in effects and case.judged_as_entry:
        try:
            plan = execution_plan(case)
        except Exception as error:  # whatever it is: a plan that cannot be worked out is not permitted
            remark = refuse(f"no execution plan can be worked out ({type(error).__name__})")
            findings.append(remark.finding(RuleCode.NOT_COMPUTABLE))
            effects.add("refuse")
    refused = "refuse" in effects
    return Verdict(
        outcome="refused" if refused else "amended" if "amend" in effects else "approved",
        decision=None if refused else case.decision,
        plan=plan,
        findings=tuple(findings),
        constraints_version=case.bench.constraints.version,
        constraints_hash=case.bench.constraints.hash,
        guard_version=GUARD_VERSION,
    )


def _broken(rule: Rule, case: Case, error: Exception) -> Remark:
    """What a rule that breaks says: an entry is refused. A guard that fails open is no guard."""
    say = refuse if case.judged_as_entry and rule.effect != "note" else note
    return say(f"cannot be worked out from this input ({type(error).__name__})")
