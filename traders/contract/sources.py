"""Where each group of readings comes from and how old it is: what the guard judges freshness by."""

from data_fetchers.snapshot import (
    Funding,
    MarketSnapshot,
    OpenInterest,
    OrderBook,
    Positioning,
    SymbolData,
    Unavailable,
)
from data_fetchers.symbols import prefix_of
from traders.contract.context import SourceInfo

NOT_ASKED = "not_asked: the source was not part of the snapshot"


def reason_of(source: Unavailable) -> str:
    """An unavailable source's reason, code first."""
    return f"{source.code}: {source.reason}"


def sources_of(snapshot: MarketSnapshot, timeframes: tuple[str, ...]) -> dict[str, SourceInfo]:
    """`p.market_data.{tf}`, `p.ticker`, `p.funding`, `p.order_book`, `p.positioning`, `p.open_interest`.

    The primary has all of them, with an error where something is missing; other symbols only what they have.
    """
    found: dict[str, SourceInfo] = {}
    venue = snapshot.venue
    for symbol, data in snapshot.symbols.items():
        prefix, primary = prefix_of(symbol), symbol == snapshot.primary
        found |= _market(venue, prefix, data, timeframes if primary else ())
        if primary:
            found[f"{prefix}.funding"] = _plain(venue, data.funding)
            found[f"{prefix}.order_book"] = _plain(venue, data.order_book)
            found[f"{prefix}.positioning"] = _plain(venue, data.positioning)
            found[f"{prefix}.open_interest"] = _plain(venue, data.open_interest)
    return found


def _market(venue: str, prefix: str, data: SymbolData, wanted: tuple[str, ...]) -> dict[str, SourceInfo]:
    market = data.market_data
    if isinstance(market, Unavailable):
        names = [*(f"{prefix}.market_data.{timeframe}" for timeframe in wanted), f"{prefix}.ticker"]
        return {name: _error(venue, reason_of(market)) for name in names}
    found: dict[str, SourceInfo] = {}
    for timeframe in dict.fromkeys((*wanted, *market.candles)):
        candles = market.candles.get(timeframe)
        name = f"{prefix}.market_data.{timeframe}"
        if candles is None or isinstance(candles, Unavailable):
            found[name] = _error(venue, NOT_ASKED if candles is None else reason_of(candles))
            continue
        note = candles.note
        if candles.fillers:
            # such a bar is a venue without trades, not a calm market
            note = "; ".join(part for part in (note, f"{len(candles.fillers)} zero-volume bars") if part)
        found[name] = SourceInfo(venue=candles.venue, as_of=candles.as_of, fetched_at=candles.fetched_at, note=note)
    ticker = market.ticker
    if isinstance(ticker, Unavailable) and ticker.code == "not_requested":
        return found
    found[f"{prefix}.ticker"] = (
        _error(venue, reason_of(ticker))
        if isinstance(ticker, Unavailable)
        else SourceInfo(venue=venue, as_of=ticker.as_of, fetched_at=ticker.fetched_at)
    )
    return found


def _plain(venue: str, source: Funding | OrderBook | Positioning | OpenInterest | Unavailable) -> SourceInfo:
    if isinstance(source, Unavailable):
        return _error(venue, reason_of(source))
    note = "" if isinstance(source, Funding) else source.note
    return SourceInfo(venue=source.venue, as_of=source.as_of, fetched_at=source.fetched_at, note=note)


def _error(venue: str, reason: str) -> SourceInfo:
    return SourceInfo(venue=venue, as_of=None, fetched_at=None, error=reason)
