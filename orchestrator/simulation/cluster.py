"""Work over a Dask cluster (extra `dask`): the same items, results and failures as over local processes.

Dask moves an item of a lost worker to another by itself; one that took several workers with it is given up.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

from orchestrator.errors import HostError

_CONNECT_S = 10
_START = "start one with `dask scheduler`, and workers with `dask worker tcp://HOST:8786` (docs/simulation.md)"


def clustered(
    items: Mapping[str, Mapping[str, Any]], work: Callable[..., Any], address: str, tries: int
) -> Iterator[tuple[str, Any, str | None]]:
    """(key, value, error) of each item as they come. `items` by key. Raises HostError where there is no cluster.

    Whoever reaches a scheduler can run code on its workers: it belongs on a network of one's own.
    """
    distributed = _library()
    try:
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise HostError(
            "no_scheduler", f"no Dask scheduler answers at {address}: {_first_line(error)}", _START
        ) from error
    with client:
        _check(client, address)
        futures = [
            client.submit(work, item, key=f"volgamma-{key}", retries=tries - 1, pure=False)
            for key, item in items.items()
        ]
        keys = {future.key: key for future, key in zip(futures, items, strict=True)}
        try:
            for future in distributed.as_completed(futures, loop=client.loop):
                failure = future.exception()
                if failure is None:
                    yield keys[future.key], future.result(), None
                else:
                    yield keys[future.key], None, said(failure)
                future.release()
        finally:
            client.cancel([future for future in futures if not future.done()])


def said(failure: BaseException) -> str:
    """A failure in one line."""
    if isinstance(failure, HostError):
        return str(failure)
    if type(failure).__name__ == "KilledWorker":
        return "its worker process was killed or ran out of memory, several times"
    return f"{type(failure).__name__}: {_first_line(failure)}"


def code_version() -> str:
    """What a worker would compute with."""
    return version("volatility-gamma")


def _check(client: Any, address: str) -> None:
    """There are workers, and they are of this version: others would compute something else."""
    try:
        found = client.run(code_version)
    except Exception as error:
        raise HostError(
            "workers_differ",
            f"a worker of {address} cannot load this program: {_first_line(error)}",
            "install the same version of volatility-gamma where the workers run",
        ) from error
    if not found:
        raise HostError("no_workers", f"the scheduler at {address} has no workers", _START)
    if other := {worker: there for worker, there in found.items() if there != code_version()}:
        worker, there = next(iter(other.items()))
        raise HostError(
            "workers_differ",
            f"worker {worker} has version {there}, this is {code_version()}",
            "install the same version on all machines",
        )


def _library() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise HostError("dask_missing", "Dask is not installed", "pip install 'volatility-gamma[dask]'") from error
    return distributed


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
