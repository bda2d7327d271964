"""Constraints in versions: read, changed as a whole, kept for ever.

A change writes a new version with every row; nothing is ever updated. It is validated as a whole first, so an unknown,
ill-typed or contradictory value changes nothing. Two changes at once become two versions, the second made on top of the
first. Unusable constraints raise `traders.contract.constraints.ConstraintError`, which names the key and the remedy.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from db.constraint_changes import Change, applied
from db.database import Database
from db.errors import BadImport, Conflict, NotFound
from db.models import ConstraintValueRow as Value
from db.models import ConstraintVersionRow as Version
from db.models import TraderRow
from traders.contract.base import canonical_json
from traders.contract.constraints import (
    ConstraintDocument,
    ConstraintError,
    ConstraintRow,
    ConstraintSet,
    checked,
    constraint_set,
    constraints_hash,
    limit_values,
    parse_limits,
)
from traders.contract.limits import Limits, unit_of

_ATTEMPTS = 5


@dataclass(frozen=True)
class VersionInfo:
    """One version, and the keys it changed (all of them for the first)."""

    version: int
    hash: str
    who: str
    why: str
    when: int
    changes: tuple[Change, ...]


class ConstraintsRepository:
    """Constraint sets by trader. One trader's rows are never read for another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, trader_id: int) -> ConstraintSet:
        """The newest version. Raises ConstraintError."""
        with self._database.read() as connection:
            return _load(connection, trader_id, _newest(connection, trader_id))

    def version(self, trader_id: int, version: int) -> ConstraintSet:
        """A past version, exactly as it judged. Raises NotFound, ConstraintError."""
        with self._database.read() as connection:
            return _load(connection, trader_id, version)

    def rows(self, trader_id: int, version: int | None = None) -> tuple[ConstraintRow, ...]:
        """Rows sorted by key, of the newest version by default. Raises ConstraintError, NotFound."""
        with self._database.read() as connection:
            number = _newest(connection, trader_id) if version is None else version
            _load(connection, trader_id, number)
            return _rows(connection, trader_id, number)

    def set(self, trader_id: int, changes: Mapping[str, Any], who: str, why: str, when: int) -> ConstraintSet:
        """A new version with these values changed; a dotted key reaches inside a value (`data_age_max_s.book`).

        Values equal to the present ones make no new version. Raises ConstraintError (nothing is changed), Conflict.
        """
        where = f"trader {trader_id}"

        def change(values: dict[str, Any]) -> dict[str, Any]:
            return applied(values, changes, where=where)

        return self._renew(trader_id, change, who=who, why=why, when=when)

    def history(self, trader_id: int, key: str | None = None) -> tuple[VersionInfo, ...]:
        """Every version, oldest first, with what it changed; with `key` only the versions that changed it."""
        if key is not None and key not in Limits.model_fields:
            raise ConstraintError(_unknown(key))
        with self._database.read() as connection:
            _newest(connection, trader_id)
            versions = connection.execute(
                select(Version.__table__).where(Version.trader_id == trader_id).order_by(Version.version)
            ).all()
            found = []
            before: dict[str, Any] = {}
            for row in versions:
                after = _values(connection, trader_id, row.version)
                changed = tuple(
                    Change(name, before.get(name), after.get(name))
                    for name in sorted(before.keys() | after.keys())
                    if before.get(name) != after.get(name) and key in (None, name)
                )
                if changed or key is None:
                    found.append(VersionInfo(row.version, row.hash, row.who, row.why, row.changed_at, changed))
                before = after
        return tuple(found)

    def diff(self, trader_id: int, first: int, second: int) -> tuple[Change, ...]:
        """What differs between two versions. Raises NotFound, ConstraintError."""
        old = limit_values(self.version(trader_id, first).limits)
        new = limit_values(self.version(trader_id, second).limits)
        return tuple(Change(key, old[key], new[key]) for key in sorted(old) if old[key] != new[key])

    def export_document(self, trader_id: int, version: int | None = None) -> dict[str, Any]:
        """`volgamma.constraints/1`: schema, trader_id, version, hash, values sorted by key."""
        with self._database.read() as connection:
            number = _newest(connection, trader_id) if version is None else version
            loaded = _load(connection, trader_id, number)
            rows = _rows(connection, trader_id, number)
        document = ConstraintDocument(
            schema="volgamma.constraints/1", trader_id=trader_id, version=number, hash=loaded.hash, values=rows
        )
        return document.model_dump(mode="json", by_alias=True)

    def import_document(
        self,
        document: Mapping[str, Any],
        who: str,
        why: str,
        when: int,
        trader_id: int | None = None,
        *,
        edited: bool = False,
    ) -> ConstraintSet:
        """Make an exported set the newest version of its own trader (no new version when nothing differs).

        `edited`: the values are meant, whatever hash the document states.

        Raises BadImport (malformed, hash or unit differs, other trader), ConstraintError (unusable values).
        """
        read, limits = read_document(document, edited=edited)
        if trader_id is not None and read.trader_id != trader_id:
            raise BadImport(
                f"the document holds the constraints of trader {read.trader_id}, not of trader {trader_id}",
                "limits of one trader never apply to another: export those of the right trader",
            )
        values = limit_values(limits)
        sources = {row.key: row.source for row in read.values}
        return self._renew(read.trader_id, lambda _: values, who=who, why=why, when=when, sources=sources)

    def _renew(
        self,
        trader_id: int,
        change: Any,
        *,
        who: str,
        why: str,
        when: int,
        sources: Mapping[str, str] | None = None,
    ) -> ConstraintSet:
        if not why.strip() or not who.strip():
            raise ConstraintError("a change of constraints needs an author and a reason: give --who and --why")
        for _ in range(_ATTEMPTS):
            try:
                with self._database.write() as connection:
                    old = _load(connection, trader_id, _newest(connection, trader_id))
                    limits = parse_limits(change(limit_values(old.limits)), where=f"trader {trader_id}")
                    if limits == old.limits:
                        return old
                    return _write(connection, old, limits, who=who, why=why, when=when, sources=sources or {})
            except IntegrityError:
                continue  # another writer took the number: do it again on top of that version
        raise Conflict(f"the constraints of trader {trader_id} keep changing", "try again in a moment")


def read_document(document: Mapping[str, Any], *, edited: bool = False) -> tuple[ConstraintDocument, Limits]:
    """An export, verified: shape, units, hash, values. Raises BadImport, ConstraintError.

    `edited` takes values that do not give the document's hash: what-if questions are asked with a changed file.
    """
    remedy = "use a file written by `volgamma constraints export`"
    try:
        read = ConstraintDocument.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadImport(f"constraints document: {where}: {first['msg']}", remedy) from None
    keys = [row.key for row in read.values]
    if len(set(keys)) != len(keys):
        raise BadImport("constraints document: a key occurs twice", remedy)
    limits = checked({row.key: row.value for row in read.values})
    if not isinstance(limits, Limits):
        raise ConstraintError(f"constraints document: {'; '.join(limits)}. Correct the document.")
    for row in read.values:
        if row.unit != unit_of(row.key):
            raise BadImport(
                f"constraints document: {row.key} is in {row.unit!r}, needed is {unit_of(row.key)!r}", remedy
            )
    if constraints_hash(limits) != read.hash and not edited:
        raise BadImport(
            "constraints document: its values do not give its hash (it was edited or damaged)",
            "if it was edited on purpose, give --edited: its values are taken and hashed anew; a single value changes "
            "with `volgamma constraints set`",
        )
    return read, limits


def _newest(connection: Connection, trader_id: int) -> int:
    newest = connection.execute(select(func.max(Version.version)).where(Version.trader_id == trader_id)).scalar()
    if newest is None:
        known = connection.execute(select(TraderRow.trader_id).order_by(TraderRow.trader_id)).scalars().all()
        raise ConstraintError(
            f"trader {trader_id} has no constraints, so it may not trade (traders with a row: "
            f"{', '.join(str(one) for one in known) or 'none'}). Run `volgamma db upgrade`, or "
            f"`volgamma traders enable {trader_id}` for a trader you installed."
        )
    return int(newest)


def _raw(connection: Connection, trader_id: int, version: int) -> list[Row[Any]]:
    query = select(Value.__table__).where(Value.trader_id == trader_id, Value.version == version).order_by(Value.key)
    return list(connection.execute(query))


def _values(connection: Connection, trader_id: int, version: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for row in _raw(connection, trader_id, version):
        try:
            values[row.key] = json.loads(row.value)
        except ValueError:
            raise ConstraintError(
                f"constraint {row.key!r} of trader {trader_id}, version {version}, holds {row.value[:60]!r}, which is "
                f"no JSON value. Correct it with `volgamma constraints import` of an earlier export."
            ) from None
    return values


def _load(connection: Connection, trader_id: int, version: int) -> ConstraintSet:
    """A version, checked against its own hash and units."""
    where = f"trader {trader_id}, version {version}"
    stored = connection.execute(
        select(Version.hash).where(Version.trader_id == trader_id, Version.version == version)
    ).scalar()
    if stored is None:
        raise NotFound(f"there is no {where} of the constraints", "see `volgamma constraints history`")
    limits = parse_limits(_values(connection, trader_id, version), where=where)
    for row in _raw(connection, trader_id, version):
        if row.unit != unit_of(row.key):
            raise ConstraintError(
                f"constraint {row.key!r} of {where} is in {row.unit!r}, needed is {unit_of(row.key)!r}. "
                "Correct it with `volgamma constraints import`."
            )
    loaded = constraint_set(trader_id, version, limits)
    if loaded.hash != stored:
        raise ConstraintError(
            f"the constraints of {where} were edited outside `volgamma constraints`: their values no longer give "
            "their hash. Restore a backup, or `volgamma constraints import` an export."
        )
    return loaded


def _rows(connection: Connection, trader_id: int, version: int) -> tuple[ConstraintRow, ...]:
    return tuple(
        ConstraintRow(
            key=row.key,
            value=json.loads(row.value),
            unit=row.unit,
            source=row.source,
            who=row.who,
            when=row.changed_at,
            why=row.why,
        )
        for row in _raw(connection, trader_id, version)
    )


def _write(
    connection: Connection,
    old: ConstraintSet,
    limits: Limits,
    *,
    who: str,
    why: str,
    when: int,
    sources: Mapping[str, str],
) -> ConstraintSet:
    made = constraint_set(old.trader_id, old.version + 1, limits)
    number = {"trader_id": made.trader_id, "version": made.version}
    change = {"who": who, "why": why, "changed_at": when}
    before, after = limit_values(old.limits), limit_values(limits)
    connection.execute(insert(Version), [{**number, "hash": made.hash, **change}])
    rows = []
    for row in _raw(connection, old.trader_id, old.version):
        if before[row.key] == after[row.key]:
            rows.append({**row._mapping, **number})
        else:
            source = sources.get(row.key, row.source)
            new = {"value": canonical_json(after[row.key]), "source": source, "changed_in": made.version}
            rows.append({**row._mapping, **number, **change, **new})
    connection.execute(insert(Value), rows)
    return made


def _unknown(key: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, list(Limits.model_fields), n=1)
    return f"there is no constraint {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")
