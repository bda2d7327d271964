"""Every equity that is seen: the high, the day's start, and the latch that a drawdown throws.

The guard refuses entries while equity is down by `max_drawdown`. The latch outlives a recovery: once thrown, entries
stay off until a person has looked (`volgamma resume --drawdown`).
"""

from decimal import Decimal

from orchestrator.desk import Desk


def note_equity(desk: Desk, equity: Decimal, at: int) -> tuple[Decimal, Decimal]:
    """Take note of the account's equity (USDT, UTC ms): (its high, the first of the UTC day). Throws the latch."""
    state, exchange = desk.store.state, desk.exchange_name
    high, day_start = state.note_equity(exchange, equity, at)
    if equity < high:
        constraints = desk.constraints()
        down, limit = 1 - equity / high, constraints.limits.max_drawdown
        if down >= limit:
            why = f"equity {equity:.2f} USDT is {down:.2%} below its high of {high:.2f}, the limit is {limit:.2%}"
            state.latch_drawdown(exchange, constraints.trader_id, why, at)
    return high, day_start
