"""`--metrics-port`: meters for the length of a command, and nothing loaded without it."""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def metrics_at(port: int | None, database_url: str) -> Iterator[None]:
    """Serve `/metrics` on this machine's loopback; port None: don't. Raises HostError."""
    if port is None:
        yield
        return
    from orchestrator.observability.meters import serving

    with serving(port, database_url):
        yield


async def in_sight(work: Coroutine[Any, Any, T]) -> T:
    """The work, with the event loop's lag measured where meters are served."""
    from orchestrator.observability import switchboard

    if switchboard.meters is None:
        return await work
    from orchestrator.observability.meters import loop_watched

    async with loop_watched():
        return await work
