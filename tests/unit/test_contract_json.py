"""The JSON others rely on, held by golden files, and the exactness of numbers on the way through it."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from traders.contract.base import Fraction, Money, canonical_json, content_hash
from traders.contract.bundle import Bundle
from traders.contract.constraints import ConstraintDocument
from traders.contract.decision import Decision
from traders.contract.verdict import ExecutionPlan, Verdict

GOLDEN = Path(__file__).parents[1] / "golden"
FRACTION: TypeAdapter[Decimal] = TypeAdapter(Fraction)
MONEY: TypeAdapter[Decimal] = TypeAdapter(Money)


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("decision_enter", Decision),
        ("verdict_refused", Verdict),
        ("execution_plan", ExecutionPlan),
        ("bundle", Bundle),
        ("constraints", ConstraintDocument),
    ],
)
def test_golden_file_is_exactly_what_we_write(name: str, type_: type[BaseModel]) -> None:
    document = json.loads((GOLDEN / f"{name}.json").read_text())
    value = type_.model_validate_json(json.dumps(document))
    assert value.model_dump(mode="json", by_alias=True) == document
    assert type_.model_validate_json(value.model_dump_json(by_alias=True)) == value


def test_hashes_are_what_the_interface_pins() -> None:
    """SHA-256 over canonical JSON, worked out here with nothing but the standard library."""

    def sha(document: Any) -> str:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    context = json.loads((GOLDEN / "bundle.json").read_text())["context"]
    assert context.pop("context_hash") == sha(context)
    constraints = json.loads((GOLDEN / "constraints.json").read_text())
    rows = [[row["key"], row["unit"], row["value"]] for row in constraints["values"]]
    assert rows == sorted(rows)
    assert constraints["hash"] == sha(rows)


def golden_decision(**changes: Any) -> dict[str, Any]:
    return {**json.loads((GOLDEN / "decision_enter.json").read_text()), **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"extra": 1},
        {"action": "buy"},
        {"plan": None},
        {"evidence": []},
        {"confidence": 1.01},
        {"confidence": "NaN"},
        {"rationale": "x" * 601},
        {"symbol": "no symbol at all!"},
        {"reduce_fraction": 0.5},
        {"evidence": [{"reading": "sol.1h.atr_ratio", "value": 1e400}]},
        {"invalidation": [{"reading": "sol.1h.atr_ratio", "op": "eq", "value": 1}]},
    ],
)
def test_broken_decisions_do_not_parse(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Decision.model_validate_json(json.dumps(golden_decision(**changes)))


def test_fractions_are_exact() -> None:
    """0.0306 / 0.0204 is 1.5; in binary floats it is 1.4999999999999998."""
    stop, target = FRACTION.validate_json("0.0204"), FRACTION.validate_json("0.0306")
    assert target / stop == Decimal("1.5")
    assert 0.0306 / 0.0204 < 1.5


@given(st.floats(min_value=-1e12, max_value=1e12, allow_nan=False))
def test_fraction_survives_json(number: float) -> None:
    value = FRACTION.validate_python(number)
    assert FRACTION.validate_json(FRACTION.dump_json(value)) == value


@given(st.decimals(min_value=-(10**15), max_value=10**15, allow_nan=False, places=9))
def test_money_survives_json_to_the_last_digit(amount: Decimal) -> None:
    text = json.loads(MONEY.dump_json(amount))
    assert isinstance(text, str)
    assert "E" not in text.upper()
    assert MONEY.validate_python(text) == amount


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", '"1e400"', "true", "null", '"abc"'])
def test_money_refuses_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValidationError):
        MONEY.validate_json(text)


def test_canonical_json_has_one_text() -> None:
    assert canonical_json({"b": 1, "a": [1.5, "é"]}) == '{"a":[1.5,"\\u00e9"],"b":1}'
    assert content_hash({"b": 1, "a": 2}) == content_hash({"a": 2, "b": 1})
    with pytest.raises(ValueError):
        canonical_json(float("nan"))


@pytest.mark.parametrize("kind", [MONEY, FRACTION])
def test_a_number_is_a_number(kind: TypeAdapter[Decimal]) -> None:
    """A float by its shortest text, text and integers as they are; booleans, NaN and what is too large are refused."""
    taken = [kind.validate_python(value) for value in (0.1, 0.1 + 0.2, 1e-7, "0.0204", 3)]
    assert taken == [Decimal(text) for text in ("0.1", "0.30000000000000004", "1e-7", "0.0204", "3")]
    for value in (True, False, None, "x", "NaN", float("inf"), 1e19, "1e400", [1], b"1"):
        with pytest.raises(ValidationError):
            kind.validate_python(value)
    with pytest.raises(ValidationError):
        kind.validate_json("true")
