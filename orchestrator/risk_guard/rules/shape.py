"""Does the decision make sense as such: the pair it means, the legs its kind needs, the kinds that are switched on."""

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, amend, refuse, rule
from traders.contract.decision import Action


@rule(RuleCode.PAIR_UNKNOWN, scope="any")
def pair_unknown(case: Case) -> Remark | None:
    """`reduce`, `exit` and `rebalance` name an open pair of the symbol, or there is exactly one."""
    if not case.needs_pair or case.pair is not None:
        return None
    symbol = case.decision.symbol
    known = [pair.pair_id for pair in case.bench.portfolio.pairs if pair.symbol == symbol]
    return refuse(
        f"{case.decision.action} means no open pair of {symbol}; open there: {', '.join(known) or 'none'}",
        case.decision.pair_id,
        list(known),
        "pair",
    )


@rule(RuleCode.PAIR_RESOLVED, "amend", scope="any")
def pair_resolved(case: Case) -> Remark | None:
    """A `reduce`, `exit` or `rebalance` without `pair_id` gets the id of the only open pair of its symbol."""
    if case.pair is None or case.decision.pair_id is not None:
        return None
    return amend(
        f"the only open pair of {case.decision.symbol} is {case.pair.pair_id}",
        None,
        case.pair.pair_id,
        "pair",
        decision=case.decision.model_copy(update={"pair_id": case.pair.pair_id}),
    )


@rule(RuleCode.REBALANCE_MISMATCH)
def rebalance_mismatch(case: Case) -> Remark | None:
    """A `rebalance` keeps kind, legs and leverage of its pair: the venue fixes leverage while a position is open."""
    if case.decision.action is not Action.REBALANCE or case.pair is None:
        return None
    mine = [f"{leg.venue} {leg.symbol} {leg.side}" for leg in case.plan.legs]
    theirs = [f"{leg.venue} {leg.symbol} {leg.side}" for leg in case.pair.legs]
    same = sorted(mine) == sorted(theirs) and case.plan.kind == case.pair.kind
    if same and case.plan.leverage == case.pair.leverage:
        return None
    return refuse(
        "a rebalance keeps the kind, the legs and the leverage of its pair",
        [case.plan.kind, case.plan.leverage, *sorted(mine)],
        [case.pair.kind, case.pair.leverage, *sorted(theirs)],
        "kind, x, legs",
    )


@rule(RuleCode.LEGS_OF_KIND)
def legs_of_kind(case: Case) -> Remark | None:
    """A gamma pair is a long and a short of one symbol on one venue; spread: two symbols; funding: two venues.

    A directional plan has one leg. All weights are above 0.
    """
    plan = case.plan
    legs = plan.legs
    symbols, venues = len({leg.symbol for leg in legs}), len({leg.venue for leg in legs})
    shape = (len(legs), symbols, venues)
    wanted = {"gamma": (2, 1, 1), "spread": (2, 2, 1), "funding": (2, 1, 2), "directional": (1, 1, 1)}[plan.kind]
    opposite = len(legs) == 1 or {leg.side for leg in legs} == {"long", "short"}
    if shape == wanted and opposite and all(leg.weight > 0 for leg in legs):
        return None
    return refuse(
        f"a {plan.kind} plan has {wanted[0]} leg(s) of {wanted[1]} symbol(s) on {wanted[2]} venue(s), "
        "a pair one long and one short, all weights above 0",
        [f"{leg.venue} {leg.symbol} {leg.side} {leg.weight}" for leg in legs],
        list(wanted),
        "legs, symbols, venues",
    )


def _switched_off(case: Case, enabled: bool, key: str) -> Remark | None:
    if enabled:
        return None
    return refuse(f"{case.plan.kind} positions are switched off ({key} is false)", case.plan.kind, False, "switch")


@rule(RuleCode.DIRECTIONAL_DISABLED, kinds=("directional",))
def directional_disabled(case: Case) -> Remark | None:
    """Directional positions need the constraint `directional_enabled`."""
    return _switched_off(case, case.limits.directional_enabled, "directional_enabled")


@rule(RuleCode.SPREAD_PAIR_DISABLED, kinds=("spread",))
def spread_pair_disabled(case: Case) -> Remark | None:
    """SOL/AVAX spread pairs need the constraint `spread_pair_enabled`."""
    return _switched_off(case, case.limits.spread_pair_enabled, "spread_pair_enabled")


@rule(RuleCode.FUNDING_PAIR_DISABLED, kinds=("funding",))
def funding_pair_disabled(case: Case) -> Remark | None:
    """Two-venue funding pairs need the constraint `funding_pair_enabled`."""
    return _switched_off(case, case.limits.funding_pair_enabled, "funding_pair_enabled")
