"""What a decision of trader #11 needs from the market."""

from data_fetchers.snapshot import Requirements
from data_fetchers.symbols import normalise
from traders.volatility_gamma.profile import KEYWORDS

#: 1h: a year of NATR for its median (domain.md section 6) and room to warm up. 4h, 1d: ATR(50) and the mean of
#: 120 / 20 band widths, with room for Wilder's smoothing to forget its start. 15m serves the cascade reading
#: alone, and after 200 bars ATR(14) has forgotten its start to 1e-6.
PRIMARY_BARS = {"1h": 9000, "4h": 600, "1d": 300, "15m": 200}
#: 720 hourly returns for beta and correlation, with room.
PARTNER_BARS = {"1h": 800}
PARTNERS = {"SOL/USDT:USDT": "AVAX/USDT:USDT", "AVAX/USDT:USDT": "SOL/USDT:USDT"}
#: Three books, a second apart: one that leans for a moment is then seen to.
BOOK_SNAPSHOTS, BOOK_PAUSE_S = 3, 1.0


def requirements(symbol: str) -> Requirements:
    """Candles of `symbol` on 1h, 4h, 1d and 15m, three books, and 1h candles of its partner where it has one.

    Raises data_fetchers.symbols.UnknownSymbol for a text that is no perpetual.
    """
    primary = normalise(symbol)
    candles = {primary: dict(PRIMARY_BARS)}
    if partner := PARTNERS.get(primary):
        candles[partner] = dict(PARTNER_BARS)
    return Requirements(
        primary=primary,
        keywords=KEYWORDS,
        candles=candles,
        partner_tickers=False,
        book_snapshots=BOOK_SNAPSHOTS,
        book_pause_s=BOOK_PAUSE_S,
    )
