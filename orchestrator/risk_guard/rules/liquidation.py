"""Liquidation lies well beyond the outer band (domain.md section 7, isolated margin)."""

from indicators.delta_neutral_hedge import liquidation_price
from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.prices import BRACKET_ROOM
from orchestrator.risk_guard.rule import Remark, num, pct, refuse, rule


@rule(RuleCode.LIQUIDATION_DISTANCE)
def liquidation_distance(case: Case) -> Remark | None:
    """Each leg's liquidation lies at least outer band + `liquidation_distance_min` from E, and beyond the bracket."""
    outer = case.outer
    if outer is None:
        return None
    limit = outer + max(case.limits.liquidation_distance_min, BRACKET_ROOM)
    for sized in case.legs or ():
        tier = sized.market.tier(sized.notional)
        if tier is None or sized.target <= 0:
            continue
        price = liquidation_price(
            sized.leg.side,
            sized.entry,
            sized.target,
            sized.notional / case.plan.leverage,
            tier.maintenance_margin_rate,
            tier.maintenance_amount,
        )
        away = (1 - price / sized.entry) * (1 if sized.leg.side == "long" else -1)
        if away < limit:
            return refuse(
                f"the {sized.leg.side} leg would be liquidated {pct(away)} from entry, at least {pct(limit)}",
                num(away),
                num(limit),
                "of price",
            )
    return None
