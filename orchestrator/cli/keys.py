"""`volgamma keys`: a venue's keys in the system's keyring. They are typed in or read from stdin, never an argument."""

from typing import Annotated

import typer

from orchestrator.cli import completion
from orchestrator.cli.output import command, emit

Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
VenueName = Annotated[str, typer.Argument(help="binanceusdm, bybit, okx or bitget", autocompletion=completion.venues)]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Keys of venues, in the system's keyring. See docs/keys.md.")
    group.command(
        "set", help="Keep the keys of a venue (asks, or reads one part a line), e.g. `volgamma keys set okx`."
    )(set_)
    group.command("list", help="Where keys are; never what they are, e.g. `volgamma keys list --json`.")(list_)
    group.command("delete", help="Remove the keys of a venue, e.g. `volgamma keys delete okx`.")(delete)
    app.add_typer(group, name="keys")


@command
def set_(venue: VenueName, as_json: Json = False) -> None:
    """Ask for every part, without showing it, and keep them."""
    import sys

    from pydantic import SecretStr

    from orchestrator import keys

    name = keys.known(venue)
    ring = keys.require_ring()
    if sys.stdin.isatty():
        values = {
            part: SecretStr(typer.prompt(f"{name} {part}", hide_input=True, err=True)) for part in keys.PARTS[name]
        }
    else:
        lines = sys.stdin.read().splitlines()
        values = {part: SecretStr(line) for part, line in zip(keys.PARTS[name], lines, strict=False)}
    keys.store(name, values, ring)
    _say(name, "kept in the keyring; `volgamma live check --exchange " + name + "` tells what it may do", as_json)


@command
def list_(as_json: Json = False) -> None:
    """Sources and missing parts of every venue."""
    from orchestrator import keys, settings

    ring = keys.system_ring()
    found = keys.states(settings.load().environment, ring)
    if as_json:
        rows = [{"venue": one.venue, "source": one.source, "missing": list(one.missing)} for one in found]
        emit({"schema": "volgamma.keys/1", "keyring": ring is not None, "venues": rows})
        return
    for one in found:
        if one.source is None:
            said = "none"
        else:
            said = one.source + (f", INCOMPLETE: {', '.join(one.missing)} missing" if one.missing else "")
        typer.echo(f"{one.venue:<13}{said}")
    if ring is None:
        typer.echo("no keyring on this system: use the environment (docs/keys.md)")


@command
def delete(venue: VenueName, as_json: Json = False) -> None:
    """Remove every part."""
    from orchestrator import keys

    name = keys.known(venue)
    gone = keys.delete(name, keys.require_ring())
    _say(name, "removed from the keyring" if gone else "there were none in the keyring", as_json)


def _say(venue: str, text: str, as_json: bool) -> None:
    if as_json:
        emit({"schema": "volgamma.keys_change/1", "venue": venue, "done": text})
    else:
        typer.echo(f"{venue}: {text}")
