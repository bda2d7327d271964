"""`volgamma alerts`: what people are told unasked, and whether it arrives."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.output import command, emit

if TYPE_CHECKING:
    from orchestrator.alerts.events import Kind, Message
    from orchestrator.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Messages to people: Telegram, Discord, e-mail and many more.")
    group.command("test", help="Send one message to every address, e.g. `VOLGAMMA_ALERTS=... volgamma alerts test`.")(
        send_test
    )
    group.command("list", help="Alerts that were told and what became of them, e.g. `volgamma alerts list --limit 5`.")(
        list_
    )
    group.command("kinds", help="Every alert, what it means, what to do, e.g. `volgamma alerts kinds --json`.")(kinds)
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
    _keep(chosen, Kind.DIGEST if digest else Kind.TEST, message, rows)
    if not all(row["delivered"] for row in rows):
        raise typer.Exit(3)


def _keep(chosen: "Settings", kind: "Kind", message: "Message", rows: "Sequence[Mapping[str, object]]") -> None:
    """Among what was told. A database that cannot be had is no reason for a test to fail."""
    import contextlib

    from db.alerts_repository import AlertsRepository
    from orchestrator.alerts.sender import DELIVERED, FAILED
    from orchestrator.clock import SystemClock
    from orchestrator.errors import HostError
    from orchestrator.storage import opened

    services = {str(row["service"]): DELIVERED if row["delivered"] else f"{FAILED}: {row['problem']}" for row in rows}
    told = {
        "kind": kind.value,
        "severity": message.severity,
        "title": message.title.removeprefix("volgamma: "),
        "text": message.text,
        "held_back": False,
        "services": services,
    }
    with contextlib.suppress(HostError), opened(chosen) as database:
        AlertsRepository(database).keep([(SystemClock().now_ms(), "volgamma alerts test", told)])


@command
def list_(
    limit: Annotated[int, typer.Option(help="the newest so many; 500 are kept", min=1, max=500)] = 50,
    as_json: Json = False,
) -> None:
    """What was told, newest first; services by name, addresses never."""
    import textwrap

    from orchestrator import settings
    from orchestrator.alerts.told import told
    from orchestrator.cli.text import when
    from orchestrator.clock import SystemClock
    from orchestrator.storage import opened

    chosen = settings.load()
    with opened(chosen) as database:
        rows, total = told(database, SystemClock().now_ms(), limit)
    if as_json:
        emit({"schema": "volgamma.alerts_told/1", "kept": total, "alerts": [row.document() for row in rows]})
        return
    if not rows:
        typer.echo("nothing was told yet" + ("" if chosen.alerts else ": no address is set, see VOLGAMMA_ALERTS"))
        return
    for row in rows:
        became = [f"{one.service} {one.state}{f' ({one.why})' if one.why else ''}" for one in row.outcomes]
        typer.echo(f"{when(row.at)}  {row.severity:<8} {row.title}")
        said = [line for part in row.text.splitlines() for line in textwrap.wrap(part, 96)]
        for line in (*said, f"[{'held back by the rate' if row.held_back else ', '.join(became)}; {row.by}]"):
            typer.echo(f"    {line}")
    if len(rows) < total:
        typer.echo(f"{total - len(rows)} older ones: --limit {total}")


@command
def kinds(as_json: Json = False) -> None:
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
