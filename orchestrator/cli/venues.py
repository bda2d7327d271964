"""`volgamma venues`: what each venue can do, and how that was checked."""

from typing import Annotated

import typer

from orchestrator.cli.output import command, emit


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "venues", help="What each venue can do and whether it was checked against it, e.g. `volgamma venues --json`."
    )(venues)


@command
def venues(
    markdown: Annotated[bool, typer.Option("--markdown", help="the table of docs/venues.md")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Asks no venue: this is what the program itself knows."""
    from orchestrator import venue_facts

    if as_json:
        emit(venue_facts.document())
    elif markdown:
        typer.echo(venue_facts.markdown(), nl=False)
    else:
        typer.echo(_text(), nl=False)


def _text() -> str:
    """Venue by venue, one property a line: eight columns do not fit a terminal."""
    import textwrap

    from orchestrator.venue_facts import HEADERS, VENUES, cells

    lines: list[str] = []
    for venue in VENUES:
        name, *rest = cells(venue)
        lines.append(name)
        for header, cell in zip(HEADERS[1:], rest, strict=True):
            head = f"  {header:<15}"
            lines += textwrap.wrap(cell, 80, initial_indent=head, subsequent_indent=" " * len(head))
    unverified = ", ".join(venue.name for venue in VENUES if not venue.execution_verified)
    lines.append(f"execution unverified against the venue: {unverified}; see docs/venues.md")
    return "\n".join(lines) + "\n"
