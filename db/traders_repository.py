"""The traders a database knows, with the pairs and time frames their constraints allow."""

from dataclasses import dataclass

from sqlalchemy import select

from db.constraints_repository import ConstraintsRepository
from db.database import Database
from db.errors import NotFound
from db.models import TraderRow


@dataclass(frozen=True)
class KnownTrader:
    """A trader's row; `pairs` and `timeframes` are those of its current constraints."""

    trader_id: int
    name: str
    enabled: bool
    created_at: int
    pairs: tuple[str, ...]
    timeframes: tuple[str, ...]


class TradersRepository:
    """Traders by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ids(self) -> tuple[int, ...]:
        """Every trader's id."""
        with self._database.read() as connection:
            return tuple(connection.execute(select(TraderRow.trader_id).order_by(TraderRow.trader_id)).scalars())

    def get(self, trader_id: int) -> KnownTrader:
        """One trader. Raises NotFound, ConstraintError."""
        with self._database.read() as connection:
            row = connection.execute(select(TraderRow.__table__).where(TraderRow.trader_id == trader_id)).one_or_none()
        if row is None:
            raise NotFound(f"trader {trader_id} is not in the database", "see `volgamma traders list`")
        limits = ConstraintsRepository(self._database).current(trader_id).limits
        return KnownTrader(**row._mapping, pairs=limits.allowed_symbols, timeframes=limits.allowed_timeframes)
