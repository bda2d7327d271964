"""Client ids: repeatable, inside every venue's alphabet and length, never shared by two orders."""

import base64
import hashlib
import re

import pytest

from orchestrator.execution.client_id import (
    BRACKET_LEGS,
    LONG_LEG,
    PAIRED_BRACKET_LEGS,
    SHORT_LEG,
    client_order_id,
    is_ours,
)

#: The strictest of the venues' documented patterns (OKX clOrdId); Binance and Bybit allow more.
ALPHABET = re.compile(r"[A-Za-z0-9]{1,32}")


def test_is_the_cut_hash_of_decision_leg_and_attempt() -> None:
    digest = hashlib.sha256(b'["11-SOLUSDT-20250101T000000Z","0-long",1]').digest()
    expected = "vg" + base64.b32encode(digest).decode().lower()[:30]
    assert client_order_id("11-SOLUSDT-20250101T000000Z", "0-long", 1) == expected


def test_every_leg_and_attempt_has_its_own_id() -> None:
    legs = (LONG_LEG, SHORT_LEG, *BRACKET_LEGS, *PAIRED_BRACKET_LEGS, "close-long", "unwind-short")
    ids = {client_order_id(d, leg, n) for d in ("a", "b", "a0") for leg in legs for n in range(1, 20)}
    assert len(ids) == 3 * len(legs) * 19
    assert all(ALPHABET.fullmatch(name) and is_ours(name) for name in ids)


def test_parts_cannot_run_into_each_other() -> None:
    assert client_order_id("a", "bc", 1) != client_order_id("ab", "c", 1)


@pytest.mark.parametrize("other", ["x-ctbzBJB6abc", "vg", "vg" + "A" * 30, "web_123", "vg" + "a" * 34])
def test_ids_of_others_are_not_ours(other: str) -> None:
    assert not is_ours(other)


@pytest.mark.parametrize("arguments", [("", "0-long", 1), ("d", "", 1), ("d", "0-long", 0)])
def test_an_incomplete_name_is_refused(arguments: tuple[str, str, int]) -> None:
    with pytest.raises(ValueError, match="needs a decision"):
        client_order_id(*arguments)
