"""The command line. Each command is a file beside this one; heavy imports stay inside the commands."""

import sys
from importlib import import_module
from typing import Annotated

import typer

from orchestrator.cli.output import redacting_hook
from orchestrator.cli.wrong_usage import Root

#: Modules of this folder with a `register(app)`, in the order shown by --help.
COMMANDS: tuple[str, ...] = (
    "decide",
    "run",
    "worker",
    "guard",
    "replay",
    "simulate",
    "census",
    "data",
    "evaluate",
    "journal",
    "constraints",
    "hedge",
    "funding",
    "ledger",
    "exchange",
    "venues",
    "llm",
    "traders",
    "kill",
    "dashboard",
    "alerts",
    "keys",
    "live",
    "database",
    "schema",
    "init",
    "doctor",
)

app = typer.Typer(
    name="volgamma",
    cls=Root,
    help="Trader #11 VolatilityGamma: decide, judge, trade on paper, replay.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from orchestrator.version import in_words

        typer.echo(f"volgamma {in_words()}, Python {sys.version.split()[0]}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="version, commit where known, and Python"),
    ] = False,
) -> None:
    """What holds for all commands."""


def main() -> None:
    """Entry point of `volgamma`."""
    sys.excepthook = redacting_hook
    for name in COMMANDS:
        import_module(f"orchestrator.cli.{name}").register(app)
    app()
