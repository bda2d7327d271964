"""Numbers out of what a venue sent. Nothing is guessed: what is no number is None."""

import math
from datetime import UTC, datetime
from typing import Any

#: 2000-01-01 .. 2100-01-01 in UTC milliseconds: seconds or microseconds taken for milliseconds fall outside.
_FIRST_MS, _LAST_MS = 946_684_800_000, 4_102_444_800_000


def number(value: Any) -> float | None:
    """A finite float of a number or decimal text, else None. Nothing is rounded."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def positive(value: Any) -> float | None:
    """A finite number above zero, else None."""
    found = number(value)
    return found if found is not None and found > 0 else None


def not_negative(value: Any) -> float | None:
    """A finite number of zero or more, else None."""
    found = number(value)
    return found if found is not None and found >= 0 else None


def millis(value: Any) -> int | None:
    """UTC milliseconds, else None."""
    found = number(value)
    return int(found) if found is not None and _FIRST_MS <= found < _LAST_MS else None


def iso(time: int) -> str:
    """ISO-8601 with Z of UTC milliseconds, milliseconds shown only where there are any."""
    text = datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds" if time % 1000 else "seconds")
    return text.replace("+00:00", "Z")
