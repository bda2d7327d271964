"""Which mutants do the guard's tests kill? One forked process a mutant, from a parent that has collected the tests.

A change inside a function replaces that function's code in a process in which everything is imported already; only
the tests that call the function run, those that killed its earlier mutants first. A change that is made when its
module is imported (a constant, a decorator) gets a process that imports the changed module and collects anew.
"""

import ast
import gc
import importlib.abc
import importlib.util
import mmap
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal

import hypothesis
import numpy  # noqa: F401  (what every process needs is imported once, before the first fork)
import pydantic  # noqa: F401
import pytest

from tests.mutation.mutants import MODULE_LEVEL, ROOT, Mutant, Source

Fate = Literal["killed", "survived", "timed out", "untested", "broken"]
#: A mutant that makes a loop endless must not hold up the others, nor eat the machine. CPU seconds do not depend on
#: what else the machine does; the deadline is for a mutant that waits.
CPU_SECONDS_EACH = 40
SECONDS_EACH = 300
BYTES_EACH = 8 << 30
#: Exit status of a mutant's process.
_SURVIVED, _KILLED, _BROKEN = 0, 1, 2
_ARGUMENTS = (
    "-qq",
    "-x",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:benchmark",
)


def fates(sources: Sequence[Source], files: Sequence[str], jobs: int) -> Iterator[tuple[Mutant, Fate]]:
    """Each mutant with what became of it, in no particular order. `files`: the test files, below the project."""
    _settle_hypothesis()
    yield from _module_level(sources, files, jobs)
    pool = _Collected(sources, jobs)
    arguments = [*_ARGUMENTS, *(str(ROOT / name) for name in files)]
    with _silence():
        status = pytest.main(arguments, plugins=[pool])
    if pool.problem or status != pytest.ExitCode.OK:
        raise SystemExit(pool.problem or f"the tests could not be collected (pytest: {status})")
    yield from pool.done


def _settle_hypothesis() -> None:
    """The same examples every time, and no time spent on making a counterexample small."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutation", derandomize=True, phases=phases, database=None, deadline=None)
    hypothesis.settings.load_profile("mutation")


@contextmanager
def _silence() -> Iterator[None]:
    """pytest's own account of thousands of runs is of no use to anybody."""
    sys.stdout.flush()
    kept = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


class _Race:
    """At most `jobs` children at a time, each with its deadline."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.running: dict[int, tuple[Callable[[int | None], None], float]] = {}

    def run(self, child: Callable[[], None], ended: Callable[[int | None], None]) -> None:
        """Start `child` when there is room; `ended` is told its exit status, None when it was too slow."""
        self.wait(self.jobs - 1)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            _as_child(child)
        self.running[pid] = (ended, time.monotonic() + SECONDS_EACH)

    def wait(self, most: int = 0) -> None:
        """Until at most `most` are running."""
        while len(self.running) > most:
            for pid, (ended, deadline) in list(self.running.items()):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    del self.running[pid]
                    ended(os.waitstatus_to_exitcode(status))
                elif time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    del self.running[pid]
                    ended(None)
            time.sleep(0.003)


def _as_child(child: Callable[[], None]) -> None:
    status = _BROKEN
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        resource.setrlimit(resource.RLIMIT_AS, (BYTES_EACH, BYTES_EACH))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_EACH, CPU_SECONDS_EACH))
        child()
        status = _SURVIVED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _fate(mutant: Mutant, status: int | None) -> Fate:
    """What the exit status means. What is not killed is shown as soon as it is known: a whole run takes minutes."""
    if status is None or status == -signal.SIGXCPU:
        fate: Fate = "timed out"
    elif status == _BROKEN:
        fate = "broken"
    else:
        fate = "survived" if status == _SURVIVED else "killed"
    if fate != "killed":
        print(fate, *mutant.key, sep=" | ", file=sys.stderr, flush=True)
    return fate


# Changes made when a module is imported


def _module_level(sources: Sequence[Source], files: Sequence[str], jobs: int) -> Iterator[tuple[Mutant, Fate]]:
    loaded = [source.module for source in sources if source.module in sys.modules]
    assert not loaded, f"already imported, so no change to it would be seen: {loaded}"
    done: list[tuple[Mutant, Fate]] = []
    race = _Race(jobs)
    for source in sources:
        for mutant in source.mutants:
            if mutant.function == MODULE_LEVEL:
                race.run(
                    lambda source=source, mutant=mutant: _import_and_test(source, mutant, files),
                    lambda status, mutant=mutant: done.append((mutant, _fate(mutant, status))),
                )
    race.wait()
    yield from done


def _import_and_test(source: Source, mutant: Mutant, files: Sequence[str]) -> None:
    mutant.apply()
    sys.meta_path.insert(0, _Changed(source.module, _compiled(source)))
    with _silence():
        status = pytest.main([*_ARGUMENTS, *(str(ROOT / name) for name in files)])
    if status in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):  # interrupted: it cannot be imported
        os._exit(_KILLED)
    if status != pytest.ExitCode.OK:
        raise RuntimeError(f"pytest ended with {status}")


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from changed code."""

    def __init__(self, module: str, code: CodeType) -> None:
        self.module, self.code = module, code

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=self.code.co_filename)

    def exec_module(self, module: ModuleType) -> None:
        exec(self.code, module.__dict__)


# Changes inside a function


class _Collected:
    """A pytest plugin: once the tests are collected, it runs them against mutant after mutant instead of once."""

    def __init__(self, sources: Sequence[Source], jobs: int) -> None:
        self.sources, self.jobs = sources, jobs
        self.done: list[tuple[Mutant, Fate]] = []
        self.problem = ""
        self.kills: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._mutating = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        callers = self._callers(session)
        if self.problem:
            return True
        paths = {str(source.path) for source in self.sources}
        functions = [
            thing
            for thing in gc.get_objects()
            if isinstance(thing, FunctionType) and thing.__code__.co_filename in paths
        ]
        gc.freeze()
        race = _Race(self.jobs)
        for source in self.sources:
            original = compile(source.path.read_text(encoding="utf-8"), str(source.path), "exec", dont_inherit=True)
            for mutant in source.mutants:
                if mutant.function == MODULE_LEVEL:
                    continue
                numbers = callers.get((source.module, mutant.function), [])
                if not numbers:
                    self.done.append((mutant, "untested"))
                    continue

                def change(source: Source = source, mutant: Mutant = mutant, original: CodeType = original) -> None:
                    mutant.apply()
                    _put_in_place(functions, original, _compiled(source))

                self._start(race, session, mutant, change, numbers)
        race.wait()
        return True

    def _start(
        self, race: _Race, session: pytest.Session, mutant: Mutant, change: Callable[[], None], numbers: list[int]
    ) -> None:
        known = self.kills[mutant.module, mutant.function]
        order = list(dict.fromkeys([*reversed(known), *numbers]))
        told = mmap.mmap(-1, mmap.PAGESIZE)

        def child() -> None:
            change()
            for place, number in enumerate(order):
                told[:8] = number.to_bytes(8, "little")
                self._mutating = True
                following = session.items[order[place + 1]] if place + 1 < len(order) else None
                session.config.hook.pytest_runtest_protocol(item=session.items[number], nextitem=following)

        def ended(status: int | None) -> None:
            fate = _fate(mutant, status)
            if fate == "killed":
                known.append(int.from_bytes(told[:8], "little"))
            told.close()
            self.done.append((mutant, fate))

        race.run(child, ended)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            if self._mutating:
                os._exit(_KILLED)
            self.problem = f"{report.nodeid} fails without any mutation: {report.longreprtext[-2000:]}"

    def _callers(self, session: pytest.Session) -> dict[tuple[str, str], list[int]]:
        """Which tests call a function, shortest first: each is run once, unchanged, in a process of its own so that
        nothing is remembered from it."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            with os.fdopen(writer, "wb") as out:
                called = self._watch_all(session)
                pickle.dump((called, self.problem), out)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            called, self.problem = pickle.load(answer)  # noqa: S301  (our own child's)
        os.waitpid(pid, 0)
        return {function: [number for _, number in sorted(tests)] for function, tests in called.items()}

    def _watch_all(self, session: pytest.Session) -> dict[tuple[str, str], list[tuple[float, int]]]:
        module_of = {str(source.path): source.module for source in self.sources}
        called: dict[tuple[str, str], list[tuple[float, int]]] = {}
        for number, item in enumerate(session.items):
            following = session.items[number + 1] if number + 1 < len(session.items) else None
            codes: set[CodeType] = set()
            with _watched(codes):
                started = time.perf_counter()
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                took = time.perf_counter() - started
            mine = {(module_of[code.co_filename], _outermost(code)) for code in codes if code.co_filename in module_of}
            for function in mine:
                called.setdefault(function, []).append((took, number))
            if self.problem:
                break
        return called


@contextmanager
def _watched(codes: set[CodeType]) -> Iterator[None]:
    def watch(frame: Any, event: str, argument: object) -> None:
        if event == "call":
            codes.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)


def _outermost(code: CodeType) -> str:
    return code.co_qualname.split(".<locals>")[0]


def _compiled(source: Source) -> CodeType:
    return compile(ast.fix_missing_locations(source.tree), str(source.path), "exec", dont_inherit=True)


def _inner(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _pairs(original: CodeType, changed: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    yield original, changed
    if len(_inner(original)) == len(_inner(changed)):
        for before, after in zip(_inner(original), _inner(changed), strict=True):
            yield from _pairs(before, after)


def _put_in_place(functions: list[FunctionType], original: CodeType, changed: CodeType) -> None:
    """A function that was made inside another one gets the new code when the outer one runs."""
    new = {before: after for before, after in _pairs(original, changed) if before != after}
    replaced = 0
    for function in functions:
        after = new.get(function.__code__)
        if after is not None and len(after.co_freevars) == len(function.__code__.co_freevars):
            function.__code__ = after
            replaced += 1
    if not replaced:
        raise LookupError("the changed function is not in this process")
