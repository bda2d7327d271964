"""Is it the context it says it is, of this trader, under these constraints."""

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, note, refuse, rule


@rule(RuleCode.CONTEXT_TAMPERED, scope="any")
def context_tampered(case: Case) -> Remark | None:
    """The context's hash is that of its content; otherwise nothing it says can be relied on (a note when reducing)."""
    if case.bench.context_intact:
        return None
    say = refuse if case.judged_as_entry else note
    return say("the context is not the one its hash was made of", case.bench.context.context_hash, None, "sha-256")


@rule(RuleCode.TRADER_MISMATCH)
def trader_mismatch(case: Case) -> Remark | None:
    """Context and constraints are of the same trader."""
    seen, judged_by = case.bench.context.trader_id, case.bench.constraints.trader_id
    if seen == judged_by:
        return None
    return refuse(
        f"the context is trader {seen}'s, the constraints are trader {judged_by}'s", seen, judged_by, "trader"
    )


@rule(RuleCode.CONSTRAINTS_CHANGED, "note", scope="any")
def constraints_changed(case: Case) -> Remark | None:
    """The constraints are other than those the policy saw: the verdict is by the present ones."""
    context, constraints = case.bench.context, case.bench.constraints
    if (context.constraints_version, context.constraints_hash) == (constraints.version, constraints.hash):
        return None
    return note(
        f"the policy saw constraints version {context.constraints_version}, judged by version {constraints.version}",
        context.constraints_version,
        constraints.version,
        "version",
    )
