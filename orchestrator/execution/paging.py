"""Reading long histories from a venue that gives at most a thousand rows and a week at a time."""

from collections.abc import Awaitable, Callable
from typing import Any

from orchestrator.execution.venue import Fill, Income, Transient

WEEK_MS = 7 * 86_400_000
LIMIT = 1000
_MOST_PAGES = 200


async def pages_of_trades(ask: Callable[[dict[str, Any]], Awaitable[list[Fill]]], since: int, until: int) -> list[Fill]:
    """Every trade of [since, until], by id. Within a full week's page the rest is read from the last id on."""
    found: dict[str, Fill] = {}
    start, pages = since, 0
    while start <= until:
        end = min(start + WEEK_MS - 1, until)
        page = await ask({"startTime": start, "endTime": end, "limit": LIMIT})
        pages += 1
        while True:
            found |= {fill.trade_id: fill for fill in page if since <= fill.time <= until}
            if len(page) < LIMIT or page[-1].time > end:
                break
            if (pages := pages + 1) > _MOST_PAGES:
                raise Transient(f"more than {_MOST_PAGES} pages of trades since {since}")
            page = await ask({"fromId": int(page[-1].trade_id) + 1, "limit": LIMIT})
        start = end + 1
    return sorted(found.values(), key=lambda fill: (fill.time, len(fill.trade_id), fill.trade_id))


async def pages_of_income(
    ask: Callable[[dict[str, Any]], Awaitable[list[Income]]], since: int, until: int
) -> list[Income]:
    """Every income row of [since, until], by kind and id; a full page is followed by one from its last time on."""
    found: dict[tuple[str, str], Income] = {}
    start = since
    for _ in range(_MOST_PAGES):
        end = min(start + WEEK_MS - 1, until)
        page = await ask({"startTime": start, "endTime": end, "limit": LIMIT})
        new = {(row.kind, row.income_id): row for row in page}
        fresh = len(new.keys() - found.keys())
        found |= new
        if len(page) == LIMIT and not fresh:
            raise Transient(f"more than {LIMIT} income rows in one millisecond at {start}")
        if len(page) == LIMIT:
            start = max(start, page[-1].time)
            continue
        if end >= until:
            return sorted(found.values(), key=lambda row: (row.time, row.kind, row.income_id))
        start = end + 1
    raise Transient(f"more than {_MOST_PAGES} pages of income since {since}")
