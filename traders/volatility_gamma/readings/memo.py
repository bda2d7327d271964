"""Remembers the readings of candles that have been read before: between two decisions most bars are the same.

Pure in effect: the same candles give the same readings, worked out or remembered.
"""

from data_fetchers.snapshot import Candles, MarketData, MarketSnapshot, Unavailable
from traders.volatility_gamma.readings.candles import Bars, read_candles
from traders.volatility_gamma.readings.notebook import Notebook
from traders.volatility_gamma.readings.partner import read_partner


class Memo:
    """One symbol's pages by time frame, and the partner's. Candles are told apart by being the same object."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str], tuple[Candles, Notebook, Bars | None]] = {}
        self._partner: dict[str, tuple[tuple[object, ...], Notebook]] = {}

    def candles(self, notebook: Notebook, prefix: str, data: MarketData | Unavailable, timeframe: str) -> Bars | None:
        """As `read_candles`."""
        source = None if isinstance(data, Unavailable) else data.candles.get(timeframe)
        if not isinstance(source, Candles):
            return read_candles(notebook, prefix, data, timeframe)
        known = self._pages.get((prefix, timeframe))
        if known is None or known[0] is not source:
            page = notebook.blank()
            known = self._pages[prefix, timeframe] = (source, page, read_candles(page, prefix, data, timeframe))
        notebook.take(known[1])
        return known[2]

    def partner(self, notebook: Notebook, snapshot: MarketSnapshot) -> None:
        """As `read_partner`."""
        rests_on = tuple(_hourly(snapshot, symbol) for symbol in sorted(snapshot.symbols))
        known = self._partner.get(snapshot.primary)
        if known is None or [id(one) for one in known[0]] != [id(one) for one in rests_on]:
            page = notebook.blank()
            read_partner(page, snapshot)
            known = self._partner[snapshot.primary] = (rests_on, page)
        notebook.take(known[1])


def _hourly(snapshot: MarketSnapshot, symbol: str) -> object:
    market = snapshot.symbols[symbol].market_data
    return market if isinstance(market, Unavailable) else market.candles.get("1h")
