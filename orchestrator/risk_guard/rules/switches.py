"""What people and the host have switched off: new risk stops, closing never does."""

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, note, num, refuse, rule


@rule(RuleCode.KILL_SWITCH)
def kill_switch(case: Case) -> Remark | None:
    """The kill switch is off."""
    return refuse("the kill switch is on", True, False, "switch") if case.bench.switches.kill else None


@rule(RuleCode.DRAWDOWN_LATCHED)
def drawdown_latched(case: Case) -> Remark | None:
    """The drawdown latch is open; once thrown, only a person resets it."""
    if not case.bench.switches.drawdown_latched:
        return None
    return refuse("the drawdown latch is thrown; `volgamma resume --drawdown` after a review", True, False, "switch")


@rule(RuleCode.UNKNOWN_ORDERS)
def unknown_orders(case: Case) -> Remark | None:
    """No order's outcome is unknown: it may be a position."""
    count = case.bench.switches.unknown_orders
    return refuse(f"the outcome of {count} order(s) is unknown", count, 0, "orders") if count else None


@rule(RuleCode.UNPROTECTED_PAIRS)
def unprotected_pairs(case: Case) -> Remark | None:
    """Every open pair has its bracket resting on the exchange."""
    unprotected = sum(not pair.protected for pair in case.bench.portfolio.pairs)
    count = max(case.bench.switches.unprotected_pairs, unprotected)
    return refuse(f"{count} open pair(s) without protection on the exchange", count, 0, "pairs") if count else None


@rule(RuleCode.BLACKOUT)
def blackout(case: Case) -> Remark | None:
    """No blackout of the user's calendar is running."""
    reason = case.bench.switches.blackout
    return refuse(f"blackout: {reason[:200]}", reason[:200], None, "event") if reason is not None else None


@rule(RuleCode.LLM_BUDGET, "note", scope="any")
def llm_budget(case: Case) -> Remark | None:
    """The day's model budget is used up: the next decisions will be abstentions."""
    tokens, cost = case.bench.switches.llm_tokens_left, case.bench.switches.llm_cost_left
    if tokens is not None and tokens <= 0:
        return note("no model tokens are left today", tokens, case.limits.llm_tokens_day, "tokens")
    if cost is not None and cost <= 0:
        return note("no model budget is left today", num(cost), num(case.limits.llm_cost_day), "USD")
    return None
