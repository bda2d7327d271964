"""What this room says when numbers cannot be computed.

IndicatorError          the input is unusable: which argument, what is wrong with it, what to do
"""


class IndicatorError(ValueError):
    """An input is unusable (NaN, a gap, lengths that differ, a value out of its range). Never answered with a 0."""
