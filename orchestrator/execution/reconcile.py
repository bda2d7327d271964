"""Comparing what should be held with what the venue holds: legs, not net (craft.md, failure modes 2 and 6)."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from orchestrator.execution.codes import Difference
from orchestrator.execution.goal import SIDES
from orchestrator.execution.venue import Position
from traders.contract.base import Frozen, Money
from traders.contract.decision import Side

ZERO = Decimal(0)


class Discrepancy(Frozen):
    """One named difference on one symbol. `side` None: both. Quantities in base units."""

    difference: Difference
    symbol: str
    side: Side | None
    expected: Money
    found: Money


def reconcile(expected: Mapping[str, Mapping[Side, Decimal]], positions: Iterable[Position]) -> tuple[Discrepancy, ...]:
    """Differences by symbol. `expected`: quantity a side and symbol; a symbol that is not named is expected flat.

    An equal long and short net to nothing and are two positions all the same. Pure; the venue's figures are the truth.
    """
    found: dict[str, dict[Side, Decimal]] = {}
    for position in positions:
        legs = found.setdefault(position.symbol, {})
        legs[position.side] = legs.get(position.side, ZERO) + position.quantity
    differences: list[Discrepancy] = []
    for symbol in sorted({*expected, *found}):
        wanted, held = expected.get(symbol, {}), found.get(symbol, {})
        gone = [side for side in SIDES if wanted.get(side, ZERO) > 0 and held.get(side, ZERO) == 0]
        if len(gone) == len(SIDES):
            total = sum((wanted.get(side, ZERO) for side in SIDES), ZERO)
            differences.append(_difference(Difference.BOTH_GONE, symbol, None, total, ZERO))
            continue
        for side in SIDES:
            meant, there = wanted.get(side, ZERO), held.get(side, ZERO)
            if meant == there:
                continue
            if side in gone:
                name = Difference.LONG_GONE if side == "long" else Difference.SHORT_GONE
            elif meant == 0:
                name = Difference.UNEXPECTED_POSITION
            else:
                name = Difference.QUANTITY_LESS if there < meant else Difference.QUANTITY_MORE
            differences.append(_difference(name, symbol, side, meant, there))
    return tuple(differences)


def _difference(name: Difference, symbol: str, side: Side | None, expected: Decimal, found: Decimal) -> Discrepancy:
    return Discrepancy(difference=name, symbol=symbol, side=side, expected=expected, found=found)
