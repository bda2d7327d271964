"""How every command speaks: one JSON document on stdout under --json, people's text otherwise, errors on stderr."""

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, ParamSpec

from orchestrator.errors import HostError

P = ParamSpec("P")


def emit(document: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, sort_keys=False, allow_nan=False, ensure_ascii=True) + "\n")


def fail(error: HostError, *, as_json: bool) -> int:
    """Say what happened and the remedy; the exit code."""
    if as_json:
        emit({"error": {"code": error.code, "message": error.message, "remedy": error.remedy}})
    sys.stderr.write(f"volgamma: {error.message}\n  remedy: {error.remedy}\n")
    return error.exit_code


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Turn HostError into one clear line and the right exit code. The command's `as_json` flag is honoured."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        import typer

        try:
            function(*args, **kwargs)
        except HostError as error:
            raise typer.Exit(fail(error, as_json=bool(kwargs.get("as_json", False)))) from None
        except KeyboardInterrupt:
            sys.stderr.write("volgamma: interrupted\n")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise typer.Exit(1) from None

    return wrapped
