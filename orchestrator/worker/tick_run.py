"""What becomes of one tick: a decision, or a reason why there is none. Always an entry in the journal, exactly one.

Running the same tick again, after whatever interruption, goes on with what the journal has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_fetchers.symbols import compact
from db.errors import DatabaseError, NotFound
from db.traders_repository import TradersRepository
from orchestrator.claims import AlreadyClaimed, Order, Policy
from orchestrator.going_on import STARTED
from orchestrator.journey import decide
from orchestrator.mind import ModelSource
from orchestrator.schedule.triggers import Tick, lateness
from orchestrator.worker.floor import Floor

#: Failures that are not the database's: so often, with growing pauses, then the tick is given up.
ATTEMPTS = 4
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 5.0
SKIPPED = "skipped"


@dataclass
class Counts:
    """What a worker did since its start."""

    decisions: int = 0
    entered: int = 0
    skipped: int = 0
    failed: int = 0
    resumed: int = 0
    taken_over: int = 0
    under_way: set[str] = field(default_factory=set)


class TickRunner:
    """Takes decisions for the queue."""

    def __init__(
        self,
        floor: Floor,
        policy: Policy,
        open_model: ModelSource,
        late_after: int,
        counts: Counts,
        say: Callable[[str], None],
    ) -> None:
        self._floor = floor
        self._policy: Policy = policy
        self._open_model = open_model
        self._late_after = late_after
        self._counts = counts
        self._say = say

    async def __call__(self, document: Mapping[str, Any]) -> str:
        """Run a tick to its end; what came of it. Raises nothing that another attempt could mend."""
        tick = read_tick(document)
        self._counts.under_way.add(tick.decision_id)
        try:
            told = await self._patiently(tick)
        finally:
            self._counts.under_way.discard(tick.decision_id)
        self._say(f"{tick.decision_id}: {told}")
        return told

    async def _patiently(self, tick: Tick) -> str:
        attempt, pause = 0, _FIRST_PAUSE_S
        while True:
            try:
                return await self._once(tick)
            except AlreadyClaimed:
                return "taken before"
            except Exception as error:  # a defect too: the tick must not vanish from the journal
                gone = isinstance(error, DatabaseError) or str(getattr(error, "code", "")).startswith("database")
                # without the database nothing can be done, and nothing can be given up either
                attempt += not gone
                if attempt >= ATTEMPTS:
                    return self._given_up(tick, "failed", f"{type(error).__name__}: {error}")
            await self._floor.desk.clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _once(self, tick: Tick) -> str:
        seat = self._floor.seats.get(tick.trader_id)
        if seat is None:
            return self._given_up(tick, "failed", f"trader #{tick.trader_id} does not work here")
        if not TradersRepository(seat.desk.store.database).enabled().get(tick.trader_id, False):
            return self._given_up(tick, SKIPPED, f"trader #{tick.trader_id} is disabled")
        late = lateness(tick.due, await seat.desk.venue.server_time(), self._late_after)
        if late is not None and not self._judged(tick):
            return self._given_up(tick, SKIPPED, late)
        order = Order(symbol=tick.symbol, policy=self._policy, due=tick.due, adopt=True, trigger=tick.trigger)
        report = await decide(seat.desk, order, self._open_model)
        status = str(report.chosen.execution["status"])
        self._counts.decisions += 1
        self._counts.entered += report.decision.action == "enter" and status == "open"
        refused = [finding.rule for finding in report.chosen.verdict.findings if finding.effect == "refuse"]
        why = ", ".join(refused[:4]) or str(report.chosen.execution.get("reason") or "")
        return f"{report.decision.action}, {report.chosen.verdict.outcome}, {status}" + (f" ({why})" if why else "")

    def _judged(self, tick: Tick) -> bool:
        """Whether orders may have been sent for it: then it is brought to its end, however late."""
        try:
            entry = self._floor.desk.store.journal.load(tick.decision_id)
        except NotFound:
            return False
        return entry.info.status != STARTED or entry.get("verdict") is not None

    def _given_up(self, tick: Tick, status: str, why: str) -> str:
        """Note in the journal that there is no decision, and why. Raises DatabaseError, AlreadyClaimed."""
        desk = self._floor.desk
        journal = desk.store.journal
        if not journal.claim(
            tick.decision_id, tick.trader_id, tick.symbol, desk.exchange_name, self._policy, tick.due
        ) and (journal.load(tick.decision_id).info.status != STARTED):
            raise AlreadyClaimed("already_claimed", f"decision {tick.decision_id} was taken before", "nothing to do")
        journal.finish(tick.decision_id, status, {"error": why[:500]})
        if status == SKIPPED:
            self._counts.skipped += 1
        else:
            self._counts.failed += 1
        return f"{status}: {why}"


def written_tick(tick: Tick) -> dict[str, Any]:
    """The document that is enqueued."""
    return {
        "trader_id": tick.trader_id,
        "symbol": tick.symbol,
        "due": tick.due,
        "kind": tick.kind,
        "why": dict(tick.why),
    }


def read_tick(document: Mapping[str, Any]) -> Tick:
    """The tick of an enqueued document."""
    return Tick(
        document["trader_id"], document["symbol"], document["due"], document.get("kind", "time"), document["why"]
    )


def partition(tick: Tick) -> str:
    """Where a tick waits: behind the ones before it of the same trader and symbol, and behind no other."""
    return f"{tick.trader_id}-{compact(tick.symbol)}"
