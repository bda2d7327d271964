"""`volgamma kill` and `volgamma resume`: the kill switch."""

from typing import Annotated

import typer

from orchestrator.cli.output import command, emit
from orchestrator.cli.person import now_ms, who

Why = Annotated[str, typer.Option("--why", help="reason, kept with the change")]
Who = Annotated[str | None, typer.Option("--who", help="author; by default the name you are logged in with")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("kill", help='Stop all new risk at once, e.g. `volgamma kill --why "exchange news"`.')(kill)
    app.command("resume", help='Allow entries again, e.g. `volgamma resume --why "checked"`.')(resume)


@command
def kill(
    flatten: Annotated[bool, typer.Option("--flatten", help="ask for open pairs to be closed too")] = False,
    why: Why = "by hand",
    who_: Who = None,
    as_json: Json = False,
) -> None:
    """Throw the kill switch. Exits, stops and protection keep working."""
    from orchestrator import kill_switch, settings

    done = kill_switch.kill(settings.load(), who(who_), why, now_ms(), flatten)
    _say(True, flatten, done, as_json)


@command
def resume(
    drawdown: Annotated[
        bool, typer.Option("--drawdown", help="release the drawdown latch too; drawdown is then measured anew")
    ] = False,
    why: Why = "by hand",
    who_: Who = None,
    as_json: Json = False,
) -> None:
    """Release the kill switch. A thrown drawdown latch is named, and stays unless it is asked for."""
    from orchestrator import kill_switch, settings

    resolved = settings.load()
    done = kill_switch.resume(resolved, who(who_), why, now_ms())
    done += kill_switch.release_drawdown(resolved, who(who_), why, now_ms(), really=drawdown)
    _say(False, False, done, as_json)


def _say(killed: bool, flatten: bool, done: list[str], as_json: bool) -> None:
    if as_json:
        emit({"schema": "volgamma.kill/1", "killed": killed, "flatten": flatten, "done": done})
    else:
        for line in done:
            typer.echo(line)
