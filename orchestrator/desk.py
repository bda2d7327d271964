"""Everything one command works with, wired once: database, trader, exchange, venue."""

import asyncio
import hashlib
import platform
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from data_fetchers.sharing import SharedRequests
from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.settings import Settings
from orchestrator.storage import opened, translated
from traders.contract.constraints import ConstraintSet
from traders.contract.trader import Trader

if TYPE_CHECKING:
    from data_fetchers.store import SeriesStore
    from db.constraints_repository import ConstraintsRepository
    from db.database import Database
    from db.journal_repository import JournalRepository
    from db.ledger_repository import LedgerRepository
    from db.orders_repository import OrdersRepository
    from db.pairs_repository import PairsRepository
    from db.state_repository import StateRepository
    from orchestrator.execution.venue import Venue
    from orchestrator.keys import Keys
    from orchestrator.ownership import Ownership

TRADER_ID = 11


@dataclass(frozen=True)
class Store:
    """The repositories of one database."""

    database: "Database"
    constraints: "ConstraintsRepository"
    journal: "JournalRepository"
    orders: "OrdersRepository"
    pairs: "PairsRepository"
    state: "StateRepository"
    ledger: "LedgerRepository"


@dataclass(frozen=True)
class Desk:
    """One trader at one exchange account. `own_clock`: the exchange keeps its own time (a paper exchange does)."""

    settings: Settings
    clock: Clock
    store: Store
    trader: Trader
    exchange_name: str
    own_clock: bool
    exchange: Any
    venue: "Venue"
    #: What has been fetched before, so that a decision asks for news only; None: everything is asked for.
    series: "SeriesStore | None" = None

    @property
    def reads_only(self) -> bool:
        """A real market read without keys: nothing can be sent."""
        return self.exchange_name != "paper" and not self.live and not self.paper_fills

    #: Decide and record, send no order.
    shadow: bool = False
    #: Orders go to the real venue.
    live: bool = False
    #: A real market, mirrored by a paper exchange that fills the orders.
    paper_fills: bool = False
    #: Held by whoever changes anything at the venue: a decision and the fast loop never act at once.
    hands: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: What this process may act on among all that share the database; None: there is no other.
    ownership: "Ownership | None" = None
    #: Set once a run is ending: a decision under way opens nothing any more.
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    #: Several processes work on this account, each on what it holds.
    shared: bool = False
    #: Whose trades the ledger takes these for; None: the exchange's name.
    ledger_account: str | None = None
    #: What is asked of the market in one tick, for all traders of this process.
    sharing: SharedRequests = field(default_factory=SharedRequests)

    def constraints(self) -> ConstraintSet:
        """The constraints in force now; they win over every text."""
        with translated():
            return self.store.constraints.current(self.trader.descriptor.trader_id)


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """The database, migrated, with its repositories."""
    from db.constraints_repository import ConstraintsRepository
    from db.journal_repository import JournalRepository
    from db.ledger_repository import LedgerRepository
    from db.orders_repository import OrdersRepository
    from db.pairs_repository import PairsRepository
    from db.state_repository import StateRepository

    with opened(settings) as database:
        yield Store(
            database=database,
            constraints=ConstraintsRepository(database),
            journal=JournalRepository(database),
            orders=OrdersRepository(database),
            pairs=PairsRepository(database),
            state=StateRepository(database),
            ledger=LedgerRepository(database),
        )


def find_trader(trader_id: int = TRADER_ID) -> Trader:
    """The registered trader of that id. Raises HostError saying what the registry found instead."""
    from traders.registry import discover

    registry = discover()
    trader = registry.traders.get(trader_id)
    if trader is None:
        found = ", ".join(f"#{number}" for number in sorted(registry.traders)) or "none"
        problems = "; ".join(registry.problems)
        raise HostError(
            "trader_missing",
            f"trader #{trader_id} is not registered (found: {found}){'; ' + problems if problems else ''}",
            "reinstall the package, or see `volgamma traders list`",
        )
    return trader


@asynccontextmanager
async def open_desk(
    settings: Settings, clock: Clock, exchange_name: str, *, shadow: bool = False, live: bool = False
) -> AsyncIterator[Desk]:
    """A desk on a paper exchange (running, or started for this block); one at a time in a data folder.

    A real market without `live` is mirrored by a paper exchange, or only read where it cannot be.
    With `shadow` no order can leave. With `live`, which the caller has had confirmed, orders go to the real venue.

    Raises HostError when the database, the trader or the exchange cannot be had; nothing has been done by then.
    """
    from data_fetchers.store import SeriesStore
    from db.scoped_pairs import ScopedPairs
    from orchestrator.execution.fenced_venue import FencedVenue
    from orchestrator.execution.shadow_venue import ShadowVenue
    from orchestrator.live import claim_folder
    from orchestrator.owned_orders import OwnedOrders

    trader = find_trader()
    async with AsyncExitStack() as stack:
        from orchestrator.paper_session import MIRRORED, data_folder_lock, paper_exchange

        # two commands that judge the same account at once would both find it empty and both open
        stack.enter_context(data_folder_lock(settings.data_dir, "desk"))
        store = stack.enter_context(open_store(settings))
        with translated():
            store.constraints.current(trader.descriptor.trader_id)
        claim_folder(store, exchange_name, live, clock.now_ms())
        ledger_account: str | None = None
        if live:
            exchange, venue = await live_market(stack, exchange_name, settings)
        elif exchange_name in MIRRORED:
            exchange, venue = await mirrored(stack, exchange_name, settings)
        else:
            url = await stack.enter_async_context(paper_exchange(settings))
            paper = await stack.enter_async_context(connected("paper", url))
            exchange, venue = await market_of(stack, exchange_name, paper, settings)
            if exchange_name == "paper":
                ledger_account = await paper_ledger(store, url, clock)
        # the folder's lock makes this the only process of that name
        ownership = owner_of(store.database, exchange_name, owner_of_folder(settings), clock, lazily=True)
        stack.callback(_let_go, ownership)
        yield Desk(
            settings=settings,
            clock=clock,
            store=replace(
                store,
                orders=OwnedOrders(store.database, ownership.mine),
                pairs=ScopedPairs(store.database, trader.descriptor.trader_id),
            ),
            trader=trader,
            exchange_name=exchange_name,
            own_clock=exchange_name == "paper",
            exchange=exchange,
            venue=ShadowVenue(venue, ownership) if shadow else FencedVenue(venue, ownership),
            shadow=shadow,
            live=live,
            paper_fills=exchange_name in MIRRORED and not live,
            series=SeriesStore(settings.data_dir / "market"),
            ownership=ownership,
            ledger_account=ledger_account,
        )


async def paper_ledger(store: Store, url: str, clock: Clock) -> str:
    """The name in the ledger of the paper account at `url`. Raises HostError."""
    from orchestrator.paper_identity import identity, ledger_name

    account = await identity(url)
    with translated():
        return ledger_name(store, account, clock.now_ms())


def owner_of(database: "Database", account: str, owner: str, clock: Clock, *, lazily: bool = False) -> "Ownership":
    """The leases of a process on an account."""
    from db.leases_repository import LeasesRepository
    from orchestrator.ownership import Ownership

    return Ownership(LeasesRepository(database), account, owner, clock, lazily=lazily)


def owner_of_folder(settings: Settings) -> str:
    """The name under which the one process of a data folder holds its leases."""
    folder = hashlib.sha256(str(settings.data_dir.resolve()).encode()).hexdigest()[:8]
    return f"{platform.node() or 'unknown'}:{folder}"


def _let_go(ownership: "Ownership") -> None:
    """At the end; a database that does not answer any more lets the leases run out."""
    from db.errors import DatabaseError

    try:
        ownership.release()
    except DatabaseError:
        pass


async def market_of(stack: AsyncExitStack, exchange_name: str, paper: Any, settings: Settings) -> tuple[Any, "Venue"]:
    """The market that is looked at, and the account in front of it: a real market is read without keys."""
    from orchestrator.execution.ccxt_venue import CcxtVenue

    if exchange_name == "paper":
        return paper, CcxtVenue(paper, "paper")
    from orchestrator.execution.public_venue import PublicVenue

    address = settings.environment.get(f"VOLGAMMA_{exchange_name.upper()}_URL")
    real = await stack.enter_async_context(connected(exchange_name, address))
    return real, PublicVenue(real, exchange_name, CcxtVenue(paper, "paper"))


async def mirrored(stack: AsyncExitStack, exchange_name: str, settings: Settings) -> tuple[Any, "Venue"]:
    """A real market, and a paper account that trades on it. Raises HostError."""
    from orchestrator.execution.paper_filled import PaperFilled
    from orchestrator.paper_session import mirror_of

    url = await stack.enter_async_context(mirror_of(settings, exchange_name))
    client = await stack.enter_async_context(connected("paper", url))
    return client, PaperFilled(client, exchange_name)


async def live_market(stack: AsyncExitStack, exchange_name: str, settings: Settings) -> tuple[Any, "Venue"]:
    """The real market and the real account on it. Raises HostError; refuses venues that were not checked."""
    from orchestrator.execution.accounts import account
    from orchestrator.live import live_keys, refuse_live

    refuse_live(settings, exchange_name, live=True)
    address = settings.environment.get(f"VOLGAMMA_{exchange_name.upper()}_URL")
    real = await stack.enter_async_context(connected(exchange_name, address, live_keys(settings, exchange_name)))
    return real, account(real, exchange_name)


@asynccontextmanager
async def connected(exchange_name: str, base_url: str | None, keys: "Keys | None" = None) -> AsyncIterator[Any]:
    """A loaded ccxt exchange. Raises HostError when it cannot be reached."""
    from data_fetchers.errors import FetchError
    from data_fetchers.translate import without_query
    from data_fetchers.venue import open_exchange

    # the paper exchange on loopback knows this pair of keys; they open nothing else
    key, secret = ("key", "secret") if exchange_name == "paper" else (None, None)
    password: str | None = None
    if keys is not None:
        key, secret = keys.key.get_secret_value(), keys.secret.get_secret_value()
        password = None if keys.password is None else keys.password.get_secret_value()
    try:
        exchange = open_exchange(exchange_name, base_url=base_url, api_key=key, secret=secret, password=password)
    except FetchError as error:
        raise HostError("exchange_unknown", str(error), "paper, binanceusdm, bybit, okx or bitget") from error
    try:
        try:
            await exchange.load_markets()
        except Exception as error:  # ccxt raises its own tree, aiohttp another: either way it cannot be reached
            raise HostError(
                "exchange_unreachable",
                f"exchange {exchange_name} at {base_url or 'its public address'} does not answer: "
                f"{type(error).__name__}: {without_query(str(error))[:160]}",
                "check the address (VOLGAMMA_PAPER_URL) and that `volgamma exchange serve` is running"
                if exchange_name == "paper"
                else "check the network, or use --exchange paper",
            ) from error
        yield exchange
    finally:
        await exchange.close()
