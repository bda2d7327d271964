"""Funding rates on one footing: every rate carries its interval (domain.md sections 6 and 10)."""

from decimal import Decimal
from typing import TypeVar

from indicators.errors import IndicatorError

Number = TypeVar("Number", float, Decimal)

HOURS_A_YEAR = 8760


def rate_per_8h(rate: Number, interval_hours: Number) -> Number:
    """The rate of a funding interval as a fraction per 8 h: 0.0001 per 1 h is 0.0008.

    Raises IndicatorError unless the interval is above 0 hours.
    """
    return _interval(rate, interval_hours) * 8 / interval_hours


def apr(rate: Number, interval_hours: Number) -> Number:
    """The rate of a funding interval as a fraction a year, not compounded: 0.0001 per 1 h is 0.876."""
    return _interval(rate, interval_hours) * HOURS_A_YEAR / interval_hours


def venue_spread(short_rate_8h: Number, long_rate_8h: Number) -> Number:
    """What a pair over two venues receives per 8 h and unit of notional: the short leg's rate minus the long leg's."""
    return short_rate_8h - long_rate_8h


def adverse_rate(rate_8h: Number, net_quantity: Number, leg_quantity: Number) -> Number:
    """What the net position pays per 8 h as a fraction of one leg's notional N: rate_8h x signed net / N.

    Above 0 is paid, below 0 received; 0 for equal legs of one venue. Raises IndicatorError unless the leg is above 0.
    Source: domain.md section 6.
    """
    if not leg_quantity > 0:
        raise IndicatorError(f"leg_quantity is {leg_quantity}; the pair was opened with more than 0")
    return rate_8h * net_quantity / leg_quantity


def _interval(rate: Number, interval_hours: Number) -> Number:
    if not interval_hours > 0:
        raise IndicatorError(f"a funding interval of {interval_hours} hours; it must be above 0")
    return rate
