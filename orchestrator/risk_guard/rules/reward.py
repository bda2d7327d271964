"""Stop, target, trailing, holding time and confidence, and what the plan can achieve at all (domain.md section 3)."""

from math import ceil

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, amend, note, num, pct, refuse, rule


@rule(RuleCode.HOLDING_CAPPED, "amend")
def holding_capped(case: Case) -> Remark | None:
    """A holding time above `holding_hours_max` becomes the maximum."""
    asked, limit = case.plan.max_holding_hours, case.limits.holding_hours_max
    if asked <= limit:
        return None
    plan = case.plan.model_copy(update={"max_holding_hours": limit})
    return amend(
        f"holding time {num(asked)} h becomes {num(limit)} h",
        num(asked),
        num(limit),
        "h",
        decision=case.decision.model_copy(update={"plan": plan}),
    )


@rule(RuleCode.HOLDING_INVALID)
def holding_invalid(case: Case) -> Remark | None:
    """The holding time is above 0."""
    asked = case.plan.max_holding_hours
    return None if asked > 0 else refuse("the holding time must be above 0 h", num(asked), 0, "h")


@rule(RuleCode.STOP_RANGE)
def stop_range(case: Case) -> Remark | None:
    """The cycle stop is within `stop_loss_min` and `stop_loss_max` of pair margin."""
    stop, low, high = case.plan.stop_loss, case.limits.stop_loss_min, case.limits.stop_loss_max
    if low <= stop <= high:
        return None
    return refuse(
        f"stop_loss {pct(stop)} is outside {pct(low)} to {pct(high)}",
        num(stop),
        [num(low), num(high)],
        "of pair margin",
    )


@rule(RuleCode.TARGET_RANGE)
def target_range(case: Case) -> Remark | None:
    """The cycle target is within `take_profit_min` and `take_profit_max` of pair margin."""
    target, low, high = case.plan.take_profit, case.limits.take_profit_min, case.limits.take_profit_max
    if low <= target <= high:
        return None
    return refuse(
        f"take_profit {pct(target)} is outside {pct(low)} to {pct(high)}",
        num(target),
        [num(low), num(high)],
        "of pair margin",
    )


@rule(RuleCode.REWARD_RISK)
def reward_risk(case: Case) -> Remark | None:
    """take_profit >= `reward_risk_min` x stop_loss, exactly."""
    stop, target, limit = case.plan.stop_loss, case.plan.take_profit, case.limits.reward_risk_min
    if stop > 0 and target >= limit * stop:
        return None
    if stop <= 0:
        return refuse("reward / risk of a stop_loss that is not above 0 is undefined", None, num(limit), "ratio")
    ratio = num(target / stop)
    return refuse(
        f"take_profit / stop_loss is {ratio:.6g}, at least {num(limit):.6g} is needed", ratio, num(limit), "ratio"
    )


@rule(RuleCode.TRAILING)
def trailing(case: Case) -> Remark | None:
    """The trailing distance is above 0 and at most `trailing_atr_multiple` ATR."""
    asked, limit = case.plan.trailing_atr_multiple, case.limits.trailing_atr_multiple
    if 0 < asked <= limit:
        return None
    return refuse(f"trailing at {num(asked)} ATR; above 0 and at most {num(limit)}", num(asked), num(limit), "ATR")


@rule(RuleCode.CONFIDENCE)
def confidence(case: Case) -> Remark | None:
    """The declared confidence is at least `confidence_min`."""
    declared, limit = case.decision.confidence, case.limits.confidence_min
    if declared >= limit:
        return None
    return refuse(f"declared confidence {num(declared)} is below {num(limit)}", num(declared), num(limit), "0..1")


@rule(RuleCode.ONE_LADDER, "note", kinds=("gamma",))
def one_ladder(case: Case) -> Remark | None:
    """What one ladder can earn and lose after costs, of pair margin, and how many winners the target needs."""
    outcome = case.outcome
    if outcome is None:
        return None
    win, worst = outcome.win_fraction, outcome.worst_fraction
    needed = ceil(case.plan.take_profit / win) if win > 0 else None
    return note(
        f"one ladder nets at most {pct(win)} of pair margin and loses {pct(abs(worst))} at a reversal, more in a gap; "
        + (f"the target needs {needed} net winner(s)" if needed is not None else "the target cannot be reached"),
        {"net_win": num(win), "worst_loss": num(worst), "winners_needed": needed},
        None,
        "of pair margin",
    )


@rule(RuleCode.TARGET_BEYOND_ONE_LADDER, "note", kinds=("gamma",))
def target_beyond_one_ladder(case: Case) -> Remark | None:
    """The target cannot be reached by one ladder; without `reopen` the cycle ends before it."""
    outcome = case.outcome
    if outcome is None or case.plan.take_profit <= outcome.win_fraction:
        return None
    ending = "it needs several" if case.plan.reopen else "and the plan does not re-open"
    return note(
        f"the target {pct(case.plan.take_profit)} is beyond one ladder ({pct(outcome.win_fraction)}): {ending}",
        num(case.plan.take_profit),
        num(outcome.win_fraction),
        "of pair margin",
    )
