"""Ledger rows from the venue's own trades and income, keyed by its ids: reading again adds nothing."""

from decimal import Decimal

from db.ledger_repository import LedgerRow
from orchestrator.desk import Desk
from orchestrator.execution.venue import VenueError

_BACK_MS = 3 * 86_400_000


async def refresh(desk: Desk, symbol: str) -> None:
    """Bring the ledger of one symbol up to date. A venue that cannot be read now is read next time."""
    try:
        since = max(0, await desk.venue.server_time() - _BACK_MS)
        fills = await desk.venue.fills(symbol, since)
        income = await desk.venue.income(symbol, since)
    except VenueError:
        return
    account = desk.ledger_account or desk.exchange_name
    rows = [
        LedgerRow(
            exchange=account,
            kind="fill",
            venue_id=fill.trade_id,
            time=fill.time,
            symbol=fill.symbol,
            amount=fill.fee,
            position_side=fill.position_side,
            side=fill.side,
            price=fill.price,
            quantity=fill.quantity,
            order_id=fill.exchange_order_id,
        )
        for fill in fills
    ]
    rows += [
        LedgerRow(
            exchange=account,
            kind="funding",
            venue_id=row.income_id,
            time=row.time,
            symbol=row.symbol,
            amount=Decimal(row.amount),
        )
        for row in income
        if row.kind == "FUNDING_FEE"
    ]
    desk.store.ledger.add(rows)
