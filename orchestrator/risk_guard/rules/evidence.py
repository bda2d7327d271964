"""Is what the policy cites what it was shown, and are its own exit conditions still false."""

from decimal import Decimal

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, note, num, refuse, rule
from traders.contract.decision import Condition


@rule(RuleCode.UNGROUNDED, scope="any")
def ungrounded(case: Case) -> Remark | None:
    """Each cited reading exists and equals exactly what was shown; one at least for an entry (a note when reducing)."""
    say = refuse if case.judged_as_entry else note
    evidence = case.decision.evidence
    for item in evidence:
        shown = case.bench.reading(item.reading)
        if shown is None:
            return say(f"{item.reading} was not shown", num(item.value), None, "reading")
        if shown != item.value:
            return say(
                f"{item.reading} was shown as {num(shown)}, cited as {num(item.value)}",
                num(item.value),
                num(shown),
                "reading",
            )
    if case.judged_as_entry and not evidence:
        return refuse("an entry cites at least one reading", 0, 1, "readings")
    return None


@rule(RuleCode.INVALIDATION_UNKNOWN)
def invalidation_unknown(case: Case) -> Remark | None:
    """Each invalidation condition is over a reading that exists: another could never end the cycle."""
    missing = [item.reading for item in case.decision.invalidation if case.bench.reading(item.reading) is None]
    if not missing:
        return None
    return refuse(
        f"invalidation over readings that were not shown: {', '.join(missing)}", list(missing), None, "readings"
    )


@rule(RuleCode.INVALIDATION_TRUE)
def invalidation_true(case: Case) -> Remark | None:
    """No invalidation condition is true already at entry."""
    for item in case.decision.invalidation:
        shown = case.bench.reading(item.reading)
        if shown is not None and _holds(item, shown):
            return refuse(
                f"the invalidation {item.reading} {item.op} {num(item.value)} is true already",
                num(shown),
                num(item.value),
                "reading",
            )
    return None


def _holds(condition: Condition, shown: Decimal) -> bool:
    return {
        "lt": shown < condition.value,
        "le": shown <= condition.value,
        "gt": shown > condition.value,
        "ge": shown >= condition.value,
    }[condition.op]
