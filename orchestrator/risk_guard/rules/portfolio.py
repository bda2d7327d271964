"""What the account already holds and has lost: counts, shares, reserve, drawdown."""

from decimal import Decimal

from orchestrator.risk_guard.case import PAIR_KINDS, Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, money, num, pct, refuse, rule, unavailable
from traders.contract.decision import Action


def _loss(case: Case, code_limit: Decimal, since: Decimal, what: str) -> Remark | None:
    """Refuse when equity has lost `code_limit` or more of `since`."""
    if since <= 0:
        return unavailable(f"{what} (not above 0)", num(code_limit), "of equity")
    loss = 1 - case.bench.portfolio.equity / since
    if loss < code_limit:
        return None
    return refuse(
        f"equity is {pct(loss)} below {what}; {pct(code_limit)} stops entries", num(loss), num(code_limit), "of equity"
    )


@rule(RuleCode.DRAWDOWN)
def drawdown(case: Case) -> Remark | None:
    """Equity is less than `max_drawdown` below its high (reaching it stops entries)."""
    return _loss(case, case.limits.max_drawdown, case.bench.portfolio.equity_high, "the equity high")


@rule(RuleCode.DAILY_LOSS)
def daily_loss(case: Case) -> Remark | None:
    """Equity is less than `daily_loss_max` below the day's start (reaching it stops entries)."""
    return _loss(case, case.limits.daily_loss_max, case.bench.portfolio.day_start_equity, "the day's start")


@rule(RuleCode.TRADES_PER_DAY)
def trades_per_day(case: Case) -> Remark | None:
    """Opening a ladder and its first half-close still fit: trades of 24 h + 2 <= `trades_per_day_max`."""
    after, limit = case.bench.portfolio.trades_24h + 2, case.limits.trades_per_day_max
    if after <= limit:
        return None
    return refuse(
        f"an entry and its first half-close make {after} trades in 24 h, at most {limit}", after, limit, "trades / 24 h"
    )


@rule(RuleCode.PAIRS_MAX)
def pairs_max(case: Case) -> Remark | None:
    """Open pairs, this one included, are at most `pairs_max`."""
    after, limit = len(case.others) + 1, case.limits.pairs_max
    return (
        refuse(f"it would be open pair number {after}, at most {limit}", after, limit, "pairs")
        if after > limit
        else None
    )


@rule(RuleCode.PAIRS_PER_SYMBOL)
def pairs_per_symbol(case: Case) -> Remark | None:
    """Open pairs of the symbol, this one included, are at most `pairs_per_symbol_max`."""
    symbol = case.decision.symbol
    after, limit = sum(pair.symbol == symbol for pair in case.others) + 1, case.limits.pairs_per_symbol_max
    if after <= limit:
        return None
    return refuse(f"it would be pair number {after} of {symbol}, at most {limit}", after, limit, "pairs")


@rule(RuleCode.DUPLICATE_PAIR)
def duplicate_pair(case: Case) -> Remark | None:
    """No open pair is of this decision already, and none holds one of its legs: the venue would merge the positions."""
    places = {(leg.venue, leg.symbol) for leg in case.plan.legs}
    decision_id = case.bench.quote.decision_id
    for pair in case.others:
        if case.decision.action is Action.ENTER and pair.decision_id == decision_id:
            return refuse("this decision has an open pair already", pair.pair_id, None, "pair")
        if any((leg.venue, leg.symbol) in places for leg in pair.legs):
            return refuse(
                f"pair {pair.pair_id} holds the same symbol on the same venue; the venue would merge the positions",
                pair.pair_id,
                None,
                "pair",
            )
    return None


@rule(RuleCode.VOL_CAPTURE_SHARE, kinds=PAIR_KINDS)
def vol_capture_share(case: Case) -> Remark | None:
    """Margin in pairs together, this one included, is at most `vol_capture_share_max` of equity."""
    held = sum((pair.pair_margin for pair in case.others if pair.kind != "directional"), Decimal(0))
    after = held + case.pair_margin
    limit = case.limits.vol_capture_share_max * case.bench.portfolio.equity
    if after <= limit:
        return None
    return refuse(
        f"pairs would hold {money(after)} of margin, at most {money(limit)}", money(after), money(limit), "USDT"
    )


@rule(RuleCode.DIRECTIONAL_SHARE, kinds=("directional",))
def directional_share(case: Case) -> Remark | None:
    """Margin in directional positions, this one included, is at most `directional_share_max` of equity."""
    after = case.bench.portfolio.directional_margin + case.added_margin
    limit = case.limits.directional_share_max * case.bench.portfolio.equity
    if after <= limit:
        return None
    return refuse(
        f"directional positions would hold {money(after)} of margin, at most {money(limit)}",
        money(after),
        money(limit),
        "USDT",
    )


@rule(RuleCode.CASH_RESERVE)
def cash_reserve(case: Case) -> Remark | None:
    """Cash left after the entry is at least `cash_reserve_min` of equity."""
    left = case.bench.portfolio.cash - case.added_margin
    limit = case.limits.cash_reserve_min * case.bench.portfolio.equity
    if left >= limit:
        return None
    return refuse(f"{money(left)} of cash would be left, at least {money(limit)}", money(left), money(limit), "USDT")


@rule(RuleCode.MARGIN_AVAILABLE)
def margin_available(case: Case) -> Remark | None:
    """The venue's free margin covers both legs and the fees of opening them: checked before either is sent."""
    available = case.bench.quote.available_margin
    if available is None:
        return unavailable("the venue's free margin", unit="USDT")
    if case.legs is None:
        return None
    ordered = sum((sized.quantity * sized.entry for sized in case.legs), Decimal(0))
    needed = ordered / case.plan.leverage + ordered * max(Decimal(0), case.bench.quote.fees.taker)
    if needed <= available:
        return None
    return refuse(
        f"the legs need {money(needed)}, the venue has {money(available)} free", money(needed), money(available), "USDT"
    )
