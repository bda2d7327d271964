"""Which pairs are open in this database, and which living process keeps each. Reads only.

Who lives: the lock of the data folder for a `volgamma run` here, the leases for workers and for runs elsewhere. A run
takes the lease of a symbol with its first order on it only; until then its lock speaks for the exchange that it is on.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.file_lock import holder
from orchestrator.settings import Settings
from orchestrator.storage import opened
from orchestrator.venue_facts import VENUES

if TYPE_CHECKING:
    from db.database import Database
    from db.leases_repository import Lease

RUN_LOCK = "run.lock"
_WORKER = "worker:"
_SYMBOL = "symbol:"
NOBODY_ALIVE = "no run or worker is alive: nothing will be closed until one is started"


@dataclass(frozen=True)
class Kept:
    """An open pair. `kept_by`: a living process in words, None when nobody keeps the pair."""

    symbol: str
    exchange: str
    kept_by: str | None
    live: bool

    @property
    def text(self) -> str:
        """`SOL/USDT:USDT on binanceusdm: kept by run, process 4711`."""
        who = "nobody keeps it" if self.kept_by is None else f"kept by {self.kept_by}"
        return f"{self.symbol} on {self.exchange}: {who}"

    @property
    def remedy(self) -> str:
        """The command that would keep it."""
        return run_command(self.symbol, self.exchange, live=self.live)


@dataclass(frozen=True)
class Keeping:
    """`database`: its name without password. `alive`: every living run and worker, whatever it keeps."""

    database: str
    pairs: tuple[Kept, ...]
    alive: tuple[str, ...]

    @property
    def left_alone(self) -> tuple[Kept, ...]:
        """Open pairs that no living process keeps."""
        return tuple(pair for pair in self.pairs if pair.kept_by is None)

    def fields(self) -> dict[str, Any]:
        """The part of a JSON document."""
        pairs = [{"symbol": one.symbol, "exchange": one.exchange, "kept_by": one.kept_by} for one in self.pairs]
        return {"database": self.database, "open_pairs": pairs, "kept_by": list(self.alive)}

    def lines(self) -> list[str]:
        """For people: where, what is open, who is alive."""
        found = [f"database: {self.database}"]
        found += [f"open: {pair.text}" for pair in self.pairs] or ["no pair is open in it"]
        return [*found, f"alive: {', '.join(self.alive)}" if self.alive else "no run or worker is alive"]


def run_command(symbol: str, exchange: str, *, live: bool) -> str:
    """What a person types so that a pair is kept."""
    return f"volgamma run --exchange {exchange} --symbols {symbol}" + (" --live" if live else "")


def keeping(settings: Settings) -> Keeping:
    """Raises HostError when the database cannot be read."""
    with opened(settings) as database:
        return _read(database, settings)


def _read(database: "Database", settings: Settings) -> Keeping:
    from db.leases_repository import LeasesRepository
    from db.pairs_repository import PairsRepository
    from db.state_repository import StateRepository
    from orchestrator.desk import owner_of_folder
    from orchestrator.live import MARK

    leases = LeasesRepository(database)
    me = owner_of_folder(settings)
    process = holder(settings.data_dir / RUN_LOCK)
    here = None if process is None else f"run, process {process}"
    workers = {lease.owner for lease in leases.live(_WORKER)}
    held = leases.live(_SYMBOL)
    names = {lease.name: _who(lease, me, here, workers) for lease in held}
    account = None if here is None else _account_of(database, held, me)
    marked = StateRepository(database).scopes(MARK)
    pairs = []
    for exchange in (venue.name for venue in VENUES):
        for pair in PairsRepository(database).open_pairs(exchange):
            name = f"{_SYMBOL}{exchange}:{pair.symbol}"
            kept_by = names.get(name, here if account in (None, exchange) else None)
            pairs.append(Kept(pair.symbol, exchange, kept_by, exchange in marked))
    alive = [here] if here else []
    alive += [f"worker {name}" for name in sorted(workers)]
    alive += sorted({who for who in names.values() if who is not None} - set(alive))
    return Keeping(database.name, tuple(pairs), tuple(alive))


def _who(lease: "Lease", me: str, here: str | None, workers: set[str]) -> str | None:
    """The process behind a lease; None for this folder's when no run holds it: a `decide` ends, and keeps nothing."""
    if lease.owner == me:
        return here
    return f"worker {lease.owner}" if lease.owner in workers else f"another process ({lease.owner})"


def _account_of(database: "Database", held: "tuple[Lease, ...]", me: str) -> str | None:
    """The exchange that this folder's run is on: by its leases, else by the newest decision; None where none tells."""
    from db.journal_search import Filter, JournalSearch

    for lease in held:
        if lease.owner == me:
            return lease.name.removeprefix(_SYMBOL).split(":", 1)[0]
    newest, _ = JournalSearch(database).page(Filter(), 1)
    return newest[0].exchange if newest else None
