"""Open pairs as the overview shows them: what is held, under which rules, and what is how far away."""

from dataclasses import dataclass
from decimal import Decimal

from data_fetchers.symbols import prefix_of
from db.database import Database
from db.journal_search import Filter, JournalSearch
from db.orders_repository import OrdersRepository
from db.pairs_repository import PairEvent, PairsRepository
from db.state_repository import StateRepository
from orchestrator.dashboard.levels import Level, levels, nearest_stop
from orchestrator.execution.goal import latest_bracket
from orchestrator.execution.store import ExecutionStore
from orchestrator.pair_book import read_state
from orchestrator.rebalancer.state import PairState
from traders.contract.portfolio import OpenPair
from traders.contract.verdict import Bracket


@dataclass(frozen=True)
class Mark:
    """The last mark price a decision saw, UTC ms of the exchange."""

    price: Decimal
    at: int


@dataclass(frozen=True)
class PairView:
    """One open pair. `result` is the cycle's liquidation value at the mark, USDT; None without state or mark."""

    pair: OpenPair
    state: PairState | None
    bracket: Bracket | None
    mark: Mark | None
    levels: tuple[Level, ...]
    events: tuple[PairEvent, ...]

    @property
    def result(self) -> Decimal | None:
        if self.state is None or self.mark is None:
            return None
        return self.state.cycle_pnl(self.mark.price)

    @property
    def nearest(self) -> Level | None:
        """The nearest stop."""
        return nearest_stop(self.levels)

    @property
    def phase(self) -> str:
        """In words."""
        if self.state is None:
            return "no ladder state is stored: only the bracket protects it"
        return {
            "neutral": "equal on both sides",
            "after_band_up": "after a band upward: net long",
            "after_band_down": "after a band downward: net short",
            "closing": f"closing ({self.state.reason})",
            "flat": "flat",
        }[self.state.phase.value]


def open_pairs(database: Database) -> tuple[PairView, ...]:
    """Every open pair of every account."""
    return tuple(_view(database, pair) for pair in PairsRepository(database).open_pairs())


def pair_view(database: Database, pair_id: str) -> PairView:
    """One pair, open or closed. Raises NotFound."""
    return _view(database, PairsRepository(database).get(pair_id).pair)


def marks(database: Database, symbol: str, limit: int = 1) -> tuple[Mark, ...]:
    """The newest marks that decisions on the symbol saw, newest first."""
    found = []
    name = f"{prefix_of(symbol)}.price.mark"
    for one in JournalSearch(database).documents("context", Filter(symbol=symbol), limit):
        reading = one.document["readings"].get(name)
        if reading is not None:
            found.append(Mark(Decimal(repr(reading["value"])), one.document["as_of"]))
    return tuple(found)


def _view(database: Database, pair: OpenPair) -> PairView:
    pairs = PairsRepository(database)
    state = read_state(StateRepository(database), pair.pair_id)
    store = ExecutionStore(OrdersRepository(database), pairs)
    bracket = latest_bracket(store, pair.decision_id)
    seen = marks(database, pair.symbol)
    mark = seen[0] if seen else None
    found = () if state is None else levels(state, bracket, None if mark is None else mark.price)
    return PairView(pair, state, bracket, mark, found, pairs.events(pair.pair_id))
