"""What trader and guard are shown at one time of a history: a snapshot and a quote. Nothing later than that."""

from decimal import Decimal

from data_fetchers.snapshot import (
    Candles,
    Funding,
    MarketData,
    MarketSnapshot,
    OpenInterest,
    OrderBook,
    Positioning,
    Requirements,
    SymbolData,
    Ticker,
    Unavailable,
)
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import HOUR_MS, Market
from traders.contract.quote import Quote

_NO_HISTORY = Unavailable(code="not_supported", reason="history does not hold it")
_MODEL_NOTE = "model: an even book around the last price, not recorded"


class Situations:
    """Snapshots and quotes of one set of markets. Candles are cut once for each bar and shared between snapshots."""

    def __init__(self, markets: dict[str, Market], model: FillModel, *, book: bool) -> None:
        self._markets = markets
        self._model = model
        self._book = book
        self._cut: dict[tuple[str, str, int], tuple[int, Candles]] = {}

    def price(self, symbol: str, at: int) -> float:
        """The last close at a time."""
        bars = self._markets[symbol].bars[self._markets[symbol].path]
        return float(bars.close[bars.closed_by(at) - 1])

    def snapshot(self, requirements: Requirements, at: int) -> MarketSnapshot:
        """What a fetch at that time would have brought."""
        primary = requirements.primary
        symbols: dict[str, SymbolData] = {}
        for symbol, wanted in requirements.candles.items():
            if symbol not in self._markets:
                continue
            own = symbol == primary
            symbols[symbol] = SymbolData(
                symbol=symbol,
                market_data=MarketData(
                    candles={timeframe: self._candles(symbol, timeframe, at, n) for timeframe, n in wanted.items()},
                    ticker=self._ticker(symbol, at),
                ),
                funding=self._funding(symbol, at) if own else _NO_HISTORY,
                order_book=self._order_book(symbol, at) if own and self._book else _NO_HISTORY,
                positioning=self._positioning(requirements, at) if own else _NO_HISTORY,
                open_interest=self._interest(requirements, at) if own else _NO_HISTORY,
            )
        return MarketSnapshot(
            venue=self._markets[primary].venue,
            primary=primary,
            as_of=at,
            fetched_at=at,
            clock_drift_ms=0,
            symbols=symbols,
            timings={},
            requests=0,
        )

    def quote(self, symbols: tuple[str, ...], decision_id: str, at: int, available: Decimal) -> Quote:
        """The quote after the policy: the same prices, since a simulated policy takes no time."""
        legs = {}
        for symbol in symbols:
            market = self._markets[symbol]
            mid = Decimal(repr(self.price(symbol, at)))
            leg = self._model.quote(market.venue, symbol, mid, at, next_funding(market, at))
            mark = self.mark(symbol, at)
            legs[symbol] = leg if mark is None else leg.model_copy(update={"mark": Decimal(repr(mark))})
        return Quote(
            decision_id=decision_id,
            taken_at=at,
            legs=legs,
            fees=self._model.fees(),
            clock_drift_ms=0,
            available_margin=available,
            position_mode="hedge",
        )

    def _candles(self, symbol: str, timeframe: str, at: int, count: int) -> Candles | Unavailable:
        bars = self._markets[symbol].bars.get(timeframe)
        if bars is None:
            return Unavailable(code="not_supported", reason=f"the history has no {timeframe} candles")
        closed, key = bars.closed_by(at), (symbol, timeframe, count)
        known = self._cut.get(key)
        if known is None or known[0] != closed:
            # only the newest cut of a series is asked for again
            known = self._cut[key] = (closed, self._markets[symbol].candles(timeframe, at, count))
        return known[1]

    def _ticker(self, symbol: str, at: int) -> Ticker:
        market = self._markets[symbol]
        bars = market.bars[market.path]
        end = bars.closed_by(at)
        day = slice(max(0, end - 86_400_000 // bars.interval_ms), end)
        return Ticker(
            last=self.price(symbol, at),
            mark=self.mark(symbol, at),
            index=None,
            quote_volume_24h=float((bars.volume[day] * bars.close[day]).sum()),
            as_of=at,
            fetched_at=at,
        )

    def _funding(self, symbol: str, at: int) -> Funding | Unavailable:
        market = self._markets[symbol]
        history = market.funding_until(at)
        if not history:
            return Unavailable(code="empty", reason="no settled rate by then")
        return Funding(
            venue=market.venue,
            symbol=symbol,
            history=history,
            predicted_rate=None,
            interval_hours=market.funding_interval_hours,
            next_funding_time=next_funding(market, at),
            as_of=at,
            fetched_at=at,
        )

    def knows_interest(self, symbol: str, at: int) -> bool:
        """Whether open interest was being recorded at a time: only then can it be too old."""
        crowd = self._markets[symbol].crowd
        span = None if crowd is None else crowd.interest_span
        return span is not None and span[0] <= at <= span[1] + HOUR_MS

    def _interest(self, wanted: Requirements, at: int) -> OpenInterest | Unavailable:
        market = self._markets[wanted.primary]
        if market.crowd is None:
            return _NO_HISTORY
        return market.crowd.interest(market.venue, market.symbol, at, wanted.open_interest_points)

    def _positioning(self, wanted: Requirements, at: int) -> Positioning | Unavailable:
        market = self._markets[wanted.primary]
        if market.crowd is None:
            return _NO_HISTORY
        return market.crowd.positioning(market.venue, market.symbol, at, wanted.positioning_points)

    def mark(self, symbol: str, at: int) -> float | None:
        """The mark price at a time; None where the history has none of that very bar."""
        market = self._markets[symbol]
        closed = 0 if market.mark is None else market.mark.closed_by(at)
        if market.mark is None or not closed or at - int(market.mark.time[closed - 1]) > 2 * market.mark.interval_ms:
            return None
        return float(market.mark.close[closed - 1])

    def _order_book(self, symbol: str, at: int) -> OrderBook:
        mid = Decimal(repr(self.price(symbol, at)))
        sides = {
            name: tuple((float(price), float(quantity)) for price, quantity in self._model.levels(mid, sign))
            for name, sign in (("bids", -1), ("asks", 1))
        }
        venue = self._markets[symbol].venue
        return OrderBook(venue=venue, symbol=symbol, as_of=at, fetched_at=at, note=_MODEL_NOTE, **sides)


def next_funding(market: Market, at: int) -> int:
    """The next funding time after `at`, by the venue's interval counted from midnight UTC."""
    step = int(market.funding_interval_hours * HOUR_MS)
    return at - at % step + step
