"""What a venue closed of ours by itself: liquidations and auto-deleveraging, where the venue keeps a list of them.

An optional part of the port. A venue without such a list is not asked: a leg that went there is known as gone all the
same, only not why, and what is done about it does not depend on that.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, cast

from orchestrator.execution.codes import Difference
from orchestrator.execution.reconcile import Discrepancy
from orchestrator.execution.venue import Venue, VenueError
from traders.contract.base import Frozen, Millis, Money
from traders.contract.decision import Side

Why = Literal["liquidated", "auto_deleveraged"]


class Forced(Frozen):
    """One order of the venue's own that closed `quantity` (base units) of a leg at `price`."""

    exchange_order_id: str
    symbol: str
    position_side: Side
    why: Why
    quantity: Money
    price: Money
    time: Millis


class TellsForced(Protocol):
    """A venue that keeps the list."""

    async def forced(self, symbol: str, since: int) -> list[Forced]:
        """At or after `since`, oldest first. Raises Transient, Rejected."""
        ...


async def forced_on(venue: Venue, symbol: str, since: int) -> list[Forced]:
    """The venue's list, oldest first; empty where it keeps none. Raises VenueError: unknown is not empty."""
    if not hasattr(venue, "forced"):
        return []
    return await cast("TellsForced", venue).forced(symbol, since)


async def why_one_leg(venue: Venue, differences: Sequence[Discrepancy], since: int) -> str | None:
    """The reason of a pair's end when just one of its legs was found gone, as far as the venue says; else None."""
    gone = [item for item in differences if item.difference in (Difference.LONG_GONE, Difference.SHORT_GONE)]
    if not gone:
        return None
    try:
        rows = await forced_on(venue, gone[0].symbol, since)
    except VenueError:
        rows = []
    mine = [row for row in rows if row.position_side == gone[0].side]
    return f"leg_{mine[-1].why}" if mine else "leg_closed"
