"""Funding of a live market: charged for what was held at its time, at the rate the venue settled."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchestrator.paper_exchange.live_upstream import Upstream, UpstreamDown
from orchestrator.paper_exchange.synthetic import MINUTE

if TYPE_CHECKING:
    from orchestrator.paper_exchange.account import Owed
    from orchestrator.paper_exchange.http import Front

#: A venue settles seconds after the hour; its times may be some milliseconds off it.
_NEAR_MS = MINUTE


async def settle_owed(front: "Front", upstream: Upstream) -> None:
    """Charge what the venue has settled by now; the rest stays owed. Raises UpstreamDown and errors of its shape."""
    for symbol, at in dict.fromkeys((owed.symbol, owed.at) for owed in front.engine.owed):
        query = {"symbol": symbol, "startTime": str(at - _NEAR_MS), "endTime": str(at + _NEAR_MS), "limit": "10"}
        answer = await upstream.shared("/fapi/v1/fundingRate", query)
        if answer.status != 200:
            raise UpstreamDown(f"the funding of {symbol} is not told: {str(answer.document)[:200]}")
        row = next((row for row in answer.document if abs(int(row["fundingTime"]) - at) < _NEAR_MS), None)
        if row is None:
            continue
        async with front.lock:
            front.tick()
            for owed in [owed for owed in front.engine.owed if (owed.symbol, owed.at) == (symbol, at)]:
                front.engine.settle(owed, Decimal(row["fundingRate"]), _mark(row, owed))
            front.saved()


def _mark(row: Any, owed: "Owed") -> Decimal:
    """The venue's mark of that time; of long ago it tells none."""
    text = row.get("markPrice")
    return Decimal(text) if text else owed.mark
