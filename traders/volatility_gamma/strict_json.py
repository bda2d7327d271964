"""Reads a model's reply without ever guessing: one plain JSON object of exactly the shape that was asked for.

    WireError       the reply cannot be used; `reason` says how the trader abstains, `problems` what is wrong with it

Repairing broken output by rule (stripping fences, taking the last of two objects, rounding 1.5 to 2) has made bots
trade what no model meant; so nothing is repaired here. The same schema constrains the decoder and judges the reply.
"""

import json
import unicodedata
from typing import Any, NoReturn

from traders.contract.decision import AbstainReason

MAX_CHARACTERS = 20_000
_MAX_DIGITS = 18
_MAX_PROBLEMS = 8


class WireError(ValueError):
    """A reply that cannot be used."""

    def __init__(self, reason: AbstainReason, problems: tuple[str, ...]) -> None:
        super().__init__(f"{reason}: {'; '.join(problems)}")
        self.reason = reason
        self.problems = problems


class _Refused(ValueError):
    """Raised inside the JSON reader for what JSON would allow and we do not."""


def read_object(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The object in `text`, valid under `schema` (the subset named in `problems_of`).

    Raises WireError: `empty` for no text, `not_json` for anything but one JSON object, `invalid` for a wrong shape.
    """
    if not text.strip():
        raise WireError(AbstainReason.EMPTY, ("the reply is empty",))
    if len(text) > MAX_CHARACTERS:
        raise WireError(AbstainReason.INVALID, (f"the reply has {len(text)} characters, {MAX_CHARACTERS} allowed",))
    try:
        value = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_no_float,
            parse_int=_short_int,
        )
    except _Refused as error:
        raise WireError(AbstainReason.INVALID, (str(error),)) from None
    except RecursionError:
        raise WireError(AbstainReason.INVALID, ("the JSON is nested too deeply",)) from None
    except ValueError as error:
        raise WireError(AbstainReason.NOT_JSON, (f"the reply is not one plain JSON object: {error}",)) from None
    if not isinstance(value, dict):
        raise WireError(AbstainReason.NOT_JSON, (f"the reply is a JSON {_kind(value)}, not an object",))
    problems = problems_of(value, schema)
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        kept = (*problems[:_MAX_PROBLEMS], f"and {more} more") if more > 0 else tuple(problems)
        raise WireError(AbstainReason.INVALID, kept)
    return value


def problems_of(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """What is wrong with `value`: types, enum, integer bounds, maxLength, array sizes, missing and extra keys."""
    kind = schema["type"]
    place = where or "the reply"
    if kind != _kind(value):
        return [f"{place} must be of type {kind}, not {_kind(value)}"]
    if kind == "object":
        return _object_problems(value, schema, where)
    if kind == "array":
        return _array_problems(value, schema, where)
    if kind == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return [] if low <= value <= high else [f"{place} must be from {low} to {high}, not {value}"]
    return _string_problems(value, schema, place)


def _object_problems(value: dict[str, Any], schema: dict[str, Any], where: str) -> list[str]:
    properties = schema["properties"]
    dot = f"{where}." if where else ""
    found = [f"{dot}{_quoted(key)} is not a known key" for key in value if key not in properties]
    found += [f"{dot}{key} is missing" for key in schema["required"] if key not in value]
    for key, inner in properties.items():
        if key in value:
            found += problems_of(value[key], inner, f"{dot}{key}")
    return found


def _array_problems(value: list[Any], schema: dict[str, Any], where: str) -> list[str]:
    low, high = schema["minItems"], schema["maxItems"]
    found = [] if low <= len(value) <= high else [f"{where} must have {low} to {high} items, not {len(value)}"]
    for number, item in enumerate(value[:high]):
        found += problems_of(item, schema["items"], f"{where}[{number}]")
    return found


def _string_problems(value: str, schema: dict[str, Any], place: str) -> list[str]:
    if "enum" in schema and value not in schema["enum"]:
        return [f"{place} must be one of the listed words, not {_quoted(value)}"]
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        return [f"{place} has {len(value)} characters, {schema['maxLength']} allowed"]
    odd = next((character for character in value if _is_odd(character)), None)
    return [f"{place} contains the character U+{ord(odd):04X}"] if odd else []


def _is_odd(character: str) -> bool:
    """Control, format, private, unassigned and surrogate characters: they can rewrite a terminal or a log."""
    return unicodedata.category(character)[0] == "C" and character not in "\n\t\r"


def _quoted(text: str) -> str:
    return json.dumps(text[:40])


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "object", list: "array", str: "string", int: "integer", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Refused(f"the key {_quoted(twice)} appears twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise _Refused(f"{text} is not a JSON number")


def _no_float(text: str) -> NoReturn:
    raise _Refused(f"{text[:24]} must be written as a whole number")


def _short_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise _Refused(f"the number {text[:24]}... is too long")
    return int(text)
