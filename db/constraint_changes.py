"""Changing single values of a constraint set, a part of a value included (`data_age_max_s.book`)."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from traders.contract.constraints import ConstraintError


@dataclass(frozen=True)
class Change:
    """One key's value before and after (None where there was none)."""

    key: str
    old: Any
    new: Any


def applied(values: Mapping[str, Any], changes: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """A copy of `values` with the changes in. Unknown top-level keys stay in, for `parse_limits` to name.

    Raises ConstraintError when a dotted key names no part of its value.
    """
    result = copy.deepcopy(dict(values))
    for key, value in changes.items():
        head, *rest = key.split(".")
        if not rest or head not in result:
            result[head if not rest else key] = value
            continue
        holder: Any = result[head]
        for depth, part in enumerate(rest):
            place = _place(holder, part, f"{where}: {'.'.join([head, *rest[:depth]])}")
            if depth == len(rest) - 1:
                holder[place] = value
            else:
                holder = holder[place]
    return result


def _place(holder: Any, part: str, where: str) -> Any:
    """The key or index that `part` names in a dict or list. Raises ConstraintError."""
    if isinstance(holder, dict):
        if part in holder:
            return part
        raise ConstraintError(f"{where} has no part {part!r}; its parts are {', '.join(sorted(holder))}")
    if isinstance(holder, list):
        if part.isdigit() and int(part) < len(holder):
            return int(part)
        raise ConstraintError(f"{where} has no part {part!r}; its parts are 0 to {len(holder) - 1}")
    raise ConstraintError(f"{where} is a single value and has no part {part!r}")
