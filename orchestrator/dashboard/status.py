"""Is all well: what stands in the way of trading, what runs, and when the next decision is due."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Literal

from db.database import Database
from db.journal_repository import JournalRepository
from db.journal_search import Filter, JournalSearch
from db.leases_repository import LeasesRepository
from db.orders_repository import OrdersRepository
from db.pairs_repository import PairsRepository
from db.state_repository import KillSwitch, StateRepository
from orchestrator import kill_switch
from orchestrator.file_lock import holder
from orchestrator.schedule.ticks import due_at_or_before
from orchestrator.settings import Settings
from traders.contract.constraints import ConstraintSet

DAY_MS = 86_400_000
#: Leases by which workers show that they live.
_WORKER = "worker:"
#: `11-SOLUSDT-20250101T000020Z`: due times of the schedule; one asked for by a person has a suffix.
_SCHEDULED = re.compile(r"^\d+-[A-Z0-9]+-(\d{8}T\d{6})Z$")


@dataclass(frozen=True)
class Check:
    """One line of the health list; `state` is ok, warn or fail."""

    name: str
    state: Literal["ok", "warn", "fail"]
    text: str


@dataclass(frozen=True)
class Schedule:
    """`here`: a `volgamma run` holds the data folder. `workers` share the database, `dead` ones stopped doing so.

    Times UTC ms of the exchange, None where nothing tells.
    """

    here: bool
    every: int | None
    last_due: int | None
    workers: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether anybody decides."""
        return self.here or bool(self.workers)

    @property
    def next_due(self) -> int | None:
        """When the next decision is due, as the last ones were spaced."""
        if not self.running or self.every is None or self.last_due is None:
            return None
        return due_at_or_before(self.last_due, self.every) + self.every


@dataclass(frozen=True)
class Status:
    """Everything of it."""

    kill: KillSwitch
    checks: tuple[Check, ...]
    schedule: Schedule

    @property
    def worst(self) -> str:
        """The worst state of any check."""
        states = {check.state for check in self.checks}
        return "fail" if "fail" in states else "warn" if "warn" in states else "ok"


def status(database: Database, settings: Settings, constraints: ConstraintSet) -> Status:
    """Read only."""
    kill = kill_switch.read(database, settings.data_dir)
    schedule = read_schedule(database, settings.data_dir)
    checks = (
        _kill(kill),
        *_orders(database),
        _running(schedule),
        *_last_decision(database),
        _breaker(database),
        _budget(database, constraints),
    )
    return Status(kill, checks, schedule)


def read_schedule(database: Database, data_dir: Path) -> Schedule:
    """The spacing of the last scheduled decisions of one symbol, and whether their process is alive."""
    entries, _ = JournalSearch(database).page(Filter(), 60)
    dues: dict[str, list[int]] = {}
    for one in entries:
        match = _SCHEDULED.match(one.decision_id)
        if match is not None:
            due = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            dues.setdefault(one.symbol, []).append(int(due.timestamp() * 1000))
    newest = max(dues.values(), key=max, default=[])
    every = spacing(newest)
    leases = LeasesRepository(database)
    return Schedule(
        here=holder(data_dir / "run.lock") is not None,
        every=every,
        last_due=max(newest, default=None),
        workers=tuple(lease.owner for lease in leases.live(_WORKER)),
        dead=tuple(lease.owner for lease in leases.expired(_WORKER)),
    )


def spacing(dues: Iterable[int]) -> int | None:
    """The interval (ms) that due times are mostly apart; None with fewer than two.

    Decisions that a price move or a coming funding time started stand between those of the schedule.
    """
    times = sorted(set(dues))
    gaps = Counter(later - earlier for earlier, later in pairwise(times))
    if not gaps:
        return None
    return max(gaps, key=lambda gap: (gaps[gap], gap))


def _kill(switch: KillSwitch) -> Check:
    if switch.killed:
        return Check("kill switch", "fail", f"ON: {switch.why} ({switch.who}); no new risk, exits go on")
    return Check("kill switch", "ok", "off")


def _orders(database: Database) -> tuple[Check, ...]:
    unknown = len(OrdersRepository(database).unresolved())
    bare = [pair.symbol for pair in PairsRepository(database).open_pairs() if not pair.protected]
    return (
        Check("orders", "fail", f"{unknown} of unknown outcome: new risk is blocked until it is known")
        if unknown
        else Check("orders", "ok", "every outcome is known"),
        Check("protection", "fail", f"without a bracket: {', '.join(bare)}")
        if bare
        else Check("protection", "ok", "every open pair has its bracket"),
    )


def _running(schedule: Schedule) -> Check:
    if schedule.dead:
        return Check("schedule", "warn", f"no sign of life from {', '.join(schedule.dead)}; others take over its pairs")
    if schedule.workers:
        return Check("schedule", "ok", f"at work: {', '.join(schedule.workers)}")
    if schedule.here:
        return Check("schedule", "ok", "volgamma run is at work here")
    return Check("schedule", "warn", "no volgamma run here: nothing decides, and open pairs have only their bracket")


def _last_decision(database: Database) -> tuple[Check, ...]:
    search = JournalSearch(database)
    entries, _ = search.page(Filter(), 1)
    if not entries:
        return (Check("data", "warn", "no decision yet"),)
    (newest,) = entries
    if newest.error:
        return (Check("last decision", "warn", newest.error),)
    missing: list[str] = []
    for one in search.documents("context", Filter(symbol=newest.symbol), 1):
        missing = [name for name, source in one.document["sources"].items() if source.get("error")]
    if missing:
        return (Check("data", "warn", f"the last decision went without {', '.join(missing)}"),)
    return (Check("data", "ok", "the last decision had every source"),)


def _breaker(database: Database) -> Check:
    stored = StateRepository(database).get("llm_breaker")
    if stored is None or stored.value.get("opened_at") is None:
        return Check("model", "ok", "no failures in a row that stop it")
    return Check("model", "warn", f"left alone after {stored.value.get('failures')} failures in a row")


def _budget(database: Database, constraints: ConstraintSet) -> Check:
    entries, _ = JournalSearch(database).page(Filter(), 1)
    now = entries[0].started_at if entries else 0
    tokens, cost = JournalRepository(database).model_usage_since(constraints.trader_id, now - now % DAY_MS)
    limits = constraints.limits
    text = f"{tokens:,} of {limits.llm_tokens_day:,} tokens, {cost:.2f} of {float(limits.llm_cost_day):.2f} USD today"
    spent = tokens >= limits.llm_tokens_day or Decimal(str(cost)) >= limits.llm_cost_day
    return Check("model budget", "warn" if spent else "ok", text)
