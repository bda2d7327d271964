"""How SOL and AVAX move together, on the hours both have (domain.md section 6). SOL is y, AVAX is x, always."""

import numpy as np

from data_fetchers.snapshot import Candles, MarketSnapshot, Unavailable
from indicators import correlation
from indicators.errors import IndicatorError
from indicators.series import require_even
from traders.volatility_gamma.readings.notebook import NOT_ASKED, Notebook, reason_of
from traders.volatility_gamma.requirements import PARTNER_BARS

PAIR = ("SOL/USDT:USDT", "AVAX/USDT:USDT")
_TIMEFRAME = "1h"
_BARS = PARTNER_BARS[_TIMEFRAME]


def read_partner(notebook: Notebook, snapshot: MarketSnapshot) -> None:
    """`pair.*`: correlation over 72 h and 720 h, beta of SOL on AVAX, z of the spread."""
    if snapshot.primary not in PAIR:
        notebook.miss_group("pair.", f"not_supported: {snapshot.primary} has no partner")
        return
    found = [_hourly(snapshot, symbol) for symbol in PAIR]
    for symbol, candles in zip(PAIR, found, strict=True):
        if not isinstance(candles, Candles):
            notebook.miss_group("pair.", f"{candles} ({symbol})")
            return
    sol, avax = (candles for candles in found if isinstance(candles, Candles))
    times, in_sol, in_avax = np.intersect1d(
        np.asarray(sol.time[-_BARS:]), np.asarray(avax.time[-_BARS:]), return_indices=True
    )
    if not times.size:
        notebook.miss_group("pair.", "empty: no hour that both have")
        return
    y = np.asarray(sol.close[-_BARS:], dtype=np.float64)[in_sol]
    x = np.asarray(avax.close[-_BARS:], dtype=np.float64)[in_avax]
    at = int(times[-1]) + sol.interval_ms
    try:
        require_even([int(time) for time in times], sol.interval_ms)
        returns_y, returns_x = correlation.log_returns(y), correlation.log_returns(x)
        series = {
            "pair.correlation_72h": (correlation.correlation(returns_y, returns_x, correlation.SHORT), 73),
            "pair.correlation_720h": (correlation.correlation(returns_y, returns_x, correlation.LONG), 721),
            "pair.beta_720h": (correlation.beta(returns_y, returns_x, correlation.LONG), 721),
            "pair.spread_z_72h": (correlation.spread_z(y, x), 722),
        }
    except IndicatorError as error:
        notebook.miss_group("pair.", f"invalid: {error}")
        return
    for name, (values, needed) in series.items():
        short = f"too_short: {times.size} common bars, {needed} needed"
        notebook.put(name, float(values[-1]), at, *((short,) if times.size < needed else ()))


def _hourly(snapshot: MarketSnapshot, symbol: str) -> Candles | str:
    """The symbol's 1h candles, or the reason why there are none."""
    data = snapshot.symbols.get(symbol)
    if data is None:
        return NOT_ASKED
    source = data.market_data if isinstance(data.market_data, Unavailable) else data.market_data.candles.get(_TIMEFRAME)
    if source is None:
        return NOT_ASKED
    return reason_of(source) if isinstance(source, Unavailable) else source
