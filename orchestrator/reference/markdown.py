"""Tables in Markdown: the little that the generated pages need."""

from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Text as it can stand in a table: one line, no bar of its own."""
    return " ".join(text.split()).replace("|", "\\|")


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without a line end after it; the cells are Markdown already."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)
