"""The paper exchange of a command: one that already runs, or one of its own whose state stays in the data folder."""

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from orchestrator.errors import HostError
from orchestrator.settings import Settings

STATE_FILE = "paper-exchange.json"


@contextmanager
def data_folder_lock(data_dir: Path, name: str) -> Iterator[None]:
    """Hold a lock file while a command owns the data folder. Raises HostError when another process does."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = (data_dir / f"{name}.lock").open("a+")
    except OSError as error:
        raise HostError(
            "data_dir_unusable", f"the data folder {data_dir} cannot be used: {error}", "set VOLGAMMA_DATA_DIR"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            raise HostError(
                "data_dir_busy",
                f"another volgamma (process {owner}) is using {data_dir}",
                "wait for it, stop it, or choose another folder with VOLGAMMA_DATA_DIR",
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


@asynccontextmanager
async def paper_exchange(settings: Settings) -> AsyncIterator[str]:
    """The URL of a paper exchange for as long as the block runs."""
    if settings.paper_url is not None:
        yield settings.paper_url.rstrip("/")
        return
    from orchestrator.paper_exchange.server import ExchangeConfig, start

    with data_folder_lock(settings.data_dir, "paper-exchange"):
        running = await start(ExchangeConfig(state_file=settings.data_dir / STATE_FILE))
        try:
            yield running.url
        finally:
            await running.stop()
