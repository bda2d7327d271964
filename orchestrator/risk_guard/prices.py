"""The prices of a plan: limits of the opening orders, and the pair bracket (domain.md section 7)."""

from decimal import Decimal

from indicators.delta_neutral_hedge import ceil_to_step, floor_to_step
from traders.contract.decision import Side

#: The bracket lies this far beyond the outer band, as a fraction of E.
BRACKET_ROOM = Decimal("0.01")


def limit_price(side: Side, mid: Decimal, slippage_max: Decimal, tick: Decimal) -> Decimal:
    """mid (1 +- slippage_max), rounded to the price tick towards mid, so that rounding never allows more slippage."""
    if side == "long":
        return floor_to_step(mid * (1 + slippage_max), tick)
    return ceil_to_step(mid * (1 - slippage_max), tick)


def bracket_prices(entry: Decimal, outer: Decimal, tick: Decimal) -> tuple[Decimal, Decimal]:
    """(U, D) = E (1 +- (b_out + 0.01)), rounded to the price tick towards E."""
    room = outer + BRACKET_ROOM
    return floor_to_step(entry * (1 + room), tick), ceil_to_step(entry * (1 - room), tick)
