"""Reading lists that a venue gives page by page, each page naming the next."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from orchestrator.execution.venue import Transient

Raw = Mapping[str, Any]
Page = tuple[list[Raw], str | None]
_MOST_PAGES = 200


async def all_pages(ask: Callable[[str | None], Awaitable[Page]]) -> list[Raw]:
    """Every row, in the venue's order. `ask(cursor)`: a page and the next page's cursor, None or "" after the last.

    Raises Transient when it would never end.
    """
    found: list[Raw] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        rows, following = await ask(cursor)
        found += rows
        if not rows or not following or following == cursor:
            return found
        cursor = following
    raise Transient(f"more than {_MOST_PAGES} pages")


def windows(since: int, until: int, span: int) -> Iterator[tuple[int, int]]:
    """[since, until] (UTC ms, both included) in pieces of at most `span` ms, without overlap."""
    start = since
    while start <= until:
        yield start, min(start + span - 1, until)
        start += span
