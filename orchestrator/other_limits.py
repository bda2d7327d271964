"""The same constraints with other values, for a question and not for the database: "what would these limits do?"."""

import json
from collections.abc import Iterable
from typing import Any

from orchestrator.errors import HostError, UsageError
from traders.contract.constraints import ConstraintError, ConstraintSet, constraint_set, limit_values, parse_limits


def changed(constraints: ConstraintSet, changes: dict[str, Any]) -> ConstraintSet:
    """The set with other values under the same version number. Raises HostError naming what is wrong."""
    if not changes:
        return constraints
    try:
        limits = parse_limits({**limit_values(constraints.limits), **changes}, where="this run")
    except ConstraintError as error:
        raise HostError("constraints", str(error), "see `volgamma constraints show`") from error
    return constraint_set(constraints.trader_id, constraints.version, limits)


def parsed(given: Iterable[str]) -> dict[str, Any]:
    """`key=value` texts; a value is JSON where it is JSON, else the text itself. Raises UsageError."""
    changes: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise UsageError("usage", f"--set {one!r}", "for example --set stop_loss_max=0.06")
        try:
            changes[key.strip()] = json.loads(value)
        except ValueError:
            changes[key.strip()] = value
    return changes
