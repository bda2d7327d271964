"""When decisions are due. Pure: times in, times out (UTC milliseconds on the exchange's clock)."""

import re

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(s|m|h|d)$")


def parse_duration(text: str) -> int:
    """`90s`, `15m`, `2h`, `1d` -> milliseconds. Raises ValueError saying how to write it."""
    match = _DURATION.match(text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is no duration; write it as 90s, 15m, 2h or 1d")
    return round(float(match[1]) * _UNITS[match[2]])


def due_at_or_before(now: int, every: int) -> int:
    """The newest due time that is not in the future; due times are whole multiples of the interval since 1970."""
    return now - now % every
