"""From raw venue data to the context of a decision: every number worked out here, rounded, named, hashed.

Pure: the same snapshot, portfolio and constraints give the same context, byte for byte. It raises for no valid
snapshot; what cannot be computed is listed as unavailable, with the reason.
"""

import numpy as np

from data_fetchers.snapshot import MarketSnapshot
from data_fetchers.symbols import prefix_of
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.portfolio import Portfolio
from traders.contract.sources import sources_of
from traders.volatility_gamma.catalogue import TIMEFRAMES, catalogue
from traders.volatility_gamma.profile import TRADER_ID
from traders.volatility_gamma.readings.book import read_book
from traders.volatility_gamma.readings.crowd import read_open_interest, read_positioning
from traders.volatility_gamma.readings.funding import read_funding
from traders.volatility_gamma.readings.liquidations import read_cascade, read_model
from traders.volatility_gamma.readings.memo import Memo
from traders.volatility_gamma.readings.notebook import NOT_ASKED, Notebook
from traders.volatility_gamma.readings.price import read_price
from traders.volatility_gamma.readings.signals import read_signals
from traders.volatility_gamma.regime import regime_of


def observe(
    snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet, memo: Memo | None = None
) -> Context:
    """The context of a decision on the snapshot's primary symbol. `memo` saves reading the same candles twice."""
    memo = Memo() if memo is None else memo
    symbol, limits = snapshot.primary, constraints.limits
    prefix = prefix_of(symbol)
    notebook = Notebook(catalogue(prefix))
    with np.errstate(all="ignore"):  # an overflow or 0 / 0 becomes inf or NaN, and those are missing readings
        _read(notebook, prefix, snapshot, memo)
        memo.partner(notebook, snapshot)
    read_signals(notebook, prefix, limits)
    return Context(
        trader_id=TRADER_ID,
        venue=snapshot.venue,
        symbol=symbol,
        as_of=snapshot.as_of,
        regime=regime_of(notebook.readings, prefix, symbol, portfolio, limits),
        readings=notebook.readings,
        unavailable=notebook.unavailable(),
        sources=sources_of(snapshot, TIMEFRAMES),
        portfolio=portfolio,
        limits=limits,
        constraints_version=constraints.version,
        constraints_hash=constraints.hash,
    ).hashed()


def _read(notebook: Notebook, prefix: str, snapshot: MarketSnapshot, memo: Memo) -> None:
    """Everything that rests on the primary symbol's own data."""
    data = snapshot.symbols.get(snapshot.primary)
    if data is None:
        notebook.miss_group(f"{prefix}.", NOT_ASKED)
        return
    bars = {timeframe: memo.candles(notebook, prefix, data.market_data, timeframe) for timeframe in TIMEFRAMES}
    read_price(notebook, prefix, data.market_data)
    read_funding(notebook, prefix, data.funding, snapshot.as_of)
    read_book(notebook, prefix, data.order_book)
    read_positioning(notebook, prefix, data.positioning)
    read_cascade(notebook, prefix, data.market_data, data.open_interest)
    read_model(notebook, prefix, data.open_interest, bars["1h"])
    daily_atr = notebook.readings.get(f"{prefix}.1d.atr14")
    read_open_interest(notebook, prefix, data.open_interest, bars["1h"], None if daily_atr is None else daily_atr.value)
