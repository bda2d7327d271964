"""What may be said of a limit's value in words: the range its type allows, and what is wrong with one outside it."""

import json
import re
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import ValidationError

from traders.contract.base import Frozen
from traders.contract.limits import BandLimit, DataAgeMax, Limits

#: Bounds this far out only keep numbers exact; they limit nobody.
_NO_BOUND = 1e9
_SAID = 60
_PARTS: dict[str, type[Frozen]] = {"rebalance_bands": BandLimit, "data_age_max_s": DataAgeMax}
_WRONG = {
    "int": "is no integer",
    "decimal": "is no number",
    "finite": "is no number",
    "bool": "is neither true nor false",
    "literal": "is not one of the words it may be",
    "tuple": "is no list",
    "string": "is no text",
    "greater": "is out of range",
    "less": "is out of range",
}


def allowed(key: str) -> str:
    """The values a row may have, from its type: "1 to 125", "true or false"; words are in backquotes."""
    field = Limits.model_fields[key]
    return _of(field.annotation, field.metadata)


def complaints(error: ValidationError, now: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Each wrong value: where, what it is, what would be right. `now`: the present values, where there are some."""
    items = error.errors(include_url=False)
    inside = {item["loc"][0] for item in items if len(item["loc"]) > 1}
    return tuple(
        _complaint(item, now)
        for item in items
        if not (item["type"] == "too_short" and item["loc"][0] in inside)  # it follows from the others
    )


def _complaint(item: Any, now: Mapping[str, Any] | None) -> str:
    key, kind = str(item["loc"][0]), str(item["type"])
    name, given = ".".join(str(part) for part in item["loc"]), item.get("input")
    if kind == "missing":
        return f"{name} is missing"
    if kind == "extra_forbidden":
        return f"{name}: there is no such part"
    if kind == "too_short":
        wrong = "has too few steps"
    elif kind == "model_type":
        wrong = "does not name its parts"
    else:
        wrong = _WRONG.get(kind.partition("_")[0], "cannot be used")
    tail = [] if now is None else [f"now {_in_force(_at(now, item['loc']))}"]
    if key in Limits.model_fields:
        tail.append(f"allowed {_allowed_at(item['loc']).replace('`', '').removeprefix('whole number, ')}")
    return f"{name}: {_said(given)} {wrong} ({', '.join(tail)})" + _better(kind, given, name)


def _at(now: Mapping[str, Any], place: tuple[Any, ...]) -> Any:
    """The present value of a key, or of the part of it that is named."""
    found: Any = now.get(place[0])
    for part in place[1:]:
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and isinstance(part, int) and part < len(found):
            found = found[part]
    return found


def _allowed_at(place: tuple[Any, ...]) -> str:
    """The range of a value, or of the part of a value that is named last."""
    part = _PARTS.get(place[0])
    if part is not None and place[-1] in part.model_fields:
        field = part.model_fields[place[-1]]
        return _of(field.annotation, field.metadata)
    return allowed(str(place[0]))


def _in_force(value: Any) -> str:
    """A present value, lists as they may be typed."""
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return ",".join(":".join(f"{part:g}" for part in one.values()) for one in value)
    return ",".join(map(str, value)) if isinstance(value, list) else _said(value)


def _said(value: Any) -> str:
    """The value as it was given, shortened; text in quotes."""
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, Decimal):
        text = str(value)
    else:
        text = json.dumps(value, default=str)
    return text if len(text) <= _SAID else text[: _SAID - 3] + "..."


def _better(kind: str, given: Any, name: str) -> str:
    """What was probably meant: a share is a fraction, its point is a point."""
    if kind.startswith("decimal") and isinstance(given, str):
        found = re.fullmatch(r"\s*([+-]?\d+(?:[.,]\d+)?)\s*(%?)\s*", given)
        if found is not None:
            number = Decimal(found[1].replace(",", ".")) / (100 if found[2] else 1)
            return f": write {number:f}"
    share = kind.startswith("less") and "of " in _unit(name) and isinstance(given, int | float)
    if share and 1 < given <= 100:
        return f": {given:g} % is {Decimal(str(given)) / 100:f}"
    return ""


def _unit(name: str) -> str:
    extra = Limits.model_fields[name].json_schema_extra if name in Limits.model_fields else None
    return str(extra["unit"]) if isinstance(extra, dict) else ""


def _of(annotation: Any, metadata: Iterable[Any]) -> str:
    if annotation is bool:
        return "true or false"
    if typing.get_origin(annotation) is Literal:
        return " or ".join(f"`{word}`" for word in typing.get_args(annotation))
    if typing.get_origin(annotation) is tuple:
        inner = typing.get_args(annotation)[0]
        least = next((one.min_length for one in metadata if hasattr(one, "min_length")), None)
        if inner is BandLimit:
            return f"at least {least} of " + _parts(inner)
        return "any of " + _of(inner, ()).replace(" or ", ", ") if typing.get_origin(inner) is Literal else "a list"
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        return _parts(annotation)
    whole = "whole number, " if annotation is int else ""
    return whole + _range(metadata)


def _parts(model: type[Frozen]) -> str:
    found: dict[str, list[str]] = {}
    for name, field in model.model_fields.items():
        found.setdefault(_of(field.annotation, field.metadata), []).append(name)
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in found.items())


def _range(metadata: Iterable[Any]) -> str:
    low = high = ""
    for one in metadata:
        if getattr(one, "ge", None) is not None and one.ge > -_NO_BOUND:
            low = f"{one.ge:g}"
        if getattr(one, "gt", None) is not None:
            low = f"above {one.gt:g}"
        if getattr(one, "le", None) is not None and one.le < _NO_BOUND:
            high = f"{one.le:g}"
    if low and high:
        return f"{low} to {high}"
    if low:
        return low if low.startswith("above") else f"{low} or more"
    return f"at most {high}" if high else "any number"
