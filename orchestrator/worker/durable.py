"""The durable queue of ticks, on DBOS: a tick is a workflow named by its decision, so it is enqueued once and run once.

A queue partition for each trader and symbol, one at a time in each: a slow model for one symbol keeps no other waiting.
What a tick does is idempotent by the journal (`going_on`), so a tick that was interrupted anywhere is simply run again.
DBOS keeps its tables apart: in a file beside an SQLite database, in a schema of its own in PostgreSQL. It reports to
nobody, and logs only what is broken.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID
from sqlalchemy.engine import URL

from db.database import into_wal
from orchestrator.errors import HostError

QUEUE = "ticks"
SCHEMA = "volgamma_durable"
#: Stays the same as long as a tick's document is read the same way: an upgrade goes on with what it finds.
_VERSION = "1"
Work = Callable[[Mapping[str, Any]], Awaitable[str]]
_work: Work | None = None


@DBOS.step()
async def take_decision(tick: dict[str, Any]) -> str:
    """What the host does with a tick; what came of it, in words. Run again after an interruption."""
    assert _work is not None
    return await _work(tick)


@DBOS.workflow(name="volgamma_tick")
async def tick_workflow(tick: dict[str, Any]) -> str:
    """One tick."""
    return await take_decision(tick)


class Durable:
    """The queue as one worker sees it; one in a process. Unfinished work is found under the name `worker`."""

    def __init__(self, database: URL, worker: str, at_once: int, poll_s: float = 0.5) -> None:
        self._url, self._schema = _place(database)
        self._worker = worker
        self._at_once = at_once
        self._poll_s = poll_s

    async def start(self, work: Work) -> None:
        """Make the tables where they are missing and begin to take ticks, which run in this event loop.

        Raises HostError.
        """
        global _work
        _work = work
        logging.getLogger("dbos").propagate = False
        config: DBOSConfig = {
            "name": "volgamma",
            "system_database_url": self._url,
            "dbos_system_schema": self._schema,
            "application_version": _VERSION,
            "executor_id": self._worker,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",
            "enable_otlp": False,
            "sys_db_pool_size": 8,
        }
        DBOS(config=config)
        try:
            DBOS.launch()
        except Exception as error:  # whatever the driver says, it is about this database
            DBOS.destroy()
            raise HostError(
                "queue_unreachable",
                f"the queue of ticks cannot be opened: {str(error).splitlines()[0][:200]}",
                "look at the database server and at the rights on it, then start the worker again",
            ) from error
        await DBOS.register_queue_async(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=self._at_once,
            polling_interval_sec=self._poll_s,
            on_conflict="always_update",
        )

    async def enqueue(self, name: str, partition: str, tick: Mapping[str, Any]) -> None:
        """Once for all workers: a name that is known, run or running, changes nothing."""
        with SetWorkflowID(name), SetEnqueueOptions(queue_partition_key=partition):
            await DBOS.enqueue_workflow_async(QUEUE, tick_workflow, dict(tick))

    async def resume(self, worker: str) -> tuple[str, ...]:
        """What a dead worker had under way goes back into the queue; the caller knows that it is dead."""
        found = await DBOS.list_workflows_async(
            executor_id=worker, status="PENDING", load_input=False, load_output=False
        )
        names = [row.workflow_id for row in found]
        if names:
            await DBOS.resume_workflows_async(names, queue_name=QUEUE)
        return tuple(names)

    async def stop(self, patience_s: int) -> None:
        """Take nothing more, and let what is under way end in that time."""
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=patience_s)


def _place(database: URL) -> tuple[str, str]:
    """DBOS's own URL and schema. An SQLite file is made in WAL mode, so that workers wait for each other."""
    if database.get_backend_name() != "sqlite":
        return database.render_as_string(hide_password=False), SCHEMA
    ours = Path(str(database.database))
    path = ours.with_name(f"{ours.stem}-durable{ours.suffix or '.sqlite'}")
    connection = sqlite3.connect(path)
    try:
        into_wal(connection)
    finally:
        connection.close()
    return f"sqlite:///{path}", SCHEMA
