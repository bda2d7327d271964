"""Real processes that are killed: a warm parent forks them, a child counts its crash points and dies at one.

A crash point lies before and after each HTTP request that changes something at the exchange, and each commit to the
database (before: everything is written, nothing is durable). These are all the effects a process has on the world, so
that a kill anywhere else, say between two reads, leaves what a kill at the point before it leaves.
Forking takes milliseconds where a fresh interpreter would need seconds for its imports; so whatever a child is going to
import is imported here. Fork only from plain synchronous code: no event loop may exist in the parent.
"""

import asyncio
import functools
import importlib
import json
import os
import re
import signal
import sys
import time
import traceback
import urllib.request
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import event

from orchestrator.desk import Desk
from orchestrator.paper_exchange import server
from orchestrator.paper_exchange.server import ExchangeConfig
from orchestrator.paper_exchange.synthetic import SyntheticMarket

Work = Callable[[], Coroutine[Any, Any, None]]
_KILLED = 128 + signal.SIGKILL
for _name in (
    "ccxt.async_support",
    "pyarrow.feather",
    "pyarrow.pandas_compat",
    "data_fetchers.collector",
    "data_fetchers.venue",
    "db.constraints_repository",
    "db.journal_repository",
    "indicators.cascade",
    "indicators.correlation",
    "indicators.liquidation_levels",
    "indicators.walls",
    "orchestrator.paper_session",
    "traders.volatility_gamma",
):
    importlib.import_module(_name)


class HastyClock:
    """Real time, except that a sleep passes at once: what waits for seconds need not take them."""

    def __init__(self) -> None:
        self._skipped_ms = 0.0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + int(self._skipped_ms)

    def monotonic_ms(self) -> float:
        return time.monotonic_ns() / 1_000_000 + self._skipped_ms

    async def sleep(self, seconds: float) -> None:
        self._skipped_ms += seconds * 1000
        await asyncio.sleep(0)


@dataclass
class Points:
    """Counts crash points, writes each to `log` as it is reached, and kills its own process at number `fatal`."""

    log: Path
    fatal: int | None = None
    _count: int = 0

    def reached(self, name: str) -> None:
        with self.log.open("a") as handle:
            handle.write(name + "\n")
        if self._count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self._count += 1

    def watch(self, desk: Desk) -> None:
        """Every request of the desk's exchange and every commit of its database from now on."""
        self._watch_requests(desk.exchange)
        self._watch_commits(desk.store.database)

    def _watch_requests(self, exchange: Any) -> None:
        send = exchange.fetch

        async def fetch(url: str, method: str = "GET", *rest: Any, **named: Any) -> Any:
            if method == "GET":  # changes nothing anywhere
                return await send(url, method, *rest, **named)
            name = f"{method} {urlsplit(url).path}"
            self.reached(f"before {name}")
            answer = await send(url, method, *rest, **named)
            self.reached(f"after {name}")
            return answer

        exchange.fetch = fetch

    def _watch_commits(self, database: Any) -> None:
        write, statement = database.write, ""

        @contextmanager
        def watched() -> Iterator[Any]:
            nonlocal statement
            with write() as connection:
                yield connection
            if statement:
                self.reached(f"after commit of {statement}")
            statement = ""

        def noted(_: Any, __: Any, text: str, *___: Any) -> None:
            nonlocal statement
            if found := re.match(r"(INSERT|UPDATE|DELETE)\b.*?(\w+)(?: SET| \(| WHERE)", text):
                statement = f"{found[1]} {found[2]}"

        def committing(_: Any) -> None:
            if statement:  # a read ends its transaction too
                self.reached(f"before commit of {statement}")

        event.listen(database.engine, "before_cursor_execute", noted)
        event.listen(database.engine, "commit", committing)
        database.write = watched


@dataclass(frozen=True)
class Ended:
    """How a child ended: killed at a point, or with a return code and what it printed."""

    killed: bool
    code: int
    said: str


def run_in_child(work: Work, said: Path) -> Ended:
    """Fork, run `work` in an event loop of its own, wait for the end."""
    pid = _fork()
    if pid == 0:
        _become(said, work)
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return Ended(killed, _KILLED if killed else os.waitstatus_to_exitcode(status), said.read_text())


@dataclass(frozen=True)
class Exchange:
    """A paper exchange in a process of its own."""

    url: str

    def control(self, path: str, document: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/_control/{path}", json.dumps(document).encode())
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def state(self) -> Any:
        with urllib.request.urlopen(f"{self.url}/_control/state", timeout=120) as answer:
            return json.load(answer)


@contextmanager
def exchange(state: Path) -> Iterator[Exchange]:
    """An exchange whose time stands still, its account kept in `state`; killed at the end of the block."""
    reading, writing = os.pipe()
    market = _market()
    pid = _fork()
    if pid == 0:
        os.close(reading)

        async def serve() -> None:
            # the year of bars before the first moment is the same every time: made once, by the parent
            vars(server)["SyntheticMarket"] = lambda *_: market
            running = await server.start(ExchangeConfig(frozen=True, state_file=state))
            os.write(writing, f"{running.url}\n".encode())
            await asyncio.Event().wait()

        _become(state.with_suffix(".said"), serve)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            url = pipe.readline().strip()
        assert url, state.with_suffix(".said").read_text()
        yield Exchange(url)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@functools.cache
def _market() -> SyntheticMarket:
    return SyntheticMarket(ExchangeConfig.seed, ExchangeConfig.scenario)


def _fork() -> int:
    with warnings.catch_warnings():
        # the test runner has a thread of its own that talks to its master; the child never touches what it holds
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become(said: Path, work: Work) -> None:
    """The rest of a child's life. Nothing of the parent runs after it: no fixtures, no reports, no exit handlers."""
    code = 1
    try:
        target = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, 1)
        os.dup2(target, 2)
        asyncio.run(work())
        code = 0
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        sys.stdout.flush()
        os._exit(code)
