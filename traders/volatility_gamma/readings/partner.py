"""How SOL and AVAX move together, on the hours both have (domain.md section 6). SOL is y, AVAX is x, always."""

import numpy as np

from data_fetchers.snapshot import Candles, MarketSnapshot, Unavailable
from indicators import correlation
from indicators.errors import IndicatorError
from indicators.series import column, require_even
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
    both = [_hourly(snapshot, symbol) for symbol in PAIR]
    for symbol, candles in zip(PAIR, both, strict=True):
        if not isinstance(candles, Candles):
            notebook.miss_group("pair.", f"{candles} ({symbol})")
            return
    sol, avax = (candles for candles in both if isinstance(candles, Candles))
    hours = [np.asarray(candles.time[-_BARS:], dtype=np.int64) for candles in (sol, avax)]
    times, in_sol, in_avax = np.intersect1d(hours[0], hours[1], return_indices=True)
    if not times.size:
        notebook.miss_group("pair.", "empty: no hour that both have")
        return
    y = column(sol.close[-_BARS:])[in_sol]
    x = column(avax.close[-_BARS:])[in_avax]
    at = int(times[-1]) + sol.interval_ms
    try:
        require_even(times, sol.interval_ms)
        returns_y, returns_x = correlation.log_returns(y), correlation.log_returns(x)
        (short, _), (long, beta) = (
            correlation.latest(returns_y, returns_x, n) for n in (correlation.SHORT, correlation.LONG)
        )
        found = {
            "pair.correlation_72h": (short, 73),
            "pair.correlation_720h": (long, 721),
            "pair.beta_720h": (beta, 721),
            "pair.spread_z_72h": (correlation.latest_spread_z(y, x, returns_y, returns_x), 722),
        }
    except IndicatorError as error:
        notebook.miss_group("pair.", f"invalid: {error}")
        return
    for name, (value, needed) in found.items():
        why = f"too_short: {times.size} common bars, {needed} needed"
        notebook.put(name, value, at, *((why,) if times.size < needed else ()))


def _hourly(snapshot: MarketSnapshot, symbol: str) -> Candles | str:
    """The symbol's 1h candles, or the reason why there are none."""
    data = snapshot.symbols.get(symbol)
    if data is None:
        return NOT_ASKED
    source = data.market_data if isinstance(data.market_data, Unavailable) else data.market_data.candles.get(_TIMEFRAME)
    if source is None:
        return NOT_ASKED
    return reason_of(source) if isinstance(source, Unavailable) else source
