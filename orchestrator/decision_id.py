"""The unique key of a decision: `<trader>-<SOLUSDT>-<due time>`, plus four hex digits when a person asked for it."""

import secrets
from datetime import UTC, datetime

from data_fetchers.symbols import compact


def decision_id(trader_id: int, symbol: str, due_ms: int, suffix: str | None = None) -> str:
    """`11-SOLUSDT-20250101T000000Z` or, with a suffix, `11-SOLUSDT-20250101T000000Z-0a1b`."""
    due = datetime.fromtimestamp(due_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{trader_id}-{compact(symbol)}-{due}" + (f"-{suffix}" if suffix else "")


def manual_suffix() -> str:
    """Four random hex digits: two people may ask in the same second."""
    return secrets.token_hex(2)
