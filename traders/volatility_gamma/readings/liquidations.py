"""Liquidations: whether a cascade runs on 15 minutes, and where a model puts them. Never a reason to enter.

The 15-minute bars serve the cascade alone: decisions are made on 1h, 4h and 1d (domain.md sections 4 and 5). Its name
carries no time frame: a reason to stand aside may be cited although 15m is no time frame to enter on.
"""

from data_fetchers.snapshot import MarketData, OpenInterest, Unavailable
from indicators import cascade
from indicators.errors import IndicatorError
from indicators.liquidation_levels import Side, largest, liquidation_levels
from indicators.series import column
from traders.volatility_gamma.readings.candles import Bars
from traders.volatility_gamma.readings.notebook import NOT_ASKED, UNDEFINED, Notebook, reason_of

#: The model spreads open interest over the last 30 days of hours, and says nothing of less than a day.
MODEL_BARS, MODEL_LEAST = 720, 24
_MODEL: dict[str, Side] = {"oi.model_liq_below": "long", "oi.model_liq_above": "short"}


def read_cascade(
    notebook: Notebook, prefix: str, data: MarketData | Unavailable, interest: OpenInterest | Unavailable
) -> None:
    """`p.oi.cascade`: 1 when one of the last two closed bars was one, 0 when certainly none, else missing."""
    name = f"{prefix}.oi.cascade"
    source = data if isinstance(data, Unavailable) else data.candles.get("15m")
    if source is None or isinstance(source, Unavailable):
        notebook.miss((name,), NOT_ASKED if source is None else reason_of(source))
        return
    if not source.time:
        notebook.miss((name,), "empty: no closed bar")
        return
    points = () if isinstance(interest, Unavailable) else interest.points
    try:
        runs = cascade.latest_active(
            column(source.time),
            column(source.high),
            column(source.low),
            column(source.close),
            column(source.volume),
            [point.time for point in points],
            [point.coins for point in points],
        )
    except IndicatorError as error:
        notebook.miss((name,), f"invalid: {error}")
        return
    why = "undefined: bars or open interest of the last half hour do not decide it"
    notebook.put(name, runs, source.as_of, why)


def read_model(notebook: Notebook, prefix: str, interest: OpenInterest | Unavailable, hourly: Bars | None) -> None:
    """`p.oi.model_liq_*`: how far below and above the last 1h close the model's largest clusters lie."""
    names = [f"{prefix}.{name}" for name in _MODEL]
    if isinstance(interest, Unavailable):
        notebook.miss(names, reason_of(interest))
        return
    if not interest.points:
        notebook.miss(names, "empty: no point")
        return
    if hourly is None or hourly.count < MODEL_LEAST:
        have = 0 if hourly is None else hourly.count
        notebook.miss(names, f"too_short: {have} 1h bars, {MODEL_LEAST} needed")
        return
    last = float(hourly.close[-1])
    try:
        levels = liquidation_levels(
            hourly.high[-MODEL_BARS:],
            hourly.low[-MODEL_BARS:],
            hourly.close[-MODEL_BARS:],
            hourly.volume[-MODEL_BARS:],
            interest.points[-1].coins,
        )
    except IndicatorError as error:
        notebook.miss(names, f"invalid: {error}")
        return
    for name, side in _MODEL.items():
        level = largest(levels, side)
        distance = None if level is None else abs(level.price / last - 1)
        why = UNDEFINED if level is not None else "none: the model leaves this side without a position"
        notebook.put(f"{prefix}.{name}", distance, hourly.as_of, why)
