"""Much work over processes, here or on a Dask cluster: the one seam through which runs are spread.

Items and results are JSON documents, so a result can be kept in a file and a second run skips what is there. An item
that fails, or whose worker is killed, is tried once more, by itself; what fails twice is reported and nothing else is
lost with it.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import HostError
from orchestrator.simulation import done_results
from traders.contract.base import content_hash

Item = Mapping[str, Any]
Work = Callable[[Item], Any]
_TRIES = 2
_KILLED = "its worker process was killed or ran out of memory"


@dataclass(frozen=True)
class Result:
    """What came of one item: `value` as `work` returned it, or `error`. `kept`: taken from the file, not computed."""

    item: Item
    key: str
    value: Any = None
    error: str | None = None
    kept: bool = False


@dataclass(frozen=True)
class _Task:
    item: Item
    key: str
    tries: int = 0


def default_workers() -> int:
    """One processor is left to the person at the machine."""
    return max(1, (os.cpu_count() or 2) - 1)


def submit(
    items: Iterable[Item],
    work: Work,
    *,
    workers: int | None = None,
    done_file: Path | None = None,
    progress: str | None = None,
    scheduler: str | None = None,
) -> Iterator[Result]:
    """Results as they come, each item once; equal items are one. `workers` 1 computes in this process.

    `work` is a function of a module and returns JSON. With `done_file`, results are appended there as JSON lines under
    the hash of their item, and items found there are not computed again. `progress` names a bar on stderr, drawn only
    on a terminal. With `scheduler` (tcp://host:8786) the work is done by that cluster's workers instead. Raises
    HostError when `done_file` cannot be read or written, or the cluster does not answer.
    """
    tasks = {key: _Task(item, key) for item in items for key in (content_hash(item),)}
    before = {} if done_file is None else done_results.read(done_file)
    kept = {key: value for key, value in before.items() if key in tasks}
    waiting = deque(task for key, task in tasks.items() if key not in kept)
    with _bar(progress, len(tasks)) as advance:
        for key, value in kept.items():
            advance()
            yield Result(tasks[key].item, key, value, kept=True)
        if not waiting:
            return
        count = default_workers() if workers is None else workers
        if scheduler is not None:
            results = _clustered(waiting, work, scheduler)
        elif count <= 1:
            results = _inline(waiting, work)
        else:
            results = _spread(waiting, work, min(count, len(waiting)))
        for result in results:
            if done_file is not None and result.error is None:
                done_results.append(done_file, result.key, result.item, result.value)
            advance()
            yield result


def _inline(waiting: deque[_Task], work: Work) -> Iterator[Result]:
    for task in waiting:
        yield _computed(task, work)


def _clustered(waiting: deque[_Task], work: Work, scheduler: str) -> Iterator[Result]:
    from orchestrator.simulation.cluster import clustered

    items = {task.key: task.item for task in waiting}
    for key, value, error in clustered(items, work, scheduler, _TRIES):
        yield Result(items[key], key, value, error)


def _computed(task: _Task, work: Work) -> Result:
    error = ""
    for _ in range(_TRIES):
        try:
            return Result(task.item, task.key, work(task.item))
        except Exception as failure:  # whatever one item raises must not end the others
            error = _said(failure)
    return Result(task.item, task.key, error=error)


def _spread(waiting: deque[_Task], work: Work, workers: int) -> Iterator[Result]:
    """Never more items under way than workers: when a worker dies, only those can be to blame."""
    suspects: deque[_Task] = deque()
    while waiting:
        with _pool(workers) as pool:
            under_way: dict[Future[Any], _Task] = {}
            broken = False
            try:
                while under_way or (waiting and not broken):
                    while waiting and not broken and len(under_way) < workers:
                        under_way[pool.submit(work, waiting[0].item)] = waiting[0]
                        waiting.popleft()
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        task = under_way.pop(future)
                        failure = future.exception()
                        if failure is None:
                            yield Result(task.item, task.key, future.result())
                        elif isinstance(failure, BrokenProcessPool):
                            broken = True
                            suspects.append(task)
                        elif task.tries + 1 < _TRIES:
                            waiting.append(_Task(task.item, task.key, task.tries + 1))
                        else:
                            yield Result(task.item, task.key, error=_said(failure))
            except BrokenProcessPool:  # it broke while an item was handed over
                suspects.extend(under_way.values())
        while suspects:
            yield _alone(suspects.popleft(), work)


def _alone(task: _Task, work: Work) -> Result:
    """In a process of its own: if that is killed too, it is this item's doing."""
    with _pool(1) as pool:
        try:
            return Result(task.item, task.key, pool.submit(work, task.item).result())
        except BrokenProcessPool:
            return Result(task.item, task.key, error=_KILLED)
        except Exception as failure:
            return Result(task.item, task.key, error=_said(failure))


def _pool(workers: int) -> ProcessPoolExecutor:
    """Fresh interpreters: nothing of this process (threads, open databases) goes with them, on any system."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_on_interrupt)


def _end_on_interrupt() -> None:
    """Ctrl-C ends a worker at once and in silence; the main process says what happened."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _said(failure: BaseException) -> str:
    return str(failure) if isinstance(failure, HostError) else f"{type(failure).__name__}: {failure}"


def _bar(words: str | None, total: int) -> AbstractContextManager[Callable[[], None]]:
    if words is None:
        return nullcontext(lambda: None)
    from orchestrator.simulation.progress import bar

    return bar(words, total)
