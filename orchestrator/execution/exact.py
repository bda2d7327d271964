"""Exact numbers from a venue's text, and back. Whatever is no number raises: it is never read as 0."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from traders.contract.quote import Level, MarginTier


def text(value: Decimal) -> str:
    """Plain digits for a request."""
    return format(value.normalize(), "f")


def number(value: Any) -> Decimal:
    """An exact number from text or a JSON number. Raises ValueError, ArithmeticError for anything else."""
    if value is None or isinstance(value, bool):
        raise ValueError(f"a number is needed, not {value!r}")
    found = Decimal(str(value))
    if not found.is_finite():
        raise ValueError(f"a finite number is needed, not {value!r}")
    return found


def positive(value: Any) -> Decimal | None:
    """A number, or None where the venue writes 0 (or nothing) for "none"."""
    return None if value in (None, "") or number(value) == 0 else number(value)


def whole(value: Any) -> int:
    """A leverage; 0 for one that is no whole number, so that it fits no plan."""
    found = number(value)
    return int(found) if found == found.to_integral_value() else 0


def levels(rows: Sequence[Sequence[Any]], contract_size: Decimal = Decimal(1)) -> tuple[Level, ...]:
    """Book levels (price, base units), as sent. Raises ValueError for an empty side."""
    if not rows:
        raise ValueError("an empty book")
    return tuple((number(row[0]), number(row[1]) * contract_size) for row in rows)


class Bracket(NamedTuple):
    """The upper end of a leverage bracket in USDT, the most leverage and the maintenance rate there."""

    cap: Decimal
    max_leverage: int
    rate: Decimal


def margin_tiers(brackets: Sequence[Bracket]) -> tuple[MarginTier, ...]:
    """Brackets as tiers: each begins where the one below ends, and its amount keeps the margin continuous there.

    amount(k) = amount(k-1) + floor(k) * (rate(k) - rate(k-1)), as venues that publish it have it.
    """
    found: list[MarginTier] = []
    floor = amount = rate = Decimal(0)
    for bracket in sorted(brackets):
        if found:
            amount += floor * (bracket.rate - rate)
        rate = bracket.rate
        found.append(
            MarginTier(
                notional_floor=floor,
                notional_cap=bracket.cap,
                max_leverage=bracket.max_leverage,
                maintenance_margin_rate=rate,
                maintenance_amount=amount,
            )
        )
        floor = bracket.cap
    return tuple(found)
