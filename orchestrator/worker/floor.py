"""All traders of one account at work in one process: a desk each, that sees its own pairs and acts on what is held."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.clock import Clock
from orchestrator.desk import Desk, connected, market_of, open_store, owner_of, paper_ledger
from orchestrator.errors import HostError
from orchestrator.ownership import Ownership
from orchestrator.settings import Settings
from orchestrator.storage import translated
from traders.contract.constraints import ConstraintSet
from traders.contract.portfolio import OpenPair
from traders.contract.trader import Trader

if TYPE_CHECKING:
    from db.database import Database


@dataclass(frozen=True)
class Seat:
    """A trader at work. `desk` decides and sees all its pairs; `hands` keeps those that this process holds."""

    desk: Desk
    hands: Desk
    constraints: ConstraintSet
    symbols: tuple[str, ...]
    #: False: only its open pairs are kept.
    decides: bool

    @property
    def trader_id(self) -> int:
        """The trader's id."""
        return self.constraints.trader_id


@dataclass(frozen=True)
class Floor:
    """Everything the worker works with. `desk` is anyone's: for what belongs to no trader."""

    desk: Desk
    ownership: Ownership
    seats: Mapping[int, Seat]
    #: Traders that are installed or enabled and cannot work, one line each.
    left_out: tuple[str, ...]


@asynccontextmanager
async def open_floor(
    settings: Settings, clock: Clock, exchange_name: str, worker: str, wanted: tuple[int, ...]
) -> AsyncIterator[Floor]:
    """All traders; the enabled ones, or the wanted of these, decide.

    A paper exchange must run already: workers that each started their own would each trade on another market. Raises
    HostError when no trader can work, or something cannot be had.
    """
    from data_fetchers.store import SeriesStore
    from orchestrator.execution.fenced_venue import FencedVenue
    from orchestrator.live import claim_folder
    from orchestrator.owned_orders import OwnedOrders

    if settings.paper_url is None:
        raise HostError(
            "no_exchange",
            "workers share one paper exchange, and VOLGAMMA_PAPER_URL names none",
            "start one with `volgamma exchange serve --port 8990`, then set VOLGAMMA_PAPER_URL=http://127.0.0.1:8990",
        )
    async with AsyncExitStack() as stack:
        store = stack.enter_context(open_store(settings))
        claim_folder(store, exchange_name, False, clock.now_ms())
        paper = await stack.enter_async_context(connected("paper", settings.paper_url.rstrip("/")))
        exchange, venue = await market_of(stack, exchange_name, paper, settings)
        url = settings.paper_url.rstrip("/")
        ledger_account = await paper_ledger(store, url, clock) if exchange_name == "paper" else None
        ownership = owner_of(store.database, exchange_name, worker, clock)
        store = replace(store, orders=OwnedOrders(store.database, ownership.mine))
        known, deciding, left_out = _enrolled(store.database, wanted)
        desk = Desk(
            settings=settings,
            clock=clock,
            store=store,
            trader=known[min(deciding)],
            exchange_name=exchange_name,
            own_clock=exchange_name == "paper",
            exchange=exchange,
            venue=FencedVenue(venue, ownership),
            series=SeriesStore(None),  # in memory: a folder belongs to one process
            ownership=ownership,
            shared=True,
            ledger_account=ledger_account,
        )
        with translated():
            seats = {number: _seat(desk, trader, ownership, number in deciding) for number, trader in known.items()}
        yield Floor(desk, ownership, seats, left_out)


def _enrolled(database: "Database", wanted: tuple[int, ...]) -> tuple[dict[int, Trader], set[int], tuple[str, ...]]:
    """Traders whose pairs can be kept, the ids that decide, and why others do not. Raises HostError when none does.

    A trader that was disabled, or that is not wanted here, still has its pairs kept.
    """
    from db.traders_repository import TradersRepository
    from traders.registry import discover

    registry = discover()
    with translated():
        enabled = TradersRepository(database).enabled()
    left_out = list(registry.problems)
    left_out += [f"trader #{number} is not installed" for number in {*wanted, *enabled} - {*registry.traders}]
    left_out += [
        f"trader #{number} is not enabled: `volgamma traders enable {number}`"
        for number in sorted(registry.traders)
        if not enabled.get(number, False) and (number in wanted or not wanted)
    ]
    known = {number: trader for number, trader in sorted(registry.traders.items()) if number in enabled}
    deciding = {number for number in known if enabled[number] and (number in wanted or not wanted)}
    if not deciding:
        raise HostError("no_trader", f"no trader can work: {'; '.join(left_out)}", "see `volgamma traders list`")
    return known, deciding, tuple(left_out)


def _seat(desk: Desk, trader: Trader, ownership: Ownership, decides: bool) -> Seat:
    from db.scoped_pairs import ScopedPairs, trader_of
    from orchestrator.owned_orders import OwnedOrders

    def held(pair: OpenPair) -> bool:
        return pair.symbol in ownership.symbols

    number = trader.descriptor.trader_id
    database = desk.store.database
    own = replace(desk, trader=trader, store=replace(desk.store, pairs=ScopedPairs(database, number)))
    orders = OwnedOrders(database, ownership.mine, lambda row: trader_of(row.decision_id) == number)
    hands = replace(own, store=replace(desk.store, pairs=ScopedPairs(database, number, held), orders=orders))
    constraints = own.constraints()
    symbols = tuple(name for name in constraints.limits.allowed_symbols if name in trader.descriptor.symbols)
    return Seat(own, hands, constraints, symbols, decides)
