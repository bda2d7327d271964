"""Who keeps which open pairs. A symbol with an open pair, or with orders of unknown fate, always finds a keeper.

Free or abandoned ones are taken over and settled first: then either both legs stand protected, or the symbol is flat.
A symbol that another worker asks for, to act on a decision, is let go between two looks; from then that worker keeps
it.
"""

import asyncio
from collections.abc import Callable

from db.errors import DatabaseError
from db.scoped_pairs import trader_of
from orchestrator import kill_switch
from orchestrator.errors import HostError
from orchestrator.execution.venue import VenueError
from orchestrator.hands import recover_open_business
from orchestrator.keeper import Keeper
from orchestrator.reopening import reopen
from orchestrator.responses import Responses
from orchestrator.worker.floor import Floor, Seat
from orchestrator.worker.tick_run import Counts
from traders.contract.context import Context

#: What was let go for another worker is not taken back for so long.
GIVEN_MS = 3_000


class Custody:
    """One worker's share of the open pairs; `look` about once a second."""

    def __init__(self, floor: Floor, counts: Counts, say: Callable[[str], None]) -> None:
        self._floor = floor
        self._counts = counts
        self._say = say
        self._keepers = {
            number: Keeper(seat.hands, seat.constraints, Responses.of(seat.hands.settings))
            for number, seat in floor.seats.items()
        }
        self._settled: set[str] = set()
        self._ladders: set[asyncio.Task[None]] = set()
        #: Symbols let go for somebody else, and when.
        self._given: dict[str, float] = {}
        #: The last decision whose bar a pair was told.
        self._heard: dict[str, str] = {}

    async def look(self) -> None:
        """One round. Raises errors of the store; LeaseLost ends a round, the next one sees what is left."""
        desk, ownership = self._floor.desk, self._floor.ownership
        async with desk.hands:
            ownership.renew()
            self._let_go()
            self._settled &= set(ownership.symbols)
            needed = self._needed()
            for symbol in sorted(set(needed) - set(ownership.symbols) - set(self._given)):
                if self._floor_has(needed[symbol]) and ownership.take(symbol):
                    self._counts.taken_over += 1
                    self._say(f"{symbol}: taken over, token {ownership.token(symbol)}")
            for symbol in ownership.symbols:
                if symbol not in needed:
                    if ownership.free(symbol):
                        ownership.release([symbol])
                elif symbol not in self._settled or desk.store.orders.unresolved():
                    await self._settle(symbol, needed[symbol])
        switch = kill_switch.read(desk.store.database, desk.settings.data_dir)
        busy = {trader_of(pair.pair_id) for pair in desk.store.pairs.everyones(desk.exchange_name)}
        for number, keeper in self._keepers.items():
            if number in busy:
                await keeper.look(flatten=switch.killed and switch.flatten)
                await self._bars(number, keeper)
                self._told(keeper)
            while keeper.reopenable:
                # a decision of its own: the looks go on meanwhile
                task = asyncio.create_task(self._next_ladder(self._floor.seats[number], keeper.reopenable.pop(0)))
                self._ladders.add(task)
                task.add_done_callback(self._ladders.discard)

    async def _next_ladder(self, seat: Seat, pair_id: str) -> None:
        """Follow a ladder that ended here by another, where its plan and the guard allow that."""
        try:
            self._say(await reopen(seat.desk, pair_id))
        except (HostError, VenueError, DatabaseError) as error:
            self._say(f"no next ladder, the cycle ends: {error}")

    async def _bars(self, trader_id: int, keeper: Keeper) -> None:
        """What the last decision saw, to pairs that are kept here: it may have been taken by another worker."""
        store = self._floor.seats[trader_id].hands.store
        for pair in store.pairs.open_pairs(self._floor.desk.exchange_name):
            newest = store.journal.entries(limit=1, symbol=pair.symbol, trader_id=trader_id, status="finished")
            name = newest[0].decision_id if newest else None
            if name is None or self._heard.get(pair.pair_id) == name:
                continue
            self._heard[pair.pair_id] = name
            document = store.journal.load(name).get("context")
            if document is not None:
                await keeper.bar(Context.model_validate(document))

    def _let_go(self) -> None:
        """Give what others ask for, and leave it to them; one that dies before it took it has had its time."""
        ownership, now = self._floor.ownership, self._floor.desk.clock.monotonic_ms()
        self._given = {symbol: at for symbol, at in self._given.items() if now - at < GIVEN_MS}
        for symbol in ownership.wanted():
            if ownership.give(symbol):
                self._given[symbol] = now

    def _needed(self) -> dict[str, set[int]]:
        """Symbols that need a keeper, with the traders concerned."""
        desk = self._floor.desk
        needed: dict[str, set[int]] = {}
        for pair in desk.store.pairs.everyones(desk.exchange_name):
            needed.setdefault(pair.symbol, set()).add(trader_of(pair.pair_id) or 0)
        for row in desk.store.orders.everyones_unresolved():
            needed.setdefault(str(row.request["symbol"]), set()).add(trader_of(row.decision_id) or 0)
        return needed

    def _floor_has(self, traders: set[int]) -> bool:
        """Whether this worker can keep what those traders have there."""
        return traders <= set(self._floor.seats)

    async def _settle(self, symbol: str, traders: set[int]) -> None:
        """What the owner before left open comes to an end, and the keepers read the pairs anew."""
        try:
            for number in sorted(traders & set(self._floor.seats)):
                seat: Seat = self._floor.seats[number]
                for line in await recover_open_business(seat.hands, seat.constraints, only=(symbol,)):
                    self._say(f"recovered: {line}")
                await self._keepers[number].resume()
                self._told(self._keepers[number])
        except (HostError, VenueError) as error:
            self._say(f"{symbol}: not settled yet: {error}")
        else:
            self._settled.add(symbol)

    def _told(self, keeper: Keeper) -> None:
        for note in keeper.notes:
            self._say(note)
        keeper.notes.clear()
