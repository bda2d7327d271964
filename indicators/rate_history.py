"""Basis and funding of a whole history at once. The exact scalar forms, free of numpy, are in `basis` and `funding`."""

from numpy.typing import ArrayLike

from indicators.series import Array, above_zero, checked


def basis_history(mark: ArrayLike, index: ArrayLike) -> Array:
    """mark / index - 1, one fraction a bar. Raises IndicatorError for gaps and an index not above 0."""
    marks, indices = checked(mark=mark, index=index)
    above_zero("index", indices)
    return marks / indices - 1


def rates_per_8h(rates: ArrayLike, interval_hours: ArrayLike) -> Array:
    """Settled rates as fractions per 8 h, each from the interval it was paid for.

    Raises IndicatorError for gaps and an interval not above 0 hours.
    """
    own, hours = checked(rates=rates, interval_hours=interval_hours)
    above_zero("interval_hours", hours)
    return own * 8 / hours
