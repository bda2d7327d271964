"""`volgamma kill` and `volgamma resume`: the kill switch."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.output import command, emit
from orchestrator.cli.person import now_ms, who
from orchestrator.errors import HostError

if TYPE_CHECKING:
    from orchestrator.keeping import Keeping
    from orchestrator.settings import Settings

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
    """Throw the kill switch. Exits, stops and protection keep working.

    Where --flatten finds nobody to close an open pair it says so; the request stands, and the next run carries it out.
    """
    from orchestrator import kill_switch, settings
    from orchestrator.keeping import NOBODY_ALIVE

    resolved = settings.load()
    done = kill_switch.kill(resolved, who(who_), why, now_ms(), flatten)
    found = _looked(resolved, done)
    alone = () if found is None or not flatten else found.left_alone
    if found is not None and alone:
        if not found.alive:
            done.append(NOBODY_ALIVE)
        else:
            done += [f"{pair.text}: it will not be closed until somebody does" for pair in alone]
        done += [f"start `{pair.remedy}`, or close by hand at the exchange" for pair in alone]
    _say(True, flatten, done, found, as_json)


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
    _say(False, False, done, _looked(resolved, done), as_json)


def _looked(resolved: "Settings", done: list[str]) -> "Keeping | None":
    """What the switch is over. The switch is thrown by then: nothing that cannot be read may look like a failure."""
    from orchestrator.keeping import keeping

    try:
        return keeping(resolved)
    except HostError as error:
        done.append(f"which pairs are open, and who keeps them, cannot be read: {error.message}")
        return None


def _say(killed: bool, flatten: bool, done: list[str], found: "Keeping | None", as_json: bool) -> None:
    unknown = {"database": None, "open_pairs": None, "kept_by": None}
    if as_json:
        fields = unknown if found is None else found.fields()
        emit({"schema": "volgamma.kill/1", "killed": killed, "flatten": flatten, "done": done, **fields})
        return
    for line in [*done, *([] if found is None else found.lines())]:
        typer.echo(line)
