"""The traders a database knows, with the pairs and time frames their constraints allow, and who may decide."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from db.constraints_repository import ConstraintsRepository
from db.database import Database
from db.errors import NotFound
from db.models import ConstraintValueRow, ConstraintVersionRow, StateChangeRow, TraderRow
from traders.contract.base import canonical_json
from traders.contract.constraints import constraints_hash, limit_values
from traders.contract.limits import Limits, unit_of

#: Key under which a switch is noted among the changes of state; the scope is the trader's id.
ENABLED = "trader_enabled"


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

    def enabled(self) -> Mapping[int, bool]:
        """Id -> whether it may decide. A trader that is not in here has never been enabled."""
        with self._database.read() as connection:
            rows = connection.execute(select(TraderRow.trader_id, TraderRow.enabled)).all()
        return {row.trader_id: bool(row.enabled) for row in rows}

    def names(self) -> Mapping[int, str]:
        """Id -> the name it was enabled under."""
        with self._database.read() as connection:
            rows = connection.execute(select(TraderRow.trader_id, TraderRow.name)).all()
        return {row.trader_id: row.name for row in rows}

    def get(self, trader_id: int) -> KnownTrader:
        """One trader. Raises NotFound, ConstraintError."""
        with self._database.read() as connection:
            row = connection.execute(select(TraderRow.__table__).where(TraderRow.trader_id == trader_id)).one_or_none()
        if row is None:
            raise NotFound(f"trader {trader_id} is not in the database", f"run `volgamma traders enable {trader_id}`")
        limits = ConstraintsRepository(self._database).current(trader_id).limits
        return KnownTrader(**row._mapping, pairs=limits.allowed_symbols, timeframes=limits.allowed_timeframes)

    def enrol(self, trader_id: int, name: str, limits: Limits, who: str, why: str, when: int) -> bool:
        """Make a trader known, disabled, with version 1 of its constraints; False when it is known already."""
        change = {"who": who, "why": why, "changed_at": when}
        values = limit_values(limits)
        head = {"trader_id": trader_id, "version": 1}
        try:
            with self._database.write() as connection:
                if connection.execute(select(TraderRow.trader_id).where(TraderRow.trader_id == trader_id)).first():
                    return False
                row = {"trader_id": trader_id, "name": name, "enabled": False, "created_at": when}
                connection.execute(insert(TraderRow), [row])
                connection.execute(insert(ConstraintVersionRow), [{**head, "hash": constraints_hash(limits), **change}])
                connection.execute(
                    insert(ConstraintValueRow),
                    [
                        {
                            **head,
                            "key": key,
                            "value": canonical_json(value),
                            "unit": unit_of(key),
                            "source": "as delivered",
                            **change,
                            "changed_in": 1,
                        }
                        for key, value in sorted(values.items())
                    ],
                )
        except IntegrityError:  # another process was faster
            return False
        return True

    def switch(self, trader_id: int, enabled: bool, who: str, why: str, when: int) -> bool:
        """Let a trader decide, or not; False when it was so already. Kept with author and reason. Raises NotFound."""
        with self._database.write() as connection:
            found = connection.execute(select(TraderRow.enabled).where(TraderRow.trader_id == trader_id)).first()
            if found is None:
                raise NotFound(f"trader {trader_id} is not in the database", "see `volgamma traders list`")
            if bool(found.enabled) is enabled:
                return False
            connection.execute(update(TraderRow).where(TraderRow.trader_id == trader_id).values(enabled=enabled))
            _note(connection, trader_id, enabled, who, why, when)
        return True


def _note(connection: Connection, trader_id: int, enabled: bool, who: str, why: str, when: int) -> None:
    row = {
        "scope": str(trader_id),
        "key": ENABLED,
        "value": canonical_json(enabled),
        "who": who,
        "why": why,
        "at": when,
    }
    connection.execute(insert(StateChangeRow), [row])
