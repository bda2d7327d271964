"""Planned mishaps: what happens to which request. A plan is posted by control and replaced as a whole."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

#: What can go wrong, and its number: names it goes by, default, least, most (in ms, HTTP status, code, share).
_NUMBERS: dict[str, tuple[tuple[str, ...], float, float, float]] = {
    "drop_response": ((), 0, 0, 0),
    "cut_body": ((), 0, 0, 0),
    "delay_ms": (("ms", "delay_ms", "value"), 1_000, 0, 600_000),
    "status": (("status", "value"), 503, 400, 599),
    "error_code": (("code", "error_code", "value"), -1001, -99_999, -1),
    "partial_fill": (("fraction", "share", "value"), 0.5, 0, 1),
    "reject_leg": ((), 0, 0, 0),
}
KINDS = tuple(_NUMBERS)
_OTHERS = {
    "error_code": {"msg", "status"},
    "status": {"msg", "retry_after"},
    "reject_leg": {"position_side", "positionSide"},
}


#: A venue never bans for longer than three days.
_LONGEST_BAN_S = 259_200


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
    amount: float
    seen: int = 0


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
            side = str(fault.options.get("position_side", fault.options.get("positionSide", "BOTH"))).upper()
            if fault.do == "reject_leg" and side != "BOTH" and parameters.get("positionSide") != side:
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
    if nth is not None and (isinstance(nth, bool) or not isinstance(nth, int) or nth < 1):
        raise BadFault(f"fault {number}: nth counts from 1")
    method, path = match.get("method"), match.get("path")
    if not all(text is None or isinstance(text, str) for text in (method, path)):
        raise BadFault(f"fault {number}: method and path are text, such as POST and /fapi/v1/order")
    options = {key: value for key, value in document.items() if key not in ("match", "do")}
    amount = _amount(document["do"], options, number)
    side = options.get("position_side", options.get("positionSide", "BOTH"))
    if str(side).upper() not in ("LONG", "SHORT", "BOTH"):
        raise BadFault(f"fault {number}: position_side is LONG, SHORT or BOTH, not {side!r}")
    if not 400 <= (options.get("status", 400) if isinstance(options.get("status", 400), int) else 0) <= 599:
        raise BadFault(f"fault {number}: status is an HTTP status from 400 to 599")
    wait = options.get("retry_after", 0)
    if isinstance(wait, bool) or not isinstance(wait, int) or not 0 <= wait <= _LONGEST_BAN_S:
        raise BadFault(f"fault {number}: retry_after is a whole number of seconds from 0 to {_LONGEST_BAN_S}")
    return Fault(document["do"], method.upper() if method and method != "*" else None, path, nth, options, amount)


def _amount(do: str, options: dict[str, Any], number: int) -> float:
    names, default, least, most = _NUMBERS[do]
    unknown = set(options) - set(names) - _OTHERS.get(do, set())
    if unknown:
        raise BadFault(f"fault {number}: {do} does not take {', '.join(sorted(unknown))}")
    value = next((options[name] for name in names if name in options), default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise BadFault(f"fault {number}: {names[0]} is a number from {least:g} to {most:g}, not {value!r}")
    return value
