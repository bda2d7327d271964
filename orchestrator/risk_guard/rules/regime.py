"""The volatility regime, worked out again from the readings (domain.md section 6): two of six allow an entry.

It binds pairs, and every entry of the volatility trader; a directional trader's regime is its own affair.
"""

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, note, num, pct, refuse, rule, unavailable
from traders.contract.decision import Regime


def _reading(case: Case, name: str) -> float | None:
    return case.bench.context.value(f"{case.bench.prefix}.{name}")


@rule(RuleCode.REGIME_EXTREME, volatility=True)
def regime_extreme(case: Case) -> Remark | None:
    """No entry in extreme volatility: ATR ratio, last true range or VIX proxy beyond its limit."""
    if case.bench.regime is not Regime.EXTREME_VOL:
        return None
    limits = case.limits
    return refuse(
        "extreme volatility: stand aside",
        [_reading(case, "1h.atr_ratio"), _reading(case, "1h.tr_multiple"), _reading(case, "1h.vix_proxy")],
        [num(limits.atr_ratio_extreme), num(limits.tr_extreme_multiple), num(limits.vix_proxy_fade)],
        "ATR ratio, true range in ATR, VIX proxy",
    )


@rule(RuleCode.REGIME_CONTRACTION, volatility=True)
def regime_contraction(case: Case) -> Remark | None:
    """No entry while volatility contracts: ATR ratio below `atr_ratio_contraction`."""
    if case.bench.regime is not Regime.CONTRACTION:
        return None
    return refuse(
        "volatility is contracting", _reading(case, "1h.atr_ratio"), num(case.limits.atr_ratio_contraction), "ratio"
    )


@rule(RuleCode.REGIME_COLLAPSE, volatility=True)
def regime_collapse(case: Case) -> Remark | None:
    """No entry while an open pair's volatility has collapsed: two closed bars below its collapse level."""
    if case.bench.regime is not Regime.VOL_COLLAPSE:
        return None
    level = case.bench.collapse_level
    return refuse(
        "volatility has collapsed since the open pair's entry",
        [_reading(case, "1h.atr_ratio_prev"), _reading(case, "1h.atr_ratio")],
        None if level is None else num(level),
        "ratio",
    )


@rule(RuleCode.REGIME_UNCLEAR, volatility=True)
def regime_unclear(case: Case) -> Remark | None:
    """No entry in an unclear regime, and it is unclear while a reading it needs is missing."""
    if case.bench.regime is not Regime.UNCLEAR:
        return None
    return refuse(
        "the regime is unclear",
        [
            _reading(case, name)
            for name in ("1h.atr_ratio", "1h.tr_multiple", "1h.natr14", "1h.natr14_median_1y", "1h.vix_proxy")
        ],
        num(case.limits.atr_ratio_reduced),
        "ATR ratio, true range in ATR, NATR, its median, VIX proxy",
    )


@rule(RuleCode.REGIME_DIFFERS, "note", volatility=True)
def regime_differs(case: Case) -> Remark | None:
    """The decision states another regime than the readings give."""
    stated, found = case.decision.regime, case.bench.regime
    if stated is found:
        return None
    return note(
        f"the decision says {stated.value}, the readings say {found.value}", stated.value, found.value, "regime"
    )


@rule(RuleCode.DEAD_MARKET, volatility=True)
def dead_market(case: Case) -> Remark | None:
    """Daily NATR is at least `natr_min_daily`: no trade in a dead market."""
    natr, limit = case.bench.own("1d.natr14"), case.limits.natr_min_daily
    if natr is None:
        return unavailable("the daily NATR", num(limit), "of price")
    if natr >= limit:
        return None
    return refuse(f"daily NATR {pct(natr)} is below {pct(limit)}: a dead market", num(natr), num(limit), "of price")
