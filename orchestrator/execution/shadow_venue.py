"""A venue that sends no order: all is read, whatever would open, protect, close or cancel is refused and counted.

The last wall of a shadow run. Nothing above it asks, because a decision ends there as a would-be one; and if something
did, nothing would leave. Settings of the account pass, fenced: today that account is always on paper.
"""

from orchestrator.execution.fenced_venue import Fence, FencedVenue
from orchestrator.execution.venue import ConditionalRequest, OrderReport, OrderRequest, Rejected, Venue


class ShadowVenue(FencedVenue):
    """Implements `Venue`. `refused`: requests that would have left."""

    def __init__(self, venue: Venue, fence: Fence) -> None:
        super().__init__(venue, fence)
        self.refused = 0

    async def place(self, order: OrderRequest) -> OrderReport:
        """Always refused."""
        raise self._not_sent()

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        """Always refused."""
        raise self._not_sent()

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        """Always refused."""
        raise self._not_sent()

    def _not_sent(self) -> Rejected:
        self.refused += 1
        return Rejected("a shadow run sends no order")
