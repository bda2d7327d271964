"""The first place where two JSON values differ, as a dotted path."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_EXCERPT = 160


@dataclass(frozen=True)
class Difference:
    """Where, and both values. A missing key is None on its side."""

    field: str
    recorded: Any
    recomputed: Any


def first_difference(recorded: Any, recomputed: Any, path: str) -> Difference | None:
    """None when both are the same JSON: 1 and 1.0 are, 1 and true are not. Objects are walked in sorted key order."""
    if isinstance(recorded, dict) and isinstance(recomputed, dict):
        for key in sorted(recorded.keys() | recomputed.keys()):
            here = f"{path}.{key}"
            if key not in recorded or key not in recomputed:
                return Difference(here, recorded.get(key), recomputed.get(key))
            if found := first_difference(recorded[key], recomputed[key], here):
                return found
        return None
    if isinstance(recorded, list) and isinstance(recomputed, list):
        for number, (old, new) in enumerate(zip(recorded, recomputed, strict=False)):
            if found := first_difference(old, new, f"{path}.{number}"):
                return found
        if len(recorded) != len(recomputed):
            at = min(len(recorded), len(recomputed))
            return Difference(f"{path}.{at}", _item(recorded, at), _item(recomputed, at))
        return None
    if _same(recorded, recomputed):
        return None
    if isinstance(recorded, str) and isinstance(recomputed, str):
        return Difference(path, *_excerpts(recorded, recomputed))
    return Difference(path, recorded, recomputed)


def difference_by_fields(
    recorded: dict[str, Any], recomputed: dict[str, Any], path: str, fields: Iterable[str]
) -> Difference | None:
    """The first difference in the given top-level fields, in the given order; other fields are not compared."""
    for field in fields:
        if found := first_difference(recorded.get(field), recomputed.get(field), f"{path}.{field}"):
            return found
    return None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return (numbers or type(one) is type(other)) and bool(one == other)


def _item(values: list[Any], at: int) -> Any:
    return values[at] if at < len(values) else None


def _excerpts(one: str, other: str) -> tuple[str, str]:
    """Two long texts (prompts) cut to where they begin to differ."""
    if max(len(one), len(other)) <= _EXCERPT:
        return one, other
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    start = max(0, same - _EXCERPT // 4)
    # two in, two out
    return tuple(("..." if start else "") + text[start : start + _EXCERPT] for text in (one, other))  # type: ignore[return-value]
