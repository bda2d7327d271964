"""Does a ladder carry its costs (domain.md section 2). c = taker fee + the larger leg's walked slippage."""

from typing import Literal

from indicators.delta_neutral_hedge import break_even as break_even_price
from indicators.delta_neutral_hedge import ladder_costs, pi_gross
from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, note, num, pct, refuse, rule

DIRECTIONS: tuple[Literal["up", "down"], ...] = ("up", "down")


@rule(RuleCode.BREAK_EVEN, kinds=("gamma",))
def break_even(case: Case) -> Remark | None:
    """|S*/E - 1| + `breakeven_margin` <= the outer band, up and down: room is left after the costs are earned."""
    ladder = case.ladder
    if ladder is None:
        return None
    outer, margin = ladder.bands[-1].move, case.limits.breakeven_margin
    moves = [
        abs(break_even_price(ladder.bands, ladder.entry, ladder.quantity, ladder.cost, direction) / ladder.entry - 1)
        for direction in DIRECTIONS
    ]
    if max(moves) + margin <= outer:
        return None
    return refuse(
        f"break-even is {pct(max(moves))} away; with {pct(margin)} of room it lies beyond the outer band {pct(outer)}",
        num(max(moves)),
        num(outer - margin),
        "of price",
    )


@rule(RuleCode.COST_MULTIPLE, kinds=("gamma",))
def cost_multiple(case: Case) -> Remark | None:
    """One ladder's win at the outer band, net, is at least `cost_multiple_min` x its costs, up and down."""
    ladder = case.ladder
    if ladder is None:
        return None
    gross, limit = pi_gross(ladder.bands, ladder.notional), case.limits.cost_multiple_min
    for direction in DIRECTIONS:
        costs = ladder_costs(ladder.bands, ladder.notional, ladder.entry, ladder.cost, direction)
        if gross - costs < limit * costs:
            return refuse(
                f"{direction}: a ladder wins {gross - costs:.2f} after {costs:.2f} of costs, {limit}x is needed",
                num((gross - costs) / costs),
                num(limit),
                "ratio",
            )
    return None


@rule(RuleCode.ADVERSE_FUNDING, "note")
def adverse_funding(case: Case) -> Remark | None:
    """Funding is large: nothing for equal legs on one venue, but it counts as soon as the pair is unbalanced."""
    rate, limit = case.bench.own("funding.rate_8h"), case.limits.funding_adverse_exit
    if rate is None or abs(rate) <= limit:
        return None
    return note(
        f"funding is {pct(rate)} per 8 h; equal legs on one venue pay nothing net, an unbalanced pair does",
        num(rate),
        num(limit),
        "per 8 h",
    )
