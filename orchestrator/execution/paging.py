"""Reading long histories from a venue that gives at most a thousand rows and a week at a time."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Protocol, TypeVar

from orchestrator.execution.venue import Transient

WEEK_MS = 7 * 86_400_000
LIMIT = 1000
_MOST_PAGES = 200


class Timed(Protocol):
    """A row with a time, UTC ms."""

    @property
    def time(self) -> int: ...


R = TypeVar("R", bound=Timed)


async def pages(
    ask: Callable[[dict[str, Any]], Awaitable[list[R]]], key: Callable[[R], Hashable], since: int, until: int
) -> list[R]:
    """Every row of [since, until], oldest first, each once by its `key`.

    A full page is followed by one that starts at its last time. Raises Transient when it would never end.
    """
    found: dict[Hashable, R] = {}
    start = since
    for _ in range(_MOST_PAGES):
        end = min(start + WEEK_MS - 1, until)
        page = sorted(await ask({"startTime": start, "endTime": end, "limit": LIMIT}), key=lambda row: row.time)
        before = len(found)
        found |= {key(row): row for row in page if since <= row.time <= until}
        if len(page) >= LIMIT:
            if len(found) == before:
                raise Transient(f"more than {LIMIT} rows in one millisecond at {page[-1].time}")
            start = page[-1].time
        elif end >= until:
            return sorted(found.values(), key=lambda row: row.time)
        else:
            start = end + 1
    raise Transient(f"more than {_MOST_PAGES} pages since {since}")
