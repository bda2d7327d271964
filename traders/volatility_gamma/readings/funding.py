"""Funding: the next rate where the venue predicts it, else the last settled one, both per 8 h."""

from data_fetchers.snapshot import Funding, Unavailable
from indicators.errors import IndicatorError
from indicators.funding import apr, rate_per_8h
from traders.volatility_gamma.readings.notebook import UNDEFINED, Notebook, reason_of


def read_funding(notebook: Notebook, prefix: str, source: Funding | Unavailable, now: int) -> None:
    """`p.funding.*` (domain.md section 6, signal 3). `now` is the snapshot's time."""
    if isinstance(source, Unavailable):
        notebook.miss_group(f"{prefix}.funding.", reason_of(source))
        return
    at = source.as_of
    settled = source.history[-1] if source.history else None
    if settled is None:
        notebook.miss((f"{prefix}.funding.settled_rate_8h",), "empty: no settled rate")
    else:
        rate = _per_8h(settled.rate, settled.interval_hours)
        notebook.put(f"{prefix}.funding.settled_rate_8h", rate, settled.time)
    if source.predicted_rate is not None:
        rate, hours, when = source.predicted_rate, source.interval_hours, at
    elif settled is not None:
        rate, hours, when = settled.rate, settled.interval_hours, settled.time
    else:
        rate, hours, when = None, source.interval_hours, at
    names = [f"{prefix}.funding.rate_8h", f"{prefix}.funding.apr"]
    if rate is None:
        notebook.miss(names, "empty: neither a predicted nor a settled rate")
    else:
        notebook.put(names[0], _per_8h(rate, hours), when)
        notebook.put(names[1], _per_year(rate, hours), when)
    interval = source.interval_hours if source.interval_hours > 0 else None
    notebook.put(f"{prefix}.funding.interval_hours", interval, at)
    name = f"{prefix}.funding.seconds_to_next"
    if source.next_funding_time is None:
        notebook.miss((name,), "not_supported: the venue does not say it")
    elif source.next_funding_time < now:
        notebook.miss((name,), "stale: the next funding time has passed")
    else:
        notebook.put(name, (source.next_funding_time - now) / 1000, at, UNDEFINED)


def _per_8h(rate: float, hours: float) -> float | None:
    try:
        return rate_per_8h(rate, hours)
    except IndicatorError:
        return None


def _per_year(rate: float, hours: float) -> float | None:
    try:
        return apr(rate, hours)
    except IndicatorError:
        return None
