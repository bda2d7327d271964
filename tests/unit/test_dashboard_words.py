"""How values are written, and that odd ones never break a page."""

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.dashboard import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (3.0, "3"),
        (2_000_000, "2,000,000"),
        (Decimal("0.00077523"), "0.00077523"),
        (Decimal("-0"), "0"),
        ({"a": 1.5, "b": None}, "a 1.5, b –"),
        ([{"move": 0.02}, "x"], "(move 0.02), x"),
        (float("nan"), "NaN"),
    ],
)
def test_plain(value: Any, text: str) -> None:
    assert words.plain(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.9066777976536247, "1.9067"),
        ("atr_ratio 1.9066777976536247 >= 1.5 at 12,345.678901234", "atr_ratio 1.9067 >= 1.5 at 12,345.6789"),
        ("-0.0001234567891", "-0.00012346"),
        ("0.00000000", "0"),
        ("0.000775", "0.000775"),
        (190.12345, "190.12345"),
        ("192.0.2.12345678", "192.0.2.12345678"),
        ("1.23456789e-05", "1.23456789e-05"),
        (None, "–"),
        ({"a": 0.123456789}, "a 0.12346"),
    ],
)
def test_long_fractions_are_rounded_for_people(value: Any, text: str) -> None:
    assert words.people(value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 ms"), (850, "850 ms"), (9_745, "9.7 s"), (228_000, "3 min 48 s"), (-7_200_000, "-2 h"), (None, "–")],
)
def test_span(ms: float | None, text: str) -> None:
    assert words.span(ms) == text


def test_money_and_shares() -> None:
    assert words.usdt("99868.985") == "99,868.98"
    assert words.usdt(Decimal("12.3"), True) == "+12.30"
    assert words.percent("0.0175", 2, True) == "+1.75 %"
    assert words.usdt(None) == words.percent(None) == "–"
    assert words.usdt("<b>") == "<b>", "escaping is the template's business"


def test_times_beyond_any_calendar() -> None:
    assert words.when(1735689600000) == "2025-01-01 00:00:00 UTC"
    assert words.when(10**20) == str(10**20)
    assert words.iso(10**20) == ""


def test_every_state_has_a_sign_and_a_word_beside_its_colour() -> None:
    for state in (*words.MARKS, "something else", None):
        found = words.mark(state)
        assert found["sign"] and found["word"] and found["css"] in {"good", "warn", "bad", "calm"}
