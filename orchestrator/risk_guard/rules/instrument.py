"""What is traded, where, and how the account is set for it."""

import re

from data_fetchers.symbols import base_of
from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, note, refuse, rule, unavailable

_TIMEFRAME = re.compile(r"[0-9]+[mhdw]")


def _symbols(case: Case) -> list[str]:
    return sorted({case.decision.symbol, *(leg.symbol for leg in case.plan.legs)})


@rule(RuleCode.SYMBOL_NOT_ALLOWED)
def symbol_not_allowed(case: Case) -> Remark | None:
    """The decision's symbol and every leg's are in `allowed_symbols`."""
    wrong = [symbol for symbol in _symbols(case) if symbol not in case.limits.allowed_symbols]
    if not wrong:
        return None
    return refuse(f"{', '.join(wrong)} may not be traded", list(wrong), list(case.limits.allowed_symbols), "symbols")


@rule(RuleCode.BASE_FORBIDDEN)
def base_forbidden(case: Case) -> Remark | None:
    """No leg's base asset is in `forbidden_bases`, whatever `allowed_symbols` says."""
    wrong = [symbol for symbol in _symbols(case) if base_of(symbol) in case.limits.forbidden_bases]
    if not wrong:
        return None
    return refuse(
        f"the base of {', '.join(wrong)} is forbidden", list(wrong), list(case.limits.forbidden_bases), "assets"
    )


@rule(RuleCode.SYMBOL_MISMATCH)
def symbol_mismatch(case: Case) -> Remark | None:
    """The decision is about the symbol the context describes, and one of its legs trades it."""
    symbol, described = case.decision.symbol, case.bench.context.symbol
    if symbol == described and any(leg.symbol == symbol for leg in case.plan.legs):
        return None
    return refuse(
        f"the context describes {described}, the decision and its legs do not",
        list(_symbols(case)),
        described,
        "symbol",
    )


@rule(RuleCode.VENUE_MISMATCH)
def venue_mismatch(case: Case) -> Remark | None:
    """Every leg trades where the context was read (of a funding pair, one leg does)."""
    venue = case.bench.context.venue
    venues = sorted({leg.venue for leg in case.plan.legs})
    if venues == [venue] or (case.plan.kind == "funding" and venue in venues):
        return None
    return refuse(
        f"the context was read on {venue}, the legs trade on {', '.join(venues)}", list(venues), venue, "venue"
    )


@rule(RuleCode.QUOTE_MISSING)
def quote_missing(case: Case) -> Remark | None:
    """Each leg has a fresh quote of its own venue and symbol."""
    missing = [
        f"{leg.venue} {leg.symbol}" for leg in case.plan.legs if case.bench.market(leg.venue, leg.symbol) is None
    ]
    return unavailable(f"the quote of {', '.join(missing)}", unit="quote") if missing else None


@rule(RuleCode.TIMEFRAME_NOT_ALLOWED)
def timeframe_not_allowed(case: Case) -> Remark | None:
    """Evidence and invalidation cite readings of `allowed_timeframes` only."""
    cited = [item.reading for item in case.decision.evidence] + [item.reading for item in case.decision.invalidation]
    wrong = sorted(
        {
            name
            for name in cited
            for part in name.split(".")
            if _TIMEFRAME.fullmatch(part) and part not in case.limits.allowed_timeframes
        }
    )
    if not wrong:
        return None
    return refuse(
        f"{', '.join(wrong)}: not an allowed time frame",
        list(wrong),
        list(case.limits.allowed_timeframes),
        "timeframes",
    )


@rule(RuleCode.MARGIN_MODE)
def margin_mode(case: Case) -> Remark | None:
    """The account's margin mode of every leg is the constraint's (isolated: a loss is bounded by the margin)."""
    wanted = case.limits.margin_mode
    for market in case.markets or ():
        mode = market.quote.margin_mode
        if mode is None:
            return unavailable(f"the margin mode of {market.quote.symbol}", wanted, "mode")
        if mode != wanted:
            return refuse(
                f"{market.quote.symbol} is set to {mode} margin on the venue, {wanted} is needed", mode, wanted, "mode"
            )
    return None


@rule(RuleCode.POSITION_MODE)
def position_mode(case: Case) -> Remark | None:
    """The account is in hedge mode: in one-way mode the short leg would close the long one."""
    mode = case.bench.quote.position_mode
    if mode is None:
        return unavailable("the account's position mode", "hedge", "mode")
    if mode != "hedge":
        return refuse(
            "the account is in one-way mode; a long and a short of one symbol need hedge mode", mode, "hedge", "mode"
        )
    return None


@rule(RuleCode.LEVERAGE_SETTING, "note")
def leverage_setting(case: Case) -> Remark | None:
    """The venue is set to another leverage than the plan's: preflight has to change it first."""
    for market in case.markets or ():
        if market.quote.leverage not in {None, case.plan.leverage}:
            return note(
                f"{market.quote.symbol} is set to {market.quote.leverage}x there, the plan says {case.plan.leverage}x",
                market.quote.leverage,
                case.plan.leverage,
                "x",
            )
    return None
