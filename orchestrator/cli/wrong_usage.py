"""Wrong usage under --json: the error document on stdout too, as for every other failure; people's words stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from orchestrator.cli.output import document_of, emit
from orchestrator.errors import UsageError

_JSON = "volgamma.json"


class Root(TyperGroup):
    """The root of the command line. Options are parsed before a command's own code could say anything."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember whether a document was asked for; what follows a bare `--` is no option."""
        options = args[: args.index("--")] if "--" in args else args
        ctx.meta[_JSON] = "--json" in options
        with _told(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _told(ctx):
            return super().invoke(ctx)


@contextmanager
def _told(ctx: Any) -> Iterator[None]:
    try:
        yield
    except _kind() as error:
        if ctx.meta.get(_JSON):
            path = getattr(getattr(error, "ctx", None), "command_path", None) or ctx.command_path
            said = UsageError("usage", error.format_message(), f"see `{path} --help`")
            emit({"error": document_of(said)})
        raise


def _kind() -> Any:
    """Typer's own wrong usage: the class above its one public kind of it, wherever this release keeps it."""
    return typer.BadParameter.__mro__[1]
