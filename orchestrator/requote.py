"""Fresh prices right before the verdict: a model takes seconds, a book is stale after fifteen."""

import asyncio

from orchestrator.clock import Clock
from orchestrator.execution.venue import Venue
from traders.contract.quote import Fees, Quote


async def requote(venue: Venue, symbols: tuple[str, ...], decision_id: str, clock: Clock, *, own_clock: bool) -> Quote:
    """Book, mark, contract, fees, margin and clock of every leg symbol, read at once.

    `own_clock` says that the exchange keeps its own time (a paper exchange does): the drift is then how much its
    clock gained on ours while reading, otherwise the plain difference between the two clocks. Raises VenueError.
    """
    before = clock.now_ms()
    first = await venue.server_time()
    legs, fees, balance, mode = await asyncio.gather(
        asyncio.gather(*(venue.leg_quote(symbol) for symbol in symbols)),
        venue.fees(symbols[0]),
        venue.balance(),
        venue.position_mode(),
    )
    sent = clock.now_ms()
    taken_at = await venue.server_time()
    middle = (sent + clock.now_ms()) // 2
    # a frozen exchange does not move while ours does: only a clock that runs ahead of real time counts as drift
    drift = max(0, (taken_at - first) - (middle - before)) if own_clock else taken_at - middle
    return Quote(
        decision_id=decision_id,
        taken_at=taken_at,
        legs={leg.symbol: leg for leg in legs},
        fees=Fees(maker=fees.maker, taker=fees.taker),
        clock_drift_ms=drift,
        available_margin=balance.available,
        position_mode=mode,
    )
