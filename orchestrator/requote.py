"""Fresh prices right before the verdict: a model takes seconds, a book is stale after fifteen."""

import asyncio

from orchestrator.clock import Clock
from orchestrator.execution.venue import Venue
from traders.contract.quote import Fees, Quote


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
        legs={leg.symbol: leg for leg in legs},
        fees=Fees(maker=fees.maker, taker=fees.taker),
        clock_drift_ms=drift,
        available_margin=balance.available,
        position_mode=mode,
    )
