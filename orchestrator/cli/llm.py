"""`volgamma llm serve`: the embedded model, or any GGUF file, as an OpenAI-compatible server on loopback."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.output import command, emit

group = typer.Typer(help="The embedded language model.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="llm")


@group.command("serve", help="Serve the embedded model on loopback, e.g. `volgamma llm serve --port 8931`.")
@command
def serve(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="default: llm_port of the settings, 8931")] = None,
    gguf: Annotated[Path | None, typer.Option(help="any GGUF file instead of the embedded model")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="default: half the logical cores")] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True, help="end when stdin closes")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document when ready")] = False,
) -> None:
    """Serve until interrupted, or until stdin closes."""
    import signal
    import sys
    import threading

    from orchestrator.local_model import serve as start
    from orchestrator.settings import load

    settings = load()
    chosen = port or settings.llm_port
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    if with_parent:
        # the parent holds the other end of stdin; its death, however it comes, ends this process at once
        threading.Thread(target=_end_with_parent, daemon=True).start()
    stop = start(gguf, chosen, settings.data_dir, threads=threads)
    url = f"http://127.0.0.1:{chosen}/v1"
    if as_json:
        emit({"base_url": url, "ready": True})
    else:
        sys.stdout.write(f"ready: OPENAI_BASE_URL={url}\n")
    sys.stdout.flush()
    done.wait()
    stop()


def _end_with_parent() -> None:
    import os
    import sys

    sys.stdin.buffer.read()
    os._exit(0)
