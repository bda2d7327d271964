"""`volgamma venues`: what each venue can do, and how that was checked."""

from typing import Annotated, Any

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
    measured: Annotated[bool, typer.Option("--measured", help="how your own entries were filled at each")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Asks no venue: this is what the program itself knows, or what its journal holds."""
    from orchestrator import venue_facts

    if measured:
        _measured(as_json=as_json)
    elif as_json:
        emit(venue_facts.document())
    elif markdown:
        typer.echo(venue_facts.markdown(), nl=False)
    else:
        typer.echo(_text(), nl=False)


def _measured(*, as_json: bool) -> None:
    from orchestrator import settings
    from orchestrator.cli import text
    from orchestrator.desk import open_store
    from orchestrator.execution_quality import by_venue, entry_orders
    from orchestrator.storage import translated

    with translated(), open_store(settings.load()) as store:
        rows = by_venue(entry_orders(store))
    if as_json:
        emit({"schema": "volgamma.execution_quality/1", "venues": rows})
        return
    if not rows:
        typer.echo("no entry has been sent yet: nothing is measured")
        return
    head = ("entries", "orders", "filled", "slip bp", "worst", "fee bp", "dearer", "answer ms", "95 %")
    typer.echo(text.table(head, [_cells(row) for row in rows]), nl=False)
    typer.echo("slip: average fill against the mid of the quote; dearer: fees above the tier")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    def points(name: str) -> str:
        return "-" if row[name] is None else f"{row[name] * 10_000:.2f}"

    def whole(name: str) -> str:
        return "-" if row[name] is None else f"{row[name]:.0f}"

    shares = [points(name) for name in ("slippage_mean", "slippage_worst", "fee_mean")]
    waits = [whole(name) for name in ("answer_ms_median", "answer_ms_p95")]
    return row["venue"], str(row["orders"]), f"{row['filled']:.0%}", *shares, str(row["fee_above_tier"]), *waits


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
