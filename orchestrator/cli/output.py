"""How every command speaks: one JSON document on stdout under --json, people's text otherwise, errors on stderr."""

import functools
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec

from orchestrator.errors import HostError
from orchestrator.observability.redaction import Redactor

P = ParamSpec("P")


def emit(document: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, sort_keys=False, allow_nan=False, ensure_ascii=True) + "\n")


def fail(error: HostError, *, as_json: bool) -> int:
    """Say what happened and the remedy, without any secret; the exit code."""
    if as_json:
        emit({"error": document_of(error)})
    return complain(error)


def document_of(error: HostError) -> dict[str, str]:
    """Code, message and remedy, without any secret."""
    hidden = Redactor.of(os.environ)
    return {"code": error.code, "message": hidden.text(error.message), "remedy": hidden.text(error.remedy)}


def complain(error: HostError) -> int:
    """Message and remedy on stderr, for people; the exit code."""
    said = document_of(error)
    sys.stderr.write(f"volgamma: {said['message']}\n  remedy: {said['remedy']}\n")
    return error.exit_code


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Turn HostError into one clear line and the right exit code. The command's `as_json` flag is honoured."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        import typer

        try:
            with _logged():
                function(*args, **kwargs)
        except HostError as error:
            raise typer.Exit(fail(error, as_json=bool(kwargs.get("as_json", False)))) from None
        except KeyboardInterrupt:
            sys.stderr.write("volgamma: interrupted\n")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise typer.Exit(1) from None

    return wrapped


@contextmanager
def _logged() -> Iterator[None]:
    """Logs, where somebody asked for them; nothing is loaded where nobody did."""
    named = Path(os.environ.get("VOLGAMMA_CONFIG", "volgamma.toml"))
    if not any(f"VOLGAMMA_{key}" in os.environ for key in ("LOG_FILE", "LOG_FORMAT")) and not (
        named.is_file() and "log_" in named.read_text(errors="replace")
    ):
        yield
        return
    from orchestrator import settings
    from orchestrator.observability.logs import logging_to

    with logging_to(settings.load()):
        yield


def redacting_hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: the traceback of a defect, without any secret."""
    text = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(Redactor.of(os.environ).text(text))
