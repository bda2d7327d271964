"""An entry to be previewed, and the snapshot's own prices as a quote to judge it by."""

from decimal import Decimal

from data_fetchers.snapshot import MarketSnapshot, OrderBook, Unavailable
from traders.contract.context import Context
from traders.contract.decision import Action, Band, Decision, Evidence, LegPlan, PairPlan
from traders.contract.limits import Limits
from traders.contract.quote import Contract, Fees, LegQuote, MarginTier, Quote

_BP = Decimal(10_000)
#: What a snapshot does not say of the venue: a usual fee, steps fine enough not to matter, one bracket of 1 %.
_TAKER = Decimal("0.0005")
_FINE, _HUGE = Decimal("0.000001"), Decimal("1000000000")
MAINTENANCE = Decimal("0.01")


def entry_of(context: Context, limits: Limits, margin_bp: int, leverage: int, stop_bp: int, target_bp: int) -> Decision:
    """An entry with the standing ladder; what it cites is a reading as it is."""
    *steps, last = limits.rebalance_bands
    name, reading = next(iter(sorted(context.readings.items())))
    venue, symbol = context.venue, context.symbol
    return Decision(
        action=Action.ENTER,
        symbol=symbol,
        regime=context.regime,
        plan=PairPlan(
            kind="gamma",
            legs=(
                LegPlan(venue=venue, symbol=symbol, side="long", weight=Decimal(1)),
                LegPlan(venue=venue, symbol=symbol, side="short", weight=Decimal(1)),
            ),
            pair_margin_fraction=Decimal(margin_bp) / _BP,
            leverage=leverage,
            bands=(
                *(Band(move=step.move, leg="losing", fraction=step.fraction) for step in steps),
                Band(move=last.move, leg="both", fraction=last.fraction),
            ),
            rehedge="none",
            reversal_rule=limits.reversal_rule,
            stop_loss=Decimal(stop_bp) / _BP,
            take_profit=Decimal(target_bp) / _BP,
            trailing_atr_multiple=limits.trailing_atr_multiple,
            max_holding_hours=limits.holding_hours_max,
            reopen=False,
        ),
        evidence=(Evidence(reading=name, value=Decimal(repr(reading.value))),),
        confidence=Decimal(1),
        rationale="a preview",
    )


def quote_of(snapshot: MarketSnapshot, context: Context) -> Quote | None:
    """The snapshot's own prices as a quote; None where book or price is missing."""
    data = snapshot.symbols.get(context.symbol)
    if data is None or not isinstance(data.order_book, OrderBook) or isinstance(data.market_data, Unavailable):
        return None
    book, ticker = data.order_book, data.market_data.ticker
    if isinstance(ticker, Unavailable) or not book.bids or not book.asks:
        return None
    bids, asks = (tuple((_exact(p), _exact(q)) for p, q in side) for side in (book.bids, book.asks))
    funding = data.funding
    leg = LegQuote(
        venue=context.venue,
        symbol=context.symbol,
        mark=_exact(ticker.mark or ticker.last),
        last=_exact(ticker.last),
        index=None if ticker.index is None else _exact(ticker.index),
        mid=(bids[0][0] + asks[0][0]) / 2,
        bids=bids,
        asks=asks,
        book_as_of=book.as_of,
        contract=Contract(
            price_tick=_FINE,
            quantity_step=_FINE,
            min_quantity=_FINE,
            max_quantity=_HUGE,
            market_quantity_step=_FINE,
            market_min_quantity=_FINE,
            market_max_quantity=_HUGE,
            min_notional=Decimal(5),
        ),
        tiers=(
            MarginTier(
                notional_floor=Decimal(0),
                notional_cap=_HUGE,
                max_leverage=125,
                maintenance_margin_rate=MAINTENANCE,
                maintenance_amount=Decimal(0),
            ),
        ),
        next_funding_time=None if isinstance(funding, Unavailable) else funding.next_funding_time,
        margin_mode="isolated",
    )
    return Quote(
        decision_id="preview",
        taken_at=snapshot.as_of,
        legs={leg.symbol: leg},
        fees=Fees(maker=_TAKER, taker=_TAKER),
        clock_drift_ms=0,
        available_margin=context.portfolio.cash,
        position_mode="hedge",
    )


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
