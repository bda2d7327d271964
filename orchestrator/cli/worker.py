"""`volgamma worker`: one of as many as wanted, on one database."""

from typing import Annotated

import typer

from orchestrator.cli import completion
from orchestrator.cli.output import command, emit
from orchestrator.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "worker",
        help="One of several processes that share a database: each tick is taken once, pairs of a dead worker are "
        "taken over, e.g. `volgamma worker --database-url postgresql+psycopg://user@host/volgamma`. "
        "SIGINT or SIGTERM ends it; SIGUSR1 throws the kill switch.",
    )(worker)


@command
def worker(
    database_url: Annotated[
        str | None, typer.Option(help="the shared database; VOLGAMMA_DATABASE_URL when left out")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="unique among all workers; machine, process and chance by default")
    ] = None,
    traders: Annotated[str, typer.Option(help="ids, comma-separated; all that are enabled when left out")] = "",
    exchange: Annotated[str, typer.Option(help="paper (running, named by VOLGAMMA_PAPER_URL)")] = "paper",
    policy: Annotated[str, typer.Option(help="llm or rules", autocompletion=completion.policies)] = "llm",
    every: Annotated[
        str | None, typer.Option(help="time between decisions; each trader's own interval when left out")
    ] = None,
    length: Annotated[str | None, typer.Option("--for", help="how long to work; until stopped when left out")] = None,
    late: Annotated[str, typer.Option(help="a tick that is older is skipped")] = "2m",
    jitter: Annotated[str, typer.Option(help="spread of the starts of scheduled decisions; 0 for none")] = "5s",
    on_move: Annotated[
        float | None, typer.Option(help="also decide when the price moved by so many % since the last decision")
    ] = None,
    before_funding: Annotated[
        str | None, typer.Option(help="also decide so long before each funding time, e.g. 5m")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="decisions of this worker under way at a time")] = 4,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", help="serve Prometheus at http://127.0.0.1:PORT/metrics")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document at the end; lines go to stderr")] = False,
) -> None:
    """Work."""
    import asyncio
    from dataclasses import asdict

    from orchestrator import settings
    from orchestrator.cli.schedule_options import chosen_policy, duration, fraction
    from orchestrator.host import run_worker
    from orchestrator.observability.serving import in_sight, metrics_at
    from orchestrator.worker.work import Shift

    shift = Shift(
        policy=chosen_policy(policy),
        every=duration("--every", every),
        length=duration("--for", length),
        late_after=duration("--late", late) or 0,
        jitter=duration("--jitter", jitter) or 0,
        move=fraction("--on-move", on_move),
        before_funding=duration("--before-funding", before_funding),
        at_once=at_once,
    )
    try:
        wanted = tuple(int(part) for part in traders.split(",") if part.strip())
    except ValueError as error:
        raise UsageError("bad_trader", f"--traders {traders!r}: {error}", "for example --traders 3,11") from error

    def say(line: str) -> None:
        typer.echo(line, err=as_json)

    resolved = settings.load(overrides={"database_url": database_url})
    me = name or name_of_its_own()
    with metrics_at(metrics_port, resolved.database_url):
        counts = asyncio.run(in_sight(run_worker(resolved, exchange, me, shift, wanted, say)))
    told = asdict(counts)
    told.pop("under_way")
    if as_json:
        emit({"schema": "volgamma.worker/1", "worker": me, **told})
    else:
        typer.echo(", ".join(f"{value} {key.replace('_', ' ')}" for key, value in told.items()))


def name_of_its_own() -> str:
    """Machine and process do not tell containers apart: these may share a machine's name, and each counts from 1."""
    import os
    import platform
    import secrets

    return f"{platform.node() or 'worker'}-{os.getpid()}-{secrets.token_hex(3)}"
