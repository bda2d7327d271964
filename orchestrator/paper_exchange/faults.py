"""Planned mishaps: what happens to which request. A plan is posted by control and replaced as a whole."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS = ("drop_response", "delay_ms", "status", "error_code", "partial_fill", "reject_leg")


class BadFault(Exception):
    """A fault that cannot be read; the message says what is wrong and how it is written."""


@dataclass
class Fault:
    """One mishap. `nth` counts matching requests from 1; None: every match."""

    do: str
    method: str | None
    path: str | None
    nth: int | None
    options: dict[str, Any]
    seen: int = 0

    def number(self, *names: str, default: float) -> float:
        """A numeric option under any of its names."""
        for name in (*names, "value"):
            if name in self.options:
                return float(self.options[name])
        return default


@dataclass
class FaultPlan:
    """The faults in force."""

    faults: list[Fault] = field(default_factory=list)

    def replace(self, documents: Any) -> None:
        """Take a new plan. Raises BadFault; the old plan then stays."""
        if not isinstance(documents, list):
            raise BadFault("faults are a list, [] clears them")
        self.faults = [_read(document, number) for number, document in enumerate(documents)]

    def matching(self, method: str, path: str, parameters: dict[str, str]) -> list[Fault]:
        """The faults that strike this request; counting it."""
        struck = []
        for fault in self.faults:
            if fault.method not in (None, method) or not (fault.path is None or fnmatchcase(path, fault.path)):
                continue
            side = str(fault.options.get("position_side", fault.options.get("positionSide", ""))).upper()
            if fault.do == "reject_leg" and side and parameters.get("positionSide") != side:
                continue
            fault.seen += 1
            if fault.nth is None or fault.seen == fault.nth:
                struck.append(fault)
        return struck


def _read(document: Any, number: int) -> Fault:
    if not isinstance(document, dict) or document.get("do") not in KINDS:
        raise BadFault(f"fault {number}: `do` is one of {', '.join(KINDS)}")
    match = document.get("match") or {}
    if not isinstance(match, dict) or set(match) - {"method", "path", "nth"}:
        raise BadFault(f"fault {number}: `match` takes method, path and nth")
    nth = match.get("nth")
    if nth is not None and (not isinstance(nth, int) or nth < 1):
        raise BadFault(f"fault {number}: nth counts from 1")
    method = match.get("method")
    options = {key: value for key, value in document.items() if key not in ("match", "do")}
    return Fault(document["do"], method.upper() if method else None, match.get("path"), nth, options)
