"""Limits as people write them on a command line: how a value is read, and what is said of one that cannot be used."""

import json
import re
from collections.abc import Mapping
from typing import Any

from data_fetchers.symbols import UnknownSymbol, normalise
from db.constraint_changes import applied
from orchestrator.errors import HostError
from traders.contract.constraints import ConstraintError, checked
from traders.contract.limits import Limits

#: An example of each limit that is more than one value.
LISTS = {
    "allowed_symbols": "SOL,AVAX",
    "forbidden_bases": "BTC,ETH",
    "allowed_timeframes": "1h,4h",
    "rebalance_bands": "0.01:0.5,0.03:1",
}
UNCHANGED = "nothing was changed; correct what is named and try again"


def read(key: str, text: str) -> Any:
    """The value that a text means: JSON, a list as in LISTS, or what `constraints show` prints; else the text itself.

    Symbols may have any usual spelling. What is wrong with a value is not said here but by `merged`.
    """
    try:
        value: Any = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, str) and value.strip(" ,") and key in LISTS:  # emptied only by [], not by a slip
        value = _bands(value) if key == "rebalance_bands" else re.split(r"[,\s]+", value.strip(" ,"))
    if key == "data_age_max_s" and isinstance(value, str):
        value = _parts(value)
    if isinstance(value, list) and key == "allowed_symbols":
        value = [_symbol(one) for one in value]
    if isinstance(value, list) and key == "forbidden_bases":
        value = [one.upper() if isinstance(one, str) else one for one in value]
    return value


def merged(now: Mapping[str, Any], changes: Mapping[str, Any]) -> Limits:
    """The limits in force with these changes; a dotted key reaches inside a value.

    Raises HostError saying of each value what is wrong, what it is now and what is allowed.
    """
    try:
        found = checked(applied(now, changes, where="the limits"), now)
    except ConstraintError as error:
        raise HostError("constraints", str(error), UNCHANGED) from error
    if isinstance(found, Limits):
        return found
    raise HostError("constraints", "; ".join(map(_with_example, found)), UNCHANGED)


def _with_example(complaint: str) -> str:
    """How a list is typed, where it is not said already what to write."""
    key = complaint.partition(":")[0].partition(".")[0]
    return complaint if "write " in complaint or key not in LISTS else f"{complaint}: write for example {LISTS[key]}"


def _symbol(text: Any) -> Any:
    try:
        return normalise(text) if isinstance(text, str) else text
    except UnknownSymbol:
        return text


def _bands(text: str) -> Any:
    """`0.01:0.5,0.03:1`, or `(move 0.01, fraction 0.5) (move 0.03, fraction 1)` as it is shown."""
    shown = re.findall(r"\(([^()]*)\)", text)
    if shown and not re.sub(r"\([^()]*\)", "", text).strip(" ,"):
        return [_parts(one) for one in shown]
    pairs = [part.split(":") for part in text.split(",")]
    if all(len(pair) == 2 for pair in pairs):
        return [{"move": _number(move), "fraction": _number(fraction)} for move, fraction in pairs]
    return text


def _parts(text: str) -> Any:
    """`market 120, book 15` as a dict; the text itself when it is something else."""
    words = [part.split() for part in text.split(",")]
    if all(len(pair) == 2 for pair in words):
        return {name: _number(value) for name, value in words}
    return text


def _number(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()
