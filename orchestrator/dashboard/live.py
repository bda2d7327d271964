"""Server-sent events: a word to every open page when something has changed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from db.alerts_repository import AlertsRepository
from db.journal_search import JournalSearch
from db.pairs_repository import PairsRepository
from orchestrator import kill_switch
from orchestrator.dashboard.house import house
from orchestrator.dashboard.status import read_schedule
from orchestrator.errors import HostError

if TYPE_CHECKING:
    from orchestrator.dashboard.house import House

#: Pages open at once; each holds a connection.
MOST_LISTENERS = 20
_KEEP_ALIVE_S = 15.0
#: The newest of these may still change.
_ALERTS = 20


class Watcher:
    """Looks at the database every few seconds while anybody listens."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._seen: object = None

    @property
    def full(self) -> bool:
        """Whether no further page can listen."""
        return len(self._listeners) >= MOST_LISTENERS

    async def listen(self, request: Request) -> AsyncIterator[str]:
        """Events in the wire format, until the page is gone or the server stops."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=10)
        self._listeners.add(queue)
        try:
            # what was seen before the first word to a page: it looks once more when it hears that, and misses nothing
            if self._task is None or self._task.done():
                seen = await run_in_threadpool(fingerprint, self._house)
                if self._task is None or self._task.done():
                    self._seen = seen
                    self._task = asyncio.create_task(self._watch())
            yield "retry: 3000\nevent: hello\ndata: {}\n\n"
            while not await request.is_disconnected():
                try:
                    message = await asyncio.wait_for(queue.get(), _KEEP_ALIVE_S)
                except TimeoutError:
                    message = ": still here\n\n"
                if message is None:
                    break
                yield message
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """Let every page go: a server that ends waits for its answers, and these never end by themselves."""
        for queue in self._listeners:
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def stop(self) -> None:
        """End the looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while self._listeners:
            await asyncio.sleep(self._house.config.poll_s)
            now = await run_in_threadpool(fingerprint, self._house)
            if now == self._seen:
                continue
            self._seen = now
            message = f"event: change\ndata: {json.dumps({'at': self._house.config.now_ms()})}\n\n"
            for queue in self._listeners:
                if not queue.full():
                    queue.put_nowait(message)


def fingerprint(house: "House") -> object:
    """Something that differs when a page would look different."""
    settings = house.config.settings
    try:
        with house.database() as database:
            pairs = PairsRepository(database)
            switch = kill_switch.read(database, settings.data_dir)
            opened = tuple(pair.model_dump_json() for pair in pairs.open_pairs())
            told = AlertsRepository(database).newest(_ALERTS)
            schedule = read_schedule(database, settings.data_dir)
            return JournalSearch(database).fingerprint(), opened, switch, schedule, str(told)
    except HostError as error:
        return error.code


async def events(request: Request) -> Response:
    """The stream."""
    watcher: Watcher = request.app.state.watcher
    if watcher.full:
        return PlainTextResponse("too many pages listen\n", 503, {"retry-after": "30"})
    house(request)
    return StreamingResponse(watcher.listen(request), media_type="text/event-stream")
