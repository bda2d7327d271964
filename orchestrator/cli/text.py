"""Plain text for a terminal of 80 columns."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

WIDTH = 80


def when(ms: int | None) -> str:
    """UTC milliseconds as ISO 8601 to the second; a dash for None."""
    if ms is None:
        return "-"
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def value(item: Any) -> str:
    """A JSON value on one line: text bare, whole floats without the point."""
    if item is None:
        return "-"
    if isinstance(item, str):
        return item
    if isinstance(item, float) and item.is_integer() and abs(item) < 1e15:
        return str(int(item))
    if isinstance(item, dict):
        return ", ".join(f"{key} {value(part)}" for key, part in item.items())
    if isinstance(item, list):
        return " ".join(f"({value(part)})" if isinstance(part, dict) else value(part) for part in item)
    return json.dumps(item)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned columns; the last one is wrapped within the width. Ends with a newline."""
    cells = [tuple(str(cell) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in (tuple(headers), *cells)) for i in range(len(headers) - 1)]
    room = max(20, WIDTH - sum(widths) - 2 * len(widths))
    lines = []
    for row in (tuple(headers), *cells):
        left = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        for number, part in enumerate(textwrap.wrap(row[-1], room) or [""]):
            lines.append(((left if number == 0 else " " * len(left)) + part).rstrip())
    return "\n".join(lines) + "\n"


def fields(pairs: Iterable[tuple[str, str]]) -> str:
    """`name  text` lines, the text wrapped. Ends with a newline when there are any."""
    items = list(pairs)
    if not items:
        return ""
    width = max(len(name) for name, _ in items)
    lines = []
    for name, text in items:
        first, rest = f"{name:<{width}}  ", " " * (width + 2)
        lines.append(textwrap.fill(text or "-", WIDTH, initial_indent=first, subsequent_indent=rest))
    return "\n".join(lines) + "\n"


def heading(title: str) -> str:
    """A titled break."""
    return f"\n{title}\n{'-' * len(title)}\n"
