"""From a permitted decision to an exact execution plan (domain.md sections 4 and 7)."""

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.prices import bracket_prices
from traders.contract.verdict import Bracket, ExecutionPlan, Leg


def execution_plan(case: Case) -> ExecutionPlan:
    """The plan of a permitted `enter` or loosening `rebalance`.

    Of a rebalance only the legs that have to grow are in it, with what is missing. Raises LookupError when sizes or
    bands cannot be had; the rules refuse before that.
    """
    legs, outer = case.legs, case.outer
    if not legs or outer is None:
        raise LookupError("a permitted plan has sizes and bands")
    first = legs[0]
    upper, lower = bracket_prices(first.entry, outer, first.market.quote.contract.price_tick)
    return ExecutionPlan(
        decision_id=case.bench.quote.decision_id,
        symbol=case.decision.symbol,
        pair_margin=case.pair_margin,
        leverage=case.plan.leverage,
        entry_price=first.entry,
        legs=tuple(
            Leg(
                leg_id=sized.leg_id,
                venue=sized.leg.venue,
                symbol=sized.leg.symbol,
                side=sized.leg.side,
                quantity=sized.quantity,
                limit_price=sized.limit_price,
            )
            for sized in legs
            if sized.quantity > 0 or case.pair is None
        ),
        bands=case.plan.bands,
        bracket=Bracket(upper=upper, lower=lower),
        stop=case.plan.stop_loss,
        target=case.plan.take_profit,
        expires_at=case.bench.now + int(case.limits.plan_ttl_s * 1000),
    )
