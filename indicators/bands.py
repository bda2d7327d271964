"""The bands of a ladder, and what each of them newly closes (domain.md section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from indicators.errors import IndicatorError

ZERO = Decimal(0)


class BandLike(Protocol):
    """What is read of a band; `traders.contract.decision.Band` fits."""

    @property
    def move(self) -> Decimal: ...

    @property
    def leg(self) -> str: ...

    @property
    def fraction(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class BandSpec:
    """At a move of `move` (fraction of E) a cumulative `fraction` of `leg` (losing, winning, both) is closed."""

    move: Decimal
    leg: str
    fraction: Decimal


@dataclass(frozen=True, slots=True)
class Stage:
    """After a band: cumulative closed fractions of each leg, and what this band closed of both together.

    `net` is the net position in units of q, positive with the move; `left` the open quantity of both legs together.
    """

    move: Decimal
    losing: Decimal
    winning: Decimal
    traded: Decimal
    net: Decimal
    left: Decimal


class Stages(tuple[Stage, ...]):
    """A whole ladder as stages. Every function that takes bands takes these too, and need not work them out again."""

    __slots__ = ()


def stages_of(bands: Sequence[BandLike] | Stages) -> Stages:
    """The bands in order with what each newly closes. Raises IndicatorError for bands that make no sense."""
    if isinstance(bands, Stages):
        return bands
    if not bands:
        raise IndicatorError("no bands: a ladder has at least one")
    stages: list[Stage] = []
    losing = winning = move = ZERO
    for number, band in enumerate(bands, start=1):
        if band.leg not in ("losing", "winning", "both"):
            raise IndicatorError(f"band {number}: leg {band.leg!r} is unknown; use losing, winning or both")
        if band.move <= move or not 0 <= band.fraction <= 1:
            raise IndicatorError(
                f"band {number}: move {band.move}, fraction {band.fraction}; moves must rise from above 0, "
                "fractions lie in 0..1"
            )
        move = band.move
        now_losing = max(losing, band.fraction) if band.leg != "winning" else losing
        now_winning = max(winning, band.fraction) if band.leg != "losing" else winning
        traded = now_losing - losing + now_winning - winning
        net, left = now_losing - now_winning, 2 - now_losing - now_winning
        stages.append(Stage(move, now_losing, now_winning, traded, net, left))
        losing, winning = now_losing, now_winning
    return Stages(stages)
