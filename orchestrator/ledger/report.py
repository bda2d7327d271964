"""The ledger's figures as the pinned JSON document: decimal strings, to 8 places."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from indicators.delta_neutral_hedge import pi_gross
from orchestrator.ledger.book import Book, Cycle
from orchestrator.ledger.position import plain
from traders.contract.decision import Band

SCHEMA = "volgamma.ledger/1"


def money(value: Fraction) -> str:
    """USDT as a decimal string."""
    return format(plain(value), "f")


def document(book: Book, bands: Sequence[Band] = ()) -> dict[str, Any]:
    """Totals and cycles. With `bands`, each cycle also has what its ladder should have earned (gross)."""
    return {
        "schema": SCHEMA,
        "gross": money(book.gross),
        "fees": money(book.fees),
        "funding": money(book.funding),
        "net": money(book.net),
        "cycles": [_cycle(cycle, bands) for cycle in book.cycles],
    }


def _cycle(cycle: Cycle, bands: Sequence[Band]) -> dict[str, Any]:
    predicted = predicted_gross(cycle, bands)
    return {
        "symbol": cycle.symbol,
        "account": cycle.account or None,
        "opened_at": cycle.opened_at,
        "closed_at": cycle.closed_at,
        "fills": cycle.fills,
        "turnover": money(cycle.turnover),
        "gross": money(cycle.gross),
        "gross_long": money(cycle.gross_long),
        "gross_short": money(cycle.gross_short),
        "fees": money(cycle.fees),
        "funding": money(cycle.funding),
        "net": money(cycle.net),
        "entry_price": None if cycle.entry_price is None else money(cycle.entry_price),
        "open_long": money(cycle.long.quantity),
        "open_short": money(cycle.short.quantity),
        "net_delta": float(cycle.net_delta),
        "predicted": None if predicted is None else money(predicted),
        "difference": None if predicted is None else money(cycle.gross - predicted),
        "efficiency": None if not predicted else float(cycle.gross / predicted),
    }


def predicted_gross(cycle: Cycle, bands: Sequence[Band]) -> Fraction | None:
    """Pi at the intended band prices for the notional opened (domain.md section 2); None while open."""
    if not bands or cycle.entry_price is None or not cycle.flat:
        return None
    notional = plain(cycle.entry_price * cycle.quantity, 12)
    return Fraction(pi_gross(bands, notional))
