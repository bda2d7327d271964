"""`volgamma live check`: the pre-flight before live orders, on one screen."""

from typing import Annotated

import typer

from orchestrator.cli.output import command, emit


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Before live orders. See docs/going_live.md.")
    group.command(
        "check", help="Limits, size, venue, key, account and switches at a glance, e.g. `volgamma live check`."
    )(check)
    group.callback()(lambda: None)
    app.add_typer(group, name="live")


@command
def check(
    exchange: Annotated[str, typer.Option(help="binanceusdm, bybit, okx or bitget")] = "binanceusdm",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Reads only; exit code 3 when something stands in the way."""
    import asyncio

    from orchestrator import settings
    from orchestrator.clock import SystemClock
    from orchestrator.live_check import pre_flight

    found = asyncio.run(pre_flight(settings.load(), SystemClock(), exchange))
    if as_json:
        emit(found.document())
    else:
        from orchestrator.cli.live_text import render

        typer.echo(render(found), nl=False)
    if not found.ready:
        raise typer.Exit(3)
