"""`volgamma init`: a commented settings file to start from."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.output import command, emit
from orchestrator.errors import HostError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Write a commented volgamma.toml, e.g. `volgamma init`.")(init)


@command
def init(
    file: Annotated[Path, typer.Argument(help="where to")] = Path("volgamma.toml"),
    force: Annotated[bool, typer.Option("--force", help="replace a file that is there")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Write the file."""
    from orchestrator.settings_file import template

    if file.exists() and not force:
        raise HostError("file_exists", f"{file} is there already", "edit it, name another file, or use --force")
    try:
        file.write_text(template(), encoding="utf-8")
    except OSError as error:
        raise HostError("cannot_write", f"{file}: {error.strerror}", "name a file you may write") from error
    if as_json:
        emit({"schema": "volgamma.init/1", "file": str(file)})
    else:
        typer.echo(f"{file} written: everything in it is commented out; next: `volgamma doctor`")
