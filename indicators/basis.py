"""How far the perpetual stands from its index, and the last trade from the mark."""

from decimal import Decimal
from typing import TypeVar

from indicators.errors import IndicatorError

Number = TypeVar("Number", float, Decimal)


def basis(mark: Number, index: Number) -> Number:
    """mark / index - 1, a fraction. Raises IndicatorError unless index is above 0."""
    if not index > 0:
        raise IndicatorError(f"index is {index}; a price is above 0")
    return mark / index - 1
