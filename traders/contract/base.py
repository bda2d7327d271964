"""What every shared type is made of: frozen models, exact numbers, canonical JSON.

Money, prices and quantities are ``Decimal`` and travel as decimal strings. Fractions and ratios are ``Decimal``
inside (0.0306 / 0.0204 must be 1.5, not 1.4999999999999998) and travel as JSON numbers. Times are integer UTC
milliseconds.
"""

import functools
import hashlib
import json
import math
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
)


class ContractError(Exception):
    """Base of the errors of this room."""


class Frozen(BaseModel):
    """A value: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, ser_json_inf_nan="constants")


def _plain(value: Decimal) -> str:
    """Decimal as plain digits (no exponent), without trailing zeros beyond the point."""
    text = format(value.normalize(), "f")
    return "0" if text in {"-0", "0"} else text


def number_in_json(value: Any, info: ValidationInfo) -> Any:
    """In JSON a number is a number: neither its text nor true or false (what the JSON Schemas say, too)."""
    if isinstance(value, str | bool) and info.mode == "json":
        raise ValueError("a number is needed, not text, true or false")
    return value


@functools.lru_cache(maxsize=4096)
def _roundtrip(value: Decimal) -> Decimal:
    """Keep what a JSON number can carry, so that a value is the same after a round trip.

    Remembered: equal decimals, however they are written, give the same one, and limits come again with each decision.
    """
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a finite number is needed")
    return Decimal(repr(number)) if number else Decimal(0)


#: Decimal on the inside, decimal string in JSON. Bounded, so that no reply can ask for 1e400 of anything. A float is
#: taken by its shortest text, since it has already lost digits; a boolean is refused. All of it happens in pydantic's
#: compiled core: a quote holds thousands of these.
Money = Annotated[
    Decimal,
    Field(allow_inf_nan=False, ge=Decimal("-1e18"), le=Decimal("1e18")),
    PlainSerializer(_plain, return_type=str, when_used="json"),
]
#: Decimal on the inside, JSON number outside: fractions, ratios, multiples.
Fraction = Annotated[
    Decimal,
    Field(allow_inf_nan=False, ge=Decimal("-1e15"), le=Decimal("1e15")),
    BeforeValidator(number_in_json),
    AfterValidator(_roundtrip),
    PlainSerializer(float, return_type=float, when_used="json"),
]
#: UTC milliseconds.
Millis = Annotated[int, Field(ge=0, le=32_503_680_000_000)]


def canonical_json(document: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def sha256_text(text: str) -> str:
    """Hex SHA-256 of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def content_hash(document: Any) -> str:
    """Hex SHA-256 of the canonical JSON of a document."""
    return sha256_text(canonical_json(document))
