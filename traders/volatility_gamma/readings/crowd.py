"""What the others hold: open interest in coins and its change, and long/short ratios."""

import numpy as np

from data_fetchers.snapshot import OpenInterest, Positioning, Unavailable
from indicators import open_interest
from indicators.errors import IndicatorError
from traders.volatility_gamma.readings.candles import Bars
from traders.volatility_gamma.readings.notebook import UNDEFINED, Notebook, reason_of

_HOUR_MS = 3_600_000
_SPANS = {"oi.change_1h": 1, "oi.change_4h": 4, "oi.change_24h": 24}
_RATIOS = ("accounts", "top_accounts", "top_positions", "taker")


def read_open_interest(
    notebook: Notebook, prefix: str, source: OpenInterest | Unavailable, hourly: Bars | None, daily_atr: float | None
) -> None:
    """`p.oi.*`. The state sets a 24 h change of open interest against a 24 h move of more than one *daily* ATR14."""
    if isinstance(source, Unavailable):
        notebook.miss_group(f"{prefix}.oi.", reason_of(source))
        return
    if not source.points:
        notebook.miss_group(f"{prefix}.oi.", "empty: no point")
        return
    at = source.points[-1].time
    notebook.put(f"{prefix}.oi.coins", source.points[-1].coins, at)
    times = np.asarray([point.time for point in source.points], dtype=np.float64)
    coins = np.asarray([point.coins for point in source.points], dtype=np.float64)
    try:
        changes = {
            name: float(open_interest.change_over(times, coins, hours * _HOUR_MS)[-1]) for name, hours in _SPANS.items()
        }
    except IndicatorError as error:
        notebook.miss_group(f"{prefix}.oi.", f"invalid: {error}")
        return
    for name, hours in _SPANS.items():
        notebook.put(f"{prefix}.{name}", changes[name], at, f"too_short: no good point {hours} h before the last")
    move = None
    if hourly is not None and hourly.count > 24:
        move = float(hourly.close[-1] - hourly.close[-25])
    state = open_interest.state(changes["oi.change_24h"], move, daily_atr)
    notebook.put(f"{prefix}.oi.state", state, at, UNDEFINED)


def read_positioning(notebook: Notebook, prefix: str, source: Positioning | Unavailable) -> None:
    """`p.lsr.*`: the latest of each ratio, at its own time."""
    if isinstance(source, Unavailable):
        notebook.miss_group(f"{prefix}.lsr.", reason_of(source))
        return
    for kind in _RATIOS:
        name = f"{prefix}.lsr.{kind}"
        points = getattr(source, kind)
        if isinstance(points, Unavailable):
            notebook.miss((name,), reason_of(points))
        elif not points:
            notebook.miss((name,), "empty: no point")
        else:
            notebook.put(name, points[-1].ratio, points[-1].time)
