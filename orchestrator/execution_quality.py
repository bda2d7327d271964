"""How entries were filled at each venue: slippage against the mid on arrival, fees against the tier, time to answer.

From the journal alone: the quote a decision was judged by, its orders and what they became. Entry orders only; an order
of a ladder or an exit has no quote of its own beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from db.orders_repository import StoredOrder
from orchestrator.desk import Store

#: Executions that sent something.
_SENT = ("open", "closed", "unwound", "unknown")


@dataclass(frozen=True)
class EntryOrder:
    """One entry order. Fractions: `slippage` of mid (positive costs), `fee` of the notional, `tier` the taker fee."""

    venue: str
    filled_share: Decimal
    slippage: Decimal | None
    fee: Decimal | None
    tier: Decimal | None
    latency_ms: int | None


def entry_orders(store: Store, decisions: int | None = 500) -> list[EntryOrder]:
    """Of the newest decisions, newest first. Raises Corrupt, BadDatabase."""
    found: list[EntryOrder] = []
    for info in store.journal.entries(limit=decisions, status="finished"):
        if info.execution_status not in _SENT:
            continue
        entry = store.journal.load(info.decision_id)
        sent = {row.client_order_id: row for row in store.orders.of_decision(entry.decision_id)}
        execution, quote = entry.document("execution"), entry.document("quote")
        venue = f"{info.exchange} (paper fills)" if execution.get("paper_fills") else info.exchange
        lines = [order for order in execution["orders"] if order["kind"] == "entry"]
        found += [_one(venue, line, quote, sent[line["client_order_id"]]) for line in lines]
    return found


def _one(venue: str, order: Any, quote: Any, sent: StoredOrder) -> EntryOrder:
    wanted, filled = Decimal(order["quantity"]), Decimal(order["filled"])
    leg = quote["legs"].get(sent.request["symbol"])
    average = None if order["average"] is None else Decimal(order["average"])
    slippage = fee = None
    if average and filled and leg is not None:
        sign = 1 if order["side"] == "buy" else -1
        slippage = sign * (average / Decimal(leg["mid"]) - 1)
    if average and filled and order["fee"] is not None:
        fee = Decimal(order["fee"]) / (average * filled)
    return EntryOrder(
        venue=venue,
        filled_share=filled / wanted if wanted else Decimal(0),
        slippage=slippage,
        fee=fee,
        tier=Decimal(str(quote["fees"]["taker"])),
        latency_ms=None if sent.resolved_at is None else sent.resolved_at - sent.intended_at,
    )


def by_venue(orders: Iterable[EntryOrder]) -> list[dict[str, Any]]:
    """One row a venue: counts, fractions as numbers, milliseconds; None where nothing was measured."""
    venues: dict[str, list[EntryOrder]] = {}
    for order in orders:
        venues.setdefault(order.venue, []).append(order)
    return [_row(venue, found) for venue, found in sorted(venues.items())]


def _row(venue: str, orders: list[EntryOrder]) -> dict[str, Any]:
    slips = [float(order.slippage) for order in orders if order.slippage is not None]
    fees = [float(order.fee) for order in orders if order.fee is not None]
    above = [o for o in orders if o.fee is not None and o.tier is not None and o.fee > o.tier * Decimal("1.001")]
    waits = sorted(order.latency_ms for order in orders if order.latency_ms is not None)
    return {
        "venue": venue,
        "orders": len(orders),
        "filled": round(float(sum(order.filled_share for order in orders) / len(orders)), 6),
        "slippage_mean": round(sum(slips) / len(slips), 8) if slips else None,
        "slippage_worst": round(max(slips), 8) if slips else None,
        "fee_mean": round(sum(fees) / len(fees), 8) if fees else None,
        "fee_above_tier": len(above),
        "answer_ms_median": median(waits) if waits else None,
        "answer_ms_p95": waits[min(len(waits) - 1, int(0.95 * len(waits)))] if waits else None,
    }
