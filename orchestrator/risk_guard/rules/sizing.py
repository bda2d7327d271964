"""How large: leverage, requested margin, what regime and depth leave of it, and the venue's steps and minima."""

from decimal import Decimal

from orchestrator.risk_guard.case import PAIR_KINDS, Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, amend, money, num, pct, refuse, rule, unavailable


@rule(RuleCode.LEVERAGE_RANGE)
def leverage_range(case: Case) -> Remark | None:
    """Leverage is within `leverage_min` and `leverage_max`."""
    low, high = case.limits.leverage_min, case.limits.leverage_max
    if low <= case.plan.leverage <= high:
        return None
    return refuse(f"leverage {case.plan.leverage}x is outside {low}x to {high}x", case.plan.leverage, [low, high], "x")


@rule(RuleCode.LEVERAGE_TIER)
def leverage_tier(case: Case) -> Remark | None:
    """The venue's leverage bracket of each leg's notional allows the plan's leverage."""
    for sized in case.legs or ():
        tier = sized.market.tier(sized.notional)
        if tier is None:
            return unavailable(f"a leverage bracket of {sized.leg.symbol} for {money(sized.notional)} USDT", unit="x")
        if case.plan.leverage > tier.max_leverage:
            return refuse(
                f"{sized.leg.symbol} allows {tier.max_leverage}x at {money(sized.notional)} USDT",
                case.plan.leverage,
                tier.max_leverage,
                "x",
            )
    return None


@rule(RuleCode.PAIR_MARGIN_RANGE, kinds=PAIR_KINDS)
def pair_margin_range(case: Case) -> Remark | None:
    """The requested pair margin is within `pair_margin_min` and `pair_margin_max` of equity."""
    asked, low, high = case.plan.pair_margin_fraction, case.limits.pair_margin_min, case.limits.pair_margin_max
    if low <= asked <= high:
        return None
    return refuse(
        f"pair margin {pct(asked)} of equity is outside {pct(low)} to {pct(high)}",
        num(asked),
        [num(low), num(high)],
        "of equity",
    )


@rule(RuleCode.SIZE_SCALED, "amend")
def size_scaled(case: Case) -> Remark | None:
    """Regime and depth cut the size; the decision keeps the requested fraction, the plan carries the cut."""
    asked, after = case.plan.pair_margin_fraction, case.effective_fraction
    if after >= asked:
        return None
    return amend(
        f"regime and depth cut the pair margin from {pct(asked)} to {pct(after)} of equity",
        num(asked),
        num(after),
        "of equity",
    )


@rule(RuleCode.PAIR_MARGIN_FLOOR, kinds=PAIR_KINDS)
def pair_margin_floor(case: Case) -> Remark | None:
    """After scaling, f_eff >= `pair_margin_floor_numerator` / L: a smaller pair is not worth its costs."""
    floor = case.limits.pair_margin_floor_numerator / case.plan.leverage
    if case.effective_fraction >= floor:
        return None
    return refuse(
        f"pair margin after scaling is {pct(case.effective_fraction)} of equity, at least {pct(floor)}",
        num(case.effective_fraction),
        num(floor),
        "of equity",
    )


@rule(RuleCode.CONTRACT_STEPS)
def contract_steps(case: Case) -> Remark | None:
    """The venue's price tick and quantity steps are known: without them no order can be worded."""
    for market in case.markets or ():
        contract = market.quote.contract
        if market.step is None:
            return refuse(
                f"a step of {market.quote.symbol} is not above 0",
                [money(contract.price_tick), money(contract.quantity_step), money(contract.market_quantity_step)],
                "0",
                "step",
            )
    return None


@rule(RuleCode.MIN_LOTS)
def min_lots(case: Case) -> Remark | None:
    """A leg has at least 2 lots and every band closes at least one: half of one lot cannot be closed."""
    for sized, parts in zip(case.legs or (), case.parts, strict=True):
        if sized.lots < 2 or min(parts) <= 0:
            return refuse(
                f"{sized.lots} lot(s) of {money(sized.step)} {sized.leg.symbol} cannot be closed band by band",
                sized.lots,
                2,
                "lots",
            )
    return None


def _smallest(parts: tuple[Decimal, ...]) -> Decimal:
    """The smallest part that is traded at all (parts of 0 are `min_lots`'s)."""
    return min((part for part in parts if part > 0), default=Decimal(0))


@rule(RuleCode.MIN_QUANTITY)
def min_quantity(case: Case) -> Remark | None:
    """A leg and each part that a band closes is at least the venue's smallest order."""
    for sized, parts in zip(case.legs or (), case.parts, strict=True):
        contract = sized.market.quote.contract
        least = max(contract.min_quantity, contract.market_min_quantity)
        smallest = _smallest(parts)
        if smallest < least:
            return refuse(
                f"the smallest part of {sized.leg.symbol} is below the venue's minimum",
                money(smallest),
                money(least),
                "base",
            )
    return None


@rule(RuleCode.MAX_QUANTITY)
def max_quantity(case: Case) -> Remark | None:
    """A leg is at most the venue's largest order, market orders included: it must be closable at once."""
    for sized in case.legs or ():
        contract = sized.market.quote.contract
        most = min(contract.max_quantity, contract.market_max_quantity)
        if sized.target > most:
            return refuse(
                f"a leg of {sized.leg.symbol} is above the venue's largest order",
                money(sized.target),
                money(most),
                "base",
            )
    return None


@rule(RuleCode.MIN_NOTIONAL)
def min_notional(case: Case) -> Remark | None:
    """A leg and each part that a band closes is worth at least the venue's minimum notional at E."""
    for sized, parts in zip(case.legs or (), case.parts, strict=True):
        least = sized.market.quote.contract.min_notional
        smallest = _smallest(parts) * sized.entry
        if smallest < least:
            return refuse(
                f"the smallest part of {sized.leg.symbol} is below the minimum notional",
                money(smallest),
                money(least),
                "USDT",
            )
    return None
