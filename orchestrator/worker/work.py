"""One worker: says what is due, takes its share of the decisions, keeps its share of the pairs, minds the dead.

    PlaceLost               the worker did not show a sign of life for too long; others have taken its work over

Its loops live through an exchange or a database that does not answer: nothing is sent then, and open pairs rest under
their bracket. Every loop does only what can be done twice; the database decides who does it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from db.errors import DatabaseError
from orchestrator.claims import Policy
from orchestrator.errors import HostError
from orchestrator.execution.fenced_venue import LeaseLost
from orchestrator.execution.venue import VenueError
from orchestrator.mind import ModelSource
from orchestrator.paper_account import prepare
from orchestrator.schedule.sightings import Sightings
from orchestrator.schedule.triggers import Ticker, Watch
from orchestrator.worker.custody import Custody
from orchestrator.worker.durable import Durable
from orchestrator.worker.floor import Floor
from orchestrator.worker.tick_run import Counts, TickRunner, partition, written_tick

if TYPE_CHECKING:
    from db.leases_repository import Lease

#: A worker that shows no sign of life for so long is dead to the others.
ALIVE_MS = 15_000
#: How long a worker that ends waits for its decisions; others take up the rest.
PATIENCE_S = 60
_PLACE = "worker:"
_LOOK_S, _TICK_S, _BEAT_S, _MIND_S = 1.0, 0.5, 3.0, 2.0


class PlaceLost(HostError):
    """Others have taken over; this process must not go on."""


@dataclass(frozen=True)
class Shift:
    """How a worker works; times in milliseconds. `every` None: as often as each trader says itself."""

    policy: Policy
    every: int | None = None
    length: int | None = None
    late_after: int = 120_000
    jitter: int = 0
    move: Decimal | None = None
    before_funding: int | None = None
    at_once: int = 4


class Worker:
    """Work until the time is over or `stop` is set."""

    def __init__(
        self, floor: Floor, name: str, shift: Shift, open_model: ModelSource, say: Callable[[str], None]
    ) -> None:
        from db.leases_repository import LeasesRepository

        self._floor, self._name, self._shift, self._say = floor, name, shift, say
        self._leases = LeasesRepository(floor.desk.store.database)
        self._place: Lease | None = None
        self.counts = Counts()
        self._custody = Custody(floor, self.counts, say)
        self._runner = TickRunner(floor, shift.policy, open_model, shift.late_after, self.counts, say)
        self._durable = Durable(floor.desk.store.database.url, name, shift.at_once)
        watches = [
            Watch(
                seat.trader_id,
                symbol,
                shift.every or seat.desk.trader.descriptor.monitoring_interval_s * 1000,
                shift.move,
                shift.before_funding,
            )
            for seat in floor.seats.values()
            for symbol in (seat.symbols if seat.decides else ())
        ]
        self._watched = tuple((watch.trader_id, watch.symbol) for watch in watches)
        self._ticker = Ticker(watches, shift.late_after, shift.jitter)
        self._sightings = Sightings(floor.desk, (symbol for _, symbol in self._watched))
        self._silent: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> Counts:
        """Raises HostError when the worker cannot begin, and PlaceLost."""
        self._place = self._leases.acquire(_PLACE + self._name, self._name, ALIVE_MS)
        if self._place is None:
            raise HostError("worker_name", f"a worker named {self._name} is at work", "give this one another --name")
        await self._prepare()
        await self._durable.start(self._runner)
        loops = [
            asyncio.create_task(self._again(name, pause, work))
            for name, pause, work in (
                ("life", _BEAT_S, self._beat),
                ("pairs", _LOOK_S, self._custody.look),
                ("schedule", _TICK_S, self._tick),
                ("others", _MIND_S, self._mind),
            )
        ]
        ended = asyncio.create_task(stop.wait())
        length = None if self._shift.length is None else self._shift.length / 1000
        try:
            await asyncio.wait({ended, *loops}, timeout=length, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # decisions under way are brought to their end, under leases that stay alive; but not by a worker that the
            # others take for dead: they go on with them
            for task in (loops[2], loops[3], ended):
                task.cancel()
            await self._durable.stop(0 if loops[0].done() else PATIENCE_S)
            for task in loops:
                task.cancel()
            done = await asyncio.gather(*loops, return_exceptions=True)
        for result in done:
            if isinstance(result, Exception):
                raise result
        self._leave()
        return self.counts

    async def _prepare(self) -> None:
        """The paper account's settings, symbol by symbol as they can be had; a symbol that is kept was prepared."""
        for symbol in dict.fromkeys(symbol for _, symbol in self._watched):
            if self._floor.ownership.take(symbol):
                try:
                    await prepare(self._floor.desk, symbol)
                except HostError as error:
                    self._say(f"{symbol}: {error}")

    async def _again(self, name: str, pause: float, work: Callable[[], Awaitable[None]]) -> None:
        """A loop that lives through what passes."""
        while True:
            try:
                await work()
                if self._silent.pop(name, None) is not None:
                    self._say(f"{name}: answers again")
            except PlaceLost:
                raise
            except LeaseLost as error:
                self._say(f"{name}: {error}")
            except (DatabaseError, HostError, VenueError, OSError) as error:
                self._troubled(name, error)
            except Exception as error:  # what DBOS lets through while its database is away has no common base
                self._troubled(name, error)
            await self._floor.desk.clock.sleep(pause)

    def _troubled(self, name: str, error: Exception) -> None:
        """Say it once until it is over."""
        if name not in self._silent:
            self._say(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
        self._silent[name] = str(error)

    async def _beat(self) -> None:
        assert self._place is not None
        renewed = self._leases.renew(self._place, ALIVE_MS)
        if renewed is None:
            raise PlaceLost(
                "place_lost",
                f"worker {self._name} showed no sign of life for {ALIVE_MS // 1000} s; its work was taken over",
                "start it again; look at the machine's load, and at whether it was suspended",
            )
        self._place = renewed
        self._floor.ownership.renew()

    async def _tick(self) -> None:
        desk, shift = self._floor.desk, self._shift
        now = await desk.venue.server_time()
        watching = shift.move is not None or shift.before_funding is not None
        seen = await self._sightings.now() if watching else {}
        last = {}
        for trader_id, symbol in self._watched if shift.move is not None else ():
            price = self._sightings.last(trader_id, symbol)
            if price is not None:
                last[trader_id, symbol] = price
        for tick in self._ticker.due(now, seen, last):
            await self._durable.enqueue(tick.decision_id, partition(tick), written_tick(tick))
            self._ticker.started(tick)

    async def _mind(self) -> None:
        """What dead workers had under way is gone on with, by whoever notices first."""
        for dead in self._leases.expired(_PLACE):
            mine = self._leases.acquire(dead.name, self._name, ALIVE_MS)
            if mine is None:
                continue
            gone = dead.name.removeprefix(_PLACE)
            names = await self._durable.resume(gone)
            self.counts.resumed += len(names)
            self._leases.forget(mine)
            if names:
                self._say(f"worker {gone} is dead: {len(names)} decision(s) resumed: {', '.join(names)}")

    def _leave(self) -> None:
        """Let go of everything; what could not be ended in time is resumed by others at once."""
        try:
            self._floor.ownership.release()
            if self._place is not None:
                self._leases.renew(self._place, 0)
        except DatabaseError as error:
            self._say(f"the leases run out by themselves: {error}")
