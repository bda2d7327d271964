"""`volgamma doctor`: diagnosis of the set-up, with remedies."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.output import command, emit

if TYPE_CHECKING:
    from orchestrator.finding import Finding
    from orchestrator.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", help="Check the set-up and name remedies, e.g. `volgamma doctor --json`.")(doctor)


@command
def doctor(
    exchange: Annotated[
        str | None,
        typer.Option(help="venues to ask, comma-separated; default: a running paper exchange, and those with keys"),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="ask nobody: neither venues nor the model's server")
    ] = False,
    ask_model: Annotated[
        bool, typer.Option("--ask-model", help="one small question, to see its structured output (may cost a little)")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Check the set-up; exit code 3 when something is broken."""
    import textwrap
    from dataclasses import asdict

    from orchestrator import settings
    from orchestrator.doctor import diagnose

    chosen = settings.load()
    names = tuple(part.strip().lower() for part in (exchange or "").split(",") if part.strip())
    findings = diagnose(chosen)
    if not offline:
        findings += _asked(chosen, names, ask_model)
    if as_json:
        emit({"schema": "volgamma.doctor/1", "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            head = f"{finding.status:<5}{finding.check:<12} "
            for line in textwrap.wrap(head + finding.detail, 80, subsequent_indent=" " * 18):
                typer.echo(line)
            if finding.remedy:
                for line in textwrap.wrap(f"remedy: {finding.remedy}", 62):
                    typer.echo(" " * 18 + line)
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(3)


def _asked(chosen: "Settings", names: tuple[str, ...], ask_model: bool) -> "list[Finding]":
    import asyncio

    from orchestrator.clock import SystemClock
    from orchestrator.doctor import hidden
    from orchestrator.doctor_network import diagnose_network
    from orchestrator.errors import UsageError
    from orchestrator.keys import PARTS

    for name in names:
        if name != "paper" and name not in PARTS:
            raise UsageError("unknown_exchange", f"no exchange {name!r}", f"paper, {', '.join(PARTS)}")
    return hidden(chosen, asyncio.run(diagnose_network(chosen, SystemClock(), names, ask_model=ask_model)))
