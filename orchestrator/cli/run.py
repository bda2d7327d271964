"""`volgamma run`: the schedule and the fast loop, until stopped."""

from typing import Annotated

import typer

from orchestrator.cli import completion
from orchestrator.cli.output import command, emit
from orchestrator.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "run",
        help="Decide on a schedule and keep open pairs, e.g. `volgamma run --for 5m --every 1m --policy rules`. "
        "SIGINT or SIGTERM ends it; SIGUSR1 throws the kill switch (`kill -USR1 PID`), as `volgamma kill` does.",
    )(run)


@command
def run(
    symbols: Annotated[str, typer.Option(help="comma-separated, any common spelling")] = "SOL,AVAX",
    every: Annotated[str, typer.Option(help="time between decisions: 60s, 15m, 1h")] = "15m",
    length: Annotated[str | None, typer.Option("--for", help="how long to run; until stopped when left out")] = None,
    exchange: Annotated[
        str,
        typer.Option(
            help="paper; binanceusdm: its market, filled on paper; others are only read",
            autocompletion=completion.exchanges,
        ),
    ] = "paper",
    policy: Annotated[str, typer.Option(help="llm or rules", autocompletion=completion.policies)] = "llm",
    flatten_on_exit: Annotated[
        bool, typer.Option("--flatten-on-exit", help="close all pairs at the end; without it they stay protected")
    ] = False,
    jitter: Annotated[str, typer.Option(help="spread of the starts of scheduled decisions, e.g. 5s")] = "0",
    on_move: Annotated[
        float | None, typer.Option(help="also decide when the price moved by so many % since the last decision")
    ] = None,
    before_funding: Annotated[
        str | None, typer.Option(help="also decide so long before each funding time, e.g. 5m")
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="decide and record would-be orders, send none; see docs/going_live.md")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="second step to live orders; asks for a phrase")] = False,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", help="serve Prometheus at http://127.0.0.1:PORT/metrics")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document at the end; lines go to stderr")] = False,
) -> None:
    """Run the schedule."""
    import asyncio
    from dataclasses import asdict
    from functools import partial

    from orchestrator import asked_symbol, settings
    from orchestrator.cli.live_text import confirmation
    from orchestrator.cli.schedule_options import chosen_policy, duration, fraction
    from orchestrator.observability.serving import in_sight, metrics_at
    from orchestrator.schedule.loop import Plan

    if shadow and live:
        raise UsageError("usage", "--shadow sends nothing, --live does", "give one of them")
    if shadow and flatten_on_exit:
        raise UsageError("usage", "a shadow run has nothing to close", "leave --flatten-on-exit out")
    plan = Plan(
        symbols=(),
        every=duration("--every", every) or 0,
        length=duration("--for", length),
        policy=chosen_policy(policy),
        flatten_on_exit=flatten_on_exit,
        jitter=duration("--jitter", jitter) or 0,
        move=fraction("--on-move", on_move),
        before_funding=duration("--before-funding", before_funding),
    )
    if plan.every == 0:
        raise UsageError("bad_duration", f"--every {every} leaves no time between decisions", "for example --every 15m")

    def say(line: str) -> None:
        typer.echo(line, err=as_json)

    names = tuple(part.strip() for part in symbols.split(",") if part.strip())
    if not names:
        raise UsageError("no_symbol", f"--symbols {symbols!r} names no symbol", "for example --symbols SOL,AVAX")
    resolved = settings.load()
    asked_symbol.require(resolved, exchange, names, live=live)
    from orchestrator.host import run_schedule

    with metrics_at(metrics_port, resolved.database_url):
        confirm = partial(confirmation, environment=resolved.environment)
        work = run_schedule(resolved, exchange, names, plan, say, shadow=shadow, live=live, confirm=confirm)
        tally = asyncio.run(in_sight(work))
    if as_json:
        emit({"schema": "volgamma.run/1", **asdict(tally), "shadow": shadow})
    else:
        typer.echo(
            f"{tally.decisions} decisions, {tally.entered} entries, {tally.skipped} skipped, {tally.failed} failed"
        )
