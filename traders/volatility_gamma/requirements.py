"""What a decision of trader #11 needs from the market."""

from data_fetchers.snapshot import Requirements
from data_fetchers.symbols import normalise
from traders.volatility_gamma.profile import KEYWORDS

#: 1h: a year of NATR for its median (domain.md section 6) and room to warm up. 4h, 1d: ATR(50) and the mean of
#: 120 / 20 band widths, with room for Wilder's smoothing to forget its start.
PRIMARY_BARS = {"1h": 9000, "4h": 600, "1d": 300}
#: 720 hourly returns for beta and correlation, with room.
PARTNER_BARS = {"1h": 800}
PARTNERS = {"SOL/USDT:USDT": "AVAX/USDT:USDT", "AVAX/USDT:USDT": "SOL/USDT:USDT"}


def requirements(symbol: str) -> Requirements:
    """Candles of `symbol` on 1h, 4h and 1d, and 1h candles of its partner (SOL <-> AVAX) where it has one.

    Raises data_fetchers.symbols.UnknownSymbol for a text that is no perpetual.
    """
    primary = normalise(symbol)
    candles = {primary: dict(PRIMARY_BARS)}
    if partner := PARTNERS.get(primary):
        candles[partner] = dict(PARTNER_BARS)
    return Requirements(primary=primary, keywords=KEYWORDS, candles=candles)
