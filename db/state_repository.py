"""Switches and running figures: kill switch, drawdown latch, equity high, day-start equity, key and value.

The kill switch fails closed: whatever keeps it from being read, `kill_switch` answers that it is on.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert, select, update

from db.blobs import as_json, insert_once
from db.database import Database
from db.models import StateChangeRow, StateRow
from traders.contract.base import canonical_json

KILL = "kill"
DRAWDOWN = "drawdown_latch"
EQUITY_HIGH = "equity_high"
DAY_START = "day_start_equity"
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Stored:
    """A value (JSON) with who set it, why and when."""

    value: Any
    who: str
    why: str
    at: int


@dataclass(frozen=True)
class KillSwitch:
    """On: no new risk. `flatten`: open pairs are to be closed too. `when` is None when it could not be read."""

    killed: bool
    flatten: bool
    who: str
    why: str
    when: int | None


class StateRepository:
    """State by scope (an exchange account, empty for all) and key. `at` is UTC milliseconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, scope: str = "") -> Stored | None:
        """The value, or None when it was never set."""
        with self._database.read() as connection:
            return _get(connection, scope, key)

    def set(self, key: str, value: Any, who: str, why: str, at: int, scope: str = "") -> None:
        """Set a value, and note the change."""
        with self._database.write() as connection:
            _set(connection, scope, key, value, who, why, at)

    def history(self, key: str, scope: str = "") -> tuple[Stored, ...]:
        """Every change of a value, oldest first."""
        query = select(StateChangeRow.__table__).where(StateChangeRow.scope == scope, StateChangeRow.key == key)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(StateChangeRow.id)).all()
        return tuple(Stored(json.loads(row.value), row.who, row.why, row.at) for row in rows)

    def scopes(self, key: str) -> tuple[str, ...]:
        """Where a value of this key is set, sorted."""
        query = select(StateRow.scope).where(StateRow.key == key).order_by(StateRow.scope)
        with self._database.read() as connection:
            return tuple(connection.execute(query).scalars())

    # kill switch

    def kill(self, who: str, why: str, at: int, flatten: bool = False) -> None:
        """Throw the kill switch. A later kill without `flatten` does not take back an earlier one with it."""
        with self._database.write() as connection:
            _set(connection, "", KILL, {"killed": True, "flatten": flatten or _flattening(connection)}, who, why, at)

    def resume(self, who: str, why: str, at: int) -> None:
        """Release the kill switch."""
        self.set(KILL, {"killed": False, "flatten": False}, who, why, at)

    def kill_switch(self) -> KillSwitch:
        """The switch as set; on when it cannot be read, for whatever reason. Never raises."""
        try:
            stored = self.get(KILL)
            if stored is None:
                return KillSwitch(False, False, "", "never thrown", None)
            killed, flatten = stored.value["killed"], stored.value["flatten"]
            if not isinstance(killed, bool) or not isinstance(flatten, bool):
                raise TypeError("killed and flatten are no booleans")
        except Exception as error:  # fail closed: an unreadable switch is a thrown one
            return KillSwitch(True, False, "volgamma", f"the kill switch cannot be read: {error}", None)
        return KillSwitch(killed, flatten, stored.who, stored.why, stored.at)

    # drawdown latch

    def latch_drawdown(self, exchange: str, trader_id: int, why: str, at: int) -> bool:
        """Latch a trader's entries off on an account; whether it was free before."""
        with self._database.write() as connection:
            before = _get(connection, exchange, DRAWDOWN, lock=True)
            standing = _latched(before)
            if standing is None or trader_id in standing:
                return False
            _set(connection, exchange, DRAWDOWN, sorted({*standing, trader_id}), "volgamma", why, at)
            return True

    def release_drawdown(self, exchange: str, who: str, why: str, at: int) -> bool:
        """Release the latch of an account, a person's decision; whether it was thrown.

        The drawdown is then measured anew, from the next equity that is seen: under the old high it would be thrown
        again at once.
        """
        with self._database.write() as connection:
            before = _get(connection, exchange, DRAWDOWN, lock=True)
            if _latched(before) == frozenset():
                return False
            _set(connection, exchange, DRAWDOWN, False, who, why, at)
            _set(connection, exchange, EQUITY_HIGH, None, who, why, at)
            return True

    def drawdown_latched(self, exchange: str, trader_id: int | None = None) -> bool:
        """Whether a trader's entries, or anybody's, are latched off; what cannot be understood counts as latched."""
        standing = _latched(self.get(DRAWDOWN, exchange))
        if standing is None:
            return True
        return bool(standing) if trader_id is None else trader_id in standing

    def latched_accounts(self) -> dict[str, Stored]:
        """Accounts on which somebody's entries are latched off, and since when."""
        query = select(StateRow.__table__).where(StateRow.key == DRAWDOWN).order_by(StateRow.scope)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = {row.scope: Stored(json.loads(row.value), row.who, row.why, row.at) for row in rows}
        return {scope: stored for scope, stored in found.items() if _latched(stored) != frozenset()}

    # equity figures of an account, USDT

    def note_equity(self, exchange: str, equity: Decimal, at: int) -> tuple[Decimal, Decimal]:
        """Take note of an account's equity: (equity high, equity at the start of its UTC day).

        The first figure seen on a UTC day is the day's start; the high never falls.
        """
        day = at // _DAY_MS
        with self._database.write() as connection:
            high = _get(connection, exchange, EQUITY_HIGH, lock=True)
            before = None if high is None or high.value is None else Decimal(high.value)
            top = equity if before is None else max(before, equity)
            if top != before:
                _set(connection, exchange, EQUITY_HIGH, str(top), "volgamma", "new equity high", at)
            start = _get(connection, exchange, DAY_START, lock=True)
            if start is not None and start.value["day"] >= day:
                return top, Decimal(start.value["equity"])
            value = {"day": day, "equity": str(equity)}
            _set(connection, exchange, DAY_START, value, "volgamma", "first figure of the UTC day", at)
            return top, equity

    def equity_high(self, exchange: str) -> Decimal | None:
        """The highest equity seen, USDT; None before the first, and after a latch was released."""
        stored = self.get(EQUITY_HIGH, exchange)
        return None if stored is None or stored.value is None else Decimal(stored.value)

    def day_start_equity(self, exchange: str, at: int) -> Decimal | None:
        """The first equity seen on the UTC day of `at`, None when none was."""
        stored = self.get(DAY_START, exchange)
        if stored is None or stored.value["day"] != at // _DAY_MS:
            return None
        return Decimal(stored.value["equity"])


def _latched(stored: Stored | None) -> frozenset[int] | None:
    """The traders that are latched off; None: a value that says nothing, which counts as all of them."""
    if stored is None or stored.value is False:
        return frozenset()
    value = stored.value
    if isinstance(value, list) and value and all(type(one) is int for one in value):
        return frozenset(value)
    return None


def _flattening(connection: Connection) -> bool:
    """Whether a standing kill asks for flat pairs; damage must not keep the switch from being thrown."""
    try:
        stored = _get(connection, "", KILL, lock=True)
        return stored is not None and stored.value["killed"] is True and stored.value["flatten"] is True
    except (ValueError, TypeError, KeyError):
        return False


def _get(connection: Connection, scope: str, key: str, *, lock: bool = False) -> Stored | None:
    """The value; with `lock` nobody else changes it before this transaction ends."""
    query = select(StateRow.__table__).where(StateRow.scope == scope, StateRow.key == key)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else Stored(json.loads(row.value), row.who, row.why, row.at)


def _set(connection: Connection, scope: str, key: str, value: Any, who: str, why: str, at: int) -> None:
    change = {"value": canonical_json(as_json(value)), "who": who, "why": why, "at": at}
    place = {"scope": scope, "key": key}
    if not insert_once(connection, StateRow, {**place, **change}):
        connection.execute(update(StateRow).where(StateRow.scope == scope, StateRow.key == key).values(**change))
    connection.execute(insert(StateChangeRow).values(**place, **change))
