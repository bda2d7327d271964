"""How old is what the decision rests on. "Now" is the quote's time, on the exchange's clock."""

from decimal import Decimal

from data_fetchers.snapshot import TIMEFRAME_MS
from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, note, num, refuse, rule, unavailable

#: Time frames whose readings the rules themselves use, allowed or not.
_NEEDED = ("1h", "1d")


def _aged(case: Case, what: str, as_of: int | None, due_ms: int, limit_s: Decimal) -> Remark | None:
    """Refuse what is missing, older than its limit, or from the future by more than the clocks may differ."""
    if as_of is None:
        return unavailable(f"the time of {what}", num(limit_s), "s")
    age_ms = case.bench.now - as_of - due_ms
    if case.bench.now - as_of < -case.limits.clock_skew_max_ms:
        return refuse(f"{what} is from the future", num(Decimal(age_ms) / 1000), num(limit_s), "s")
    if age_ms > limit_s * 1000:
        return refuse(
            f"{what} is {age_ms / 1000:.1f} s old or overdue, at most {num(limit_s):.6g} s",
            age_ms / 1000,
            num(limit_s),
            "s",
        )
    return None


def _source(case: Case, name: str) -> int | None:
    source = case.bench.context.sources.get(f"{case.bench.prefix}.{name}")
    return None if source is None or source.error is not None else source.as_of


@rule(RuleCode.MARKET_STALE)
def market_stale(case: Case) -> Remark | None:
    """The next bar of each time frame is overdue by at most `data_age_max_s.market`: age counts from its close."""
    limit = case.limits.data_age_max_s.market
    for timeframe in dict.fromkeys((*_NEEDED, *case.limits.allowed_timeframes)):
        as_of = _source(case, f"market_data.{timeframe}")
        remark = _aged(case, f"the {timeframe} candles", as_of, TIMEFRAME_MS[timeframe], limit)
        if remark is not None:
            return remark
    return None


@rule(RuleCode.BOOK_STALE)
def book_stale(case: Case) -> Remark | None:
    """Each leg's book is at most `data_age_max_s.book` old."""
    for market in case.markets or ():
        remark = _aged(
            case, f"the book of {market.quote.symbol}", market.quote.book_as_of, 0, case.limits.data_age_max_s.book
        )
        if remark is not None:
            return remark
    return None


@rule(RuleCode.FUNDING_STALE)
def funding_stale(case: Case) -> Remark | None:
    """Funding data is at most `data_age_max_s.funding` old."""
    return _aged(case, "funding data", _source(case, "funding"), 0, case.limits.data_age_max_s.funding)


@rule(RuleCode.POSITIONING_STALE)
def positioning_stale(case: Case) -> Remark | None:
    """Open interest, and long/short ratios where a venue has them, are at most `data_age_max_s.positioning` old."""
    limit = case.limits.data_age_max_s.positioning
    remark = _aged(case, "open interest", _source(case, "open_interest"), 0, limit)
    ratios = _source(case, "positioning")
    if remark is not None or ratios is None:
        return remark
    return _aged(case, "the long/short ratio", ratios, 0, limit)


@rule(RuleCode.CLOCK_DRIFT)
def clock_drift(case: Case) -> Remark | None:
    """Our clock and the exchange's differ by at most `clock_skew_max_ms`."""
    drift, limit = abs(case.bench.quote.clock_drift_ms), case.limits.clock_skew_max_ms
    if drift <= limit:
        return None
    return refuse(f"the clock is {drift} ms from the exchange's, at most {num(limit):.6g} ms", drift, num(limit), "ms")


@rule(RuleCode.FUNDING_BLACKOUT)
def funding_blackout(case: Case) -> Remark | None:
    """The next funding time is at least `funding_blackout_s` away, on every leg."""
    limit = case.limits.funding_blackout_s
    for market in case.markets or ():
        next_time = market.quote.next_funding_time
        if next_time is None:
            return unavailable(f"the next funding time of {market.quote.symbol}", num(limit), "s")
        ahead = Decimal(next_time - case.bench.now) / 1000
        if ahead < limit:
            return refuse(
                f"a funding time is {ahead:.0f} s away, at least {num(limit):.6g} s", num(ahead), num(limit), "s"
            )
    return None


@rule(RuleCode.RATIO_MISSING, "note")
def ratio_missing(case: Case) -> Remark | None:
    """The long/short ratio is missing: a venue may not have it, and no rule needs it."""
    if case.bench.own("lsr.accounts") is not None:
        return None
    reason = case.bench.context.unavailable.get(f"{case.bench.prefix}.lsr.accounts", "no reason given")
    return note(f"no long/short ratio: {reason[:200]}", None, None, "ratio")
