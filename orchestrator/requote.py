"""Fresh prices right before the verdict: a model takes seconds, a book is stale after fifteen."""

import asyncio
from decimal import Decimal
from operator import lt

from orchestrator.clock import Clock
from orchestrator.execution.venue import Venue
from traders.contract.quote import Fees, LegQuote, Quote

#: Of mid. The guard looks at 1 % of it; what is farther away is judged by nobody, and would be stored for ever.
KEPT = Decimal("0.011")


async def requote(venue: Venue, symbols: tuple[str, ...], decision_id: str, clock: Clock, *, own_clock: bool) -> Quote:
    """Book, mark, contract, fees, margin and clock of every leg symbol, read at once.

    `own_clock` says that the exchange keeps its own time, as a paper exchange does: it may stand still or run faster,
    so that a difference to our clock means nothing, and the drift is 0. Raises VenueError.
    """
    legs, fees, balance, mode = await asyncio.gather(
        asyncio.gather(*(venue.leg_quote(symbol) for symbol in symbols)),
        venue.fees(symbols[0]),
        venue.balance(),
        venue.position_mode(symbols[0]),
    )
    sent = clock.now_ms()
    taken_at = await venue.server_time()
    drift = 0 if own_clock else taken_at - (sent + clock.now_ms()) // 2
    return Quote(
        decision_id=decision_id,
        taken_at=taken_at,
        legs={leg.symbol: trimmed(leg) for leg in legs},
        fees=Fees(maker=fees.maker, taker=fees.taker),
        clock_drift_ms=drift,
        available_margin=balance.available,
        position_mode=mode,
    )


def trimmed(leg: LegQuote) -> LegQuote:
    """The quote with each side of its book up to the first level beyond `KEPT`; whole when it is not sorted.

    That one more level shows that the book reaches so far.
    """
    low, high = leg.mid * (1 - KEPT), leg.mid * (1 + KEPT)
    bids, asks = leg.bids, leg.asks
    if _rises([price for price, _ in reversed(bids)]) and _rises([price for price, _ in asks]):
        bids = bids[: sum(price >= low for price, _ in bids) + 1]
        asks = asks[: sum(price <= high for price, _ in asks) + 1]
    return leg.model_copy(update={"bids": bids, "asks": asks})


def _rises(prices: list[Decimal]) -> bool:
    return all(map(lt, prices, prices[1:]))
