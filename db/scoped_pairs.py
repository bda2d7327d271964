"""Pairs as one of several traders, or one of several processes, may see them."""

from collections.abc import Callable

from sqlalchemy import func, or_, select

from db.database import Database
from db.models import PairEventRow
from db.pairs_repository import PairsRepository
from traders.contract.portfolio import OpenPair


def trader_of(name: str) -> int | None:
    """The trader in a decision's or pair's id (`11-SOLUSDT-...`); None for an id that names none."""
    first = name.partition("-")[0]
    return int(first) if first.isdecimal() else None


class ScopedPairs(PairsRepository):
    """Only one trader's pairs, and of these only what `wanted` lets through; trades are counted for the trader."""

    def __init__(self, database: Database, trader_id: int, wanted: Callable[[OpenPair], bool] = lambda _: True) -> None:
        super().__init__(database)
        self._trader_id = trader_id
        self._wanted = wanted

    def open_pairs(self, exchange: str | None = None) -> tuple[OpenPair, ...]:
        """Pairs that are not flat, oldest first. Raises Corrupt."""
        return tuple(
            pair
            for pair in super().open_pairs(exchange)
            if trader_of(pair.pair_id) == self._trader_id and self._wanted(pair)
        )

    def trades_since(self, ms: int, exchange: str | None = None) -> int:
        """This trader's trades counted after `ms`, as `PairsRepository.trades_since` counts everybody's."""
        query = select(func.coalesce(func.sum(PairEventRow.trades), 0)).where(
            PairEventRow.at > ms, PairEventRow.pair_id.startswith(f"{self._trader_id}-")
        )
        if exchange is not None:
            query = query.where(or_(PairEventRow.exchange == exchange, PairEventRow.exchange.is_(None)))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())
