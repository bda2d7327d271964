"""Which traders may decide: a row of the database, changed with author and reason, asked before every desk is opened.

A trader that is off keeps its open pairs: they are managed and protected all the same, only nothing new is decided.
"""

from typing import TYPE_CHECKING

from orchestrator.errors import HostError
from traders.contract.limits import Limits
from traders.contract.trader import TraderDescriptor

if TYPE_CHECKING:
    from db.database import Database


def require_enabled(database: "Database", descriptor: TraderDescriptor) -> None:
    """Raises HostError with the remedy unless the trader may decide."""
    from db.traders_repository import TradersRepository

    require_same(database, descriptor)
    state = TradersRepository(database).enabled().get(descriptor.trader_id)
    if not state:
        raise HostError(
            "trader_disabled",
            f"trader #{descriptor.trader_id} {descriptor.name} is "
            + ("disabled" if state is False else "installed, but was never enabled"),
            f'run `volgamma traders enable {descriptor.trader_id} --why "..."`',
        )


def require_same(database: "Database", descriptor: TraderDescriptor) -> None:
    """Raises HostError when the id belongs to a trader of another name here: limits and pairs would be inherited."""
    from db.traders_repository import TradersRepository

    known = TradersRepository(database).names().get(descriptor.trader_id)
    if known is not None and known.casefold() != descriptor.name.casefold():
        raise HostError(
            "trader_id_taken",
            f"id {descriptor.trader_id} belongs to trader {known} in this database; {descriptor.name} is another one",
            "give the new trader an id of its own",
        )


def first_limits(descriptor: TraderDescriptor) -> Limits:
    """The constraints a trader starts with: those delivered, for its own symbols and time frames."""
    from db.seed import seed_limits

    return seed_limits().model_copy(
        update={"allowed_symbols": descriptor.symbols, "allowed_timeframes": descriptor.timeframes}
    )
