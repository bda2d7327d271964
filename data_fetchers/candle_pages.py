"""Which candles to ask for, which came, and which are missing. Pure.

Page starts follow from the exchange's time alone, so that all pages are asked at once. Venues cap a page silently
(`page_bars`), repeat bars, send them newest first, or send the running bar: none of that may show in the result.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from data_fetchers.parsing import millis, not_negative, positive

#: open, high, low, close, volume.
Bar = tuple[float, float, float, float, float]
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Page:
    """`bars` bars from `start` (open time, UTC ms) on."""

    start: int
    bars: int


def page_bars(venue_id: str, interval_ms: int) -> int:
    """The most bars that one request brings home (ccxt 4.5 caps Binance at 1000; the venue's own limit is 1500)."""
    if venue_id == "bitget":  # its history endpoint: 200 bars and 90 days
        return max(1, min(200, 90 * _DAY_MS // interval_ms))
    return {"binanceusdm": 1000, "binance": 1000, "bybit": 1000, "okx": 300}.get(venue_id, 200)


def last_closed(now: int, interval_ms: int) -> int:
    """Open time of the last bar that had closed by `now`."""
    return now // interval_ms * interval_ms - interval_ms


def plan(first: int, last: int, interval_ms: int, most: int) -> list[Page]:
    """Pages of at most `most` bars that cover the bars opening in [first, last]."""
    count = (last - first) // interval_ms + 1
    return [Page(first + done * interval_ms, min(most, count - done)) for done in range(0, count, most)]


def accept(rows: Any, first: int, last: int, interval_ms: int) -> dict[int, Bar]:
    """Sound bars of an answer by open time: on the grid, inside [first, last], finite, prices above zero, high >= low.

    Anything else is dropped, which leaves a gap that is asked for again and then reported.
    """
    found: dict[int, Bar] = {}
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, (list, tuple)) or len(row) < 6:
            continue
        time = millis(row[0])
        prices = [positive(value) for value in row[1:5]]
        volume = not_negative(row[5])
        if time is None or volume is None or time % interval_ms or not first <= time <= last:
            continue
        opened, high, low, close = prices
        if opened is None or high is None or low is None or close is None:
            continue
        if high < low or not low <= opened <= high or not low <= close <= high:
            continue
        found[time] = (opened, high, low, close, volume)
    return found


def missing(have: Iterable[int], first: int, last: int, interval_ms: int) -> list[tuple[int, int]]:
    """Runs of missing bars as (first open, last open), both included, oldest first."""
    runs: list[tuple[int, int]] = []
    expected = first
    for time in [*sorted(have), last + interval_ms]:
        if time > expected:
            runs.append((expected, time - interval_ms))
        expected = time + interval_ms
    return runs
