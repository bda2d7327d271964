"""Noise that belongs to a key: the same whenever and in whatever order it is asked for."""

import math

_WORD = 2**64 - 1


def noise(*key: int) -> float:
    """A standard normal number that belongs to a key (SplitMix64 and Box-Muller: a generator a point is too slow)."""
    state = 0
    for part in key:
        state = _mix(state + part)
    other = _mix(state)
    return math.sqrt(-2 * math.log((state + 1) / 2**64)) * math.cos(2 * math.pi * other / 2**64)


def _mix(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) & _WORD
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _WORD
    return value ^ (value >> 31)
