"""One coin at two venues: short where funding is high, long where it is low (domain.md sections 4 and 10).

Such a pair has neither delta nor gamma; it lives on the difference of the two rates, and four taker legs are paid
first. Rates are fractions of notional per 8 h, money is in quote currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from indicators.errors import IndicatorError
from indicators.funding import venue_spread

#: Both legs are opened and, one day, closed.
LEGS = 4


@dataclass(frozen=True)
class FundingPair:
    """What the best pair over the venues would earn and cost with `notional` on each leg, rates staying as they are.

    `spread_8h`: fraction of one leg's notional per 8 h. `earns_8h`, `costs`: quote currency. `break_even_hours`: None
    when nothing is earned.
    """

    short_venue: str
    long_venue: str
    spread_8h: Decimal
    notional: Decimal
    earns_8h: Decimal
    costs: Decimal
    break_even_hours: Decimal | None


def best_pair(rates_8h: Mapping[str, Decimal], notional: Decimal, taker: Decimal) -> FundingPair | None:
    """Short at the venue with the highest rate, long at the one with the lowest; None with fewer than two venues.

    Venues of one rate go by name. `taker`: cost of a leg as a fraction of its notional. Raises IndicatorError unless
    the notional is above 0 and the cost 0 or more, both finite.
    """
    if not (notional.is_finite() and notional > 0):
        raise IndicatorError(f"a notional of {notional}; it must be above 0")
    if not (taker.is_finite() and taker >= 0):
        raise IndicatorError(f"a taker cost of {taker}; it must be 0 or more")
    if len(rates_8h) < 2:
        return None
    ordered = sorted(rates_8h, key=lambda venue: (rates_8h[venue], venue))
    long_venue, short_venue = ordered[0], ordered[-1]
    spread = venue_spread(rates_8h[short_venue], rates_8h[long_venue])
    earns, costs = spread * notional, LEGS * taker * notional
    return FundingPair(
        short_venue=short_venue,
        long_venue=long_venue,
        spread_8h=spread,
        notional=notional,
        earns_8h=earns,
        costs=costs,
        break_even_hours=8 * costs / earns if earns > 0 else None,
    )
