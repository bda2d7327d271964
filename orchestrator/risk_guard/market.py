"""One leg's market as the quote shows it: is the book sound, how deep is it, what does an order cost, which tier."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from math import lcm
from operator import lt

from indicators.order_book import depth_within, walk
from traders.contract.decision import Side
from traders.contract.quote import LegQuote, Level, MarginTier


class LegMarket:
    """A leg quote with what follows from it. Prices in USDT, quantities in base units."""

    def __init__(self, quote: LegQuote) -> None:
        self.quote = quote

    @cached_property
    def complaint(self) -> str | None:
        """What makes the quote unusable, or None: prices above 0, both sides there, sorted, not crossed, mid inside."""
        quote = self.quote
        if min(quote.mark, quote.last, quote.mid) <= 0:
            return "mark, last or mid is not above 0"
        if not quote.bids or not quote.asks:
            return "a side of the book is empty"
        if min(min([quantity for _, quantity in side]) for side in (quote.bids, quote.asks)) <= 0:
            return "a level of the book is not above 0"
        if not (_ascending(quote.asks) and _ascending(quote.bids[::-1])):
            return "the book is not sorted best first"
        if min(quote.bids[-1][0], quote.asks[0][0]) <= 0:  # sorted, so these are the lowest of each side
            return "a level of the book is not above 0"
        if quote.bids[0][0] >= quote.asks[0][0]:
            return "the book is crossed"
        if not quote.bids[0][0] <= quote.mid <= quote.asks[0][0]:
            return "mid is outside the best bid and ask"
        return None

    @property
    def sound(self) -> bool:
        """Whether prices and book can be used at all."""
        return self.complaint is None

    @cached_property
    def depth(self) -> Decimal | None:
        """Both sides of a sound book within 1 % of mid, USDT; None when it does not reach that far."""
        depth = depth_within(self.quote.bids, self.quote.asks)
        return None if depth is None else Decimal(depth)

    @cached_property
    def step(self) -> Decimal | None:
        """The step that satisfies LOT_SIZE and MARKET_LOT_SIZE at once (their least common multiple), base units.

        None when a step or the price tick is missing: no order can be worded then.
        """
        contract = self.quote.contract
        steps = (contract.quantity_step, contract.market_quantity_step)
        if min(*steps, contract.price_tick) <= 0:
            return None
        unit = Decimal(1).scaleb(min(int(step.normalize().as_tuple().exponent) for step in steps))
        return lcm(*(int(step / unit) for step in steps)) * unit

    def slippage(self, side: Side, quantity: Decimal) -> Decimal | None:
        """Average fill of a market order against mid, as a fraction; None when the book is too shallow."""
        if quantity == 0:
            return Decimal(0)
        average = walk(self.quote.asks if side == "long" else self.quote.bids, quantity)
        return None if average is None else abs(Decimal(average) / self.quote.mid - 1)

    def tier(self, notional: Decimal) -> MarginTier | None:
        """The leverage bracket of a leg of this notional, or None above the last one."""
        for tier in sorted(self.quote.tiers, key=lambda tier: tier.notional_floor):
            if tier.notional_floor <= notional <= tier.notional_cap:
                return tier
        return None


def _ascending(levels: Sequence[Level]) -> bool:
    prices = [level[0] for level in levels]
    return all(map(lt, prices, prices[1:]))
