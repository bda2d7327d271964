"""What has to be seen before an entry (domain.md section 6), worked out again from the readings."""

from decimal import Decimal

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, num, refuse, rule, unavailable

#: Spread pair: least absolute z-score at entry (domain.md section 6; not a database row).
SPREAD_Z_ENTRY = Decimal(2)


@rule(RuleCode.ENTRY_SIGNALS, volatility=True)
def entry_signals(case: Case) -> Remark | None:
    """At least `entry_min_signals` of the four hold, volatility expansion among them; a missing one does not count."""
    signals = case.bench.signals
    if signals.enough(case.limits):
        return None
    shown = {
        "volatility": signals.volatility,
        "bollinger": signals.bollinger,
        "funding": signals.funding,
        "imbalance": signals.imbalance,
    }
    missing = [name for name, state in shown.items() if state is None]
    return refuse(
        f"{signals.count} of 4 entry signals, volatility {'on' if signals.volatility else 'off'}; "
        f"{case.limits.entry_min_signals} with volatility are needed"
        + (f" (unavailable: {', '.join(missing)})" if missing else ""),
        dict(shown),
        case.limits.entry_min_signals,
        "of 4",
    )


@rule(RuleCode.SPREAD_ENTRY, kinds=("spread",))
def spread_entry(case: Case) -> Remark | None:
    """A spread pair enters only with 72 h correlation below `correlation_min` and abs(z) above 2."""
    correlation, z = case.bench.reading("pair.correlation_72h"), case.bench.reading("pair.spread_z_72h")
    limit = case.limits.correlation_min
    if correlation is None or z is None:
        return unavailable("correlation or spread z-score", [num(limit), num(SPREAD_Z_ENTRY)], "correlation, z")
    if correlation < limit and abs(z) > SPREAD_Z_ENTRY:
        return None
    return refuse(
        f"correlation {num(correlation)} and z {num(z)}: below {num(limit)} and beyond {SPREAD_Z_ENTRY} are needed",
        [num(correlation), num(z)],
        [num(limit), num(SPREAD_Z_ENTRY)],
        "correlation, z",
    )


@rule(RuleCode.FUNDING_SPREAD, kinds=("funding",))
def funding_spread(case: Case) -> Remark | None:
    """A funding pair enters only when the two venues' rates differ by `funding_spread_enter` or more per 8 h."""
    spread, limit = case.bench.reading("pair.funding_spread_8h"), case.limits.funding_spread_enter
    if spread is None:
        return unavailable("the funding spread of the two venues", num(limit), "per 8 h")
    if abs(spread) >= limit:
        return None
    return refuse(
        f"the funding spread is {num(spread)} per 8 h, at least {num(limit)}", num(spread), num(limit), "per 8 h"
    )
