"""The same constraints with other values, for a question and not for the database: "what would these limits do?"."""

from collections.abc import Iterable
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.given_limits import merged, read
from traders.contract.constraints import ConstraintSet, constraint_set, limit_values


def changed(constraints: ConstraintSet, changes: dict[str, Any]) -> ConstraintSet:
    """The set with other values under the same version number. Raises HostError naming what is wrong."""
    if not changes:
        return constraints
    return constraint_set(constraints.trader_id, constraints.version, merged(limit_values(constraints.limits), changes))


def parsed(given: Iterable[str]) -> dict[str, Any]:
    """`key=value` texts, values as `given_limits.read` takes them. Raises UsageError."""
    changes: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise UsageError("usage", f"--set {one!r}", "for example --set stop_loss_max=0.06")
        changes[key.strip()] = read(key.strip(), value)
    return changes
