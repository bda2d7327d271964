"""A versioned, hashed set of constraints, and the errors that stop a trader without one."""

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, JsonValue, ValidationError

from traders.contract import limit_words
from traders.contract.base import ContractError, Frozen, Millis, content_hash
from traders.contract.limits import Limits, unit_of


class ConstraintError(ContractError):
    """The constraints cannot be used; the message names the key and the remedy."""


class ConstraintRow(Frozen):
    """One database row: a value with where it comes from and who changed it last."""

    key: str
    value: JsonValue
    unit: str
    source: str
    who: str
    when: Millis
    why: str


class ConstraintSet(Frozen):
    """What the guard judges by. `hash` covers key, unit and value of every row."""

    trader_id: int
    version: int
    hash: str
    limits: Limits


class ConstraintDocument(Frozen):
    """The export and import format (`volgamma.constraints/1`)."""

    schema_: Literal["volgamma.constraints/1"] = Field(alias="schema")
    trader_id: int
    version: int
    hash: str
    values: tuple[ConstraintRow, ...]


def limit_values(limits: Limits) -> dict[str, Any]:
    """Key -> JSON value, as stored and hashed."""
    return limits.model_dump(mode="json")


def constraints_hash(limits: Limits) -> str:
    """SHA-256 of canonical ``[[key, unit, value], ...]`` sorted by key."""
    return content_hash([[key, unit_of(key), value] for key, value in sorted(limit_values(limits).items())])


def parse_limits(values: dict[str, Any], *, where: str) -> Limits:
    """Typed limits of raw values.

    Raises ConstraintError naming every unknown (with "did you mean"), missing, ill-typed or contradictory key.
    """
    found = checked(values)
    if isinstance(found, Limits):
        return found
    raise ConstraintError(
        f"constraints of {where} cannot be used: "
        + "; ".join(found)
        + ". Correct them with `volgamma constraints set` or `volgamma constraints import`."
    )


def checked(values: Mapping[str, Any], now: Mapping[str, Any] | None = None) -> Limits | tuple[str, ...]:
    """Typed limits of raw values, or what is wrong with them. `now`: the values in force, to be told beside."""
    known = list(Limits.model_fields)
    complaints: list[str] = []
    for key in sorted(set(values) - set(known)):
        near = difflib.get_close_matches(key, known, n=1)
        complaints.append(f"unknown key {key!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    complaints += [f"missing key {key!r}" for key in known if key not in values]
    if not complaints:
        try:
            limits = Limits.model_validate(values)
        except ValidationError as error:
            complaints = list(limit_words.complaints(error, now))
        else:
            complaints = list(limits.problems())
            if not complaints:
                return limits
    return tuple(complaints)


def constraint_set(trader_id: int, version: int, limits: Limits) -> ConstraintSet:
    """A set with its hash."""
    return ConstraintSet(trader_id=trader_id, version=version, hash=constraints_hash(limits), limits=limits)
