"""The first difference of two JSON values, as a dotted path."""

from typing import Any

import pytest

from orchestrator.replay.difference import Difference, difference_by_fields, first_difference


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        ({"a": 1}, {"a": 1.0}),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        ("x", "x"),
    ],
)
def test_the_same(one: Any, other: Any) -> None:
    assert first_difference(one, other, "x") is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ("x.a.b.1", 2, 3)),
        ({"a": 1, "b": 1}, {"a": 1, "b": 2}, ("x.b", 1, 2)),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, ("x.a", 1, 2)),
        ({"a": 1}, {}, ("x.a", 1, None)),
        ({}, {"a": None}, ("x.a", None, None)),
        ([1], [1, 2], ("x.1", None, 2)),
        ([1, 2], [1], ("x.1", 2, None)),
        ({"a": True}, {"a": 1}, ("x.a", True, 1)),
        ({"a": "1"}, {"a": 1}, ("x.a", "1", 1)),
        ({"a": []}, {"a": {}}, ("x.a", [], {})),
        ({"a": 0.1}, {"a": 0.1 + 2**-56}, ("x.a", 0.1, 0.1 + 2**-56)),
        ({"a": 0}, {"a": None}, ("x.a", 0, None)),
    ],
)
def test_the_first_difference(one: Any, other: Any, expected: tuple[str, Any, Any]) -> None:
    assert first_difference(one, other, "x") == Difference(*expected)


def test_long_texts_are_cut_to_where_they_begin_to_differ() -> None:
    same = "same " * 200
    found = first_difference(same + "old" + same, same + "new" + same, "prompt")
    assert found is not None
    assert len(found.recorded) < 200
    assert "same old" in found.recorded
    assert "same new" in found.recomputed


def test_only_the_named_fields_in_their_order() -> None:
    one, other = {"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 2, "c": 2}
    assert difference_by_fields(one, other, "x", ("b", "a")) == Difference("x.b", 1, 2)
    assert difference_by_fields(one, {**other, "b": 1}, "x", ("b",)) is None
