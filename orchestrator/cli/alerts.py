"""`volgamma alerts`: what people are told unasked, and whether it arrives."""

from typing import Annotated

import typer

from orchestrator.cli.output import command, emit

Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Messages to people: Telegram, Discord, e-mail and many more.")
    group.command("test", help="Send one message to every address, e.g. `VOLGAMMA_ALERTS=... volgamma alerts test`.")(
        send_test
    )
    group.command("list", help="Every alert, what it means, what to do, e.g. `volgamma alerts list --json`.")(list_)
    app.add_typer(group, name="alerts")


@command
def send_test(
    digest: Annotated[bool, typer.Option("--digest", help="send the daily digest, picture included")] = False,
    as_json: Json = False,
) -> None:
    """Send now; exit code 3 when an address did not take it."""
    import time

    from orchestrator import settings
    from orchestrator.alerts.events import ABOUT, Kind, Message
    from orchestrator.alerts.sender import channels, deliver
    from orchestrator.alerts.watch import digest_message
    from orchestrator.errors import HostError
    from orchestrator.storage import opened

    chosen = settings.load()
    if not chosen.alerts:
        raise HostError(
            "no_alerts",
            "no address is set",
            "set VOLGAMMA_ALERTS, for example tgram://TOKEN/CHAT; https://github.com/caronc/apprise lists all kinds",
        )
    message = Message(ABOUT[Kind.TEST].severity, "volgamma: test", "This is what an alert looks like.")
    if digest:
        with opened(chosen) as database:
            message = digest_message(database)
    rows = []
    for channel in channels(chosen.alerts):
        begun = time.monotonic()
        done = deliver(channel, message)
        rows.append(
            {
                "service": channel.service,
                "delivered": done,
                "ms": round((time.monotonic() - begun) * 1000),
                "problem": channel.problem,
            }
        )
    if as_json:
        emit({"schema": "volgamma.alerts_test/1", "channels": rows})
    else:
        for row in rows:
            said = "delivered" if row["delivered"] else f"NOT delivered: {row['problem']}"
            typer.echo(f"{row['service']}: {said} ({row['ms']} ms)")
    if not all(row["delivered"] for row in rows):
        raise typer.Exit(3)


@command
def list_(as_json: Json = False) -> None:
    """What is told, and to which services; addresses are never shown."""
    import textwrap

    from orchestrator import settings
    from orchestrator.alerts.events import ABOUT
    from orchestrator.alerts.sender import channels

    chosen = settings.load()
    services = [channel.service for channel in channels(chosen.alerts)] if chosen.alerts else []
    if as_json:
        rows = [
            {
                "kind": kind.value,
                "severity": about.severity,
                "urgent": about.urgent,
                "again_after_s": about.again_after // 1000,
                "meaning": about.meaning,
                "remedy": about.remedy,
            }
            for kind, about in ABOUT.items()
        ]
        emit({"schema": "volgamma.alerts/1", "services": services, "alerts": rows})
        return
    typer.echo(f"to: {', '.join(services) or 'nobody; set VOLGAMMA_ALERTS'}")
    for kind, about in ABOUT.items():
        typer.echo(f"{kind.value:<18}{about.severity}{', urgent' if about.urgent else ''}")
        for line in (*textwrap.wrap(about.meaning, 96), *textwrap.wrap(f"-> {about.remedy}", 96)):
            typer.echo(" " * 18 + line)
