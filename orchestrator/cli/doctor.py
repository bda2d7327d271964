"""`volgamma doctor`: diagnosis of the set-up, with remedies."""

from typing import Annotated

import typer

from orchestrator.cli.output import command, emit


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", help="Check the set-up and name remedies, e.g. `volgamma doctor --json`.")(doctor)


@command
def doctor(as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False) -> None:
    """Check the set-up; exit code 3 when something is broken."""
    import textwrap
    from dataclasses import asdict

    from orchestrator import settings
    from orchestrator.doctor import diagnose

    findings = diagnose(settings.load())
    if as_json:
        emit({"schema": "volgamma.doctor/1", "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            head = f"{finding.status:<5}{finding.check:<13}"
            for line in textwrap.wrap(head + finding.detail, 80, subsequent_indent=" " * 18):
                typer.echo(line)
            if finding.remedy:
                for line in textwrap.wrap(f"remedy: {finding.remedy}", 62):
                    typer.echo(" " * 18 + line)
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(3)
