"""When a replaced plan only tightens the standing one: such a `rebalance` is never refused.

A ladder is compared by what it has closed: at every move of the other ladder at least as much.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from traders.contract.decision import Band, PairPlan

#: Tightest first: what ends a pair that is unbalanced after band 1 (domain.md section 3).
REVERSAL_ORDER = ("entry", "opposite_band", "none")


class Step(Protocol):
    """A band of a plan or of the constraints: move as a fraction of price, cumulative fraction closed."""

    @property
    def move(self) -> Decimal: ...

    @property
    def fraction(self) -> Decimal: ...


def closes_as_early(bands: Sequence[Step], standing: Sequence[Step]) -> bool:
    """Whether `bands` have closed at least as much as `standing` at every standing move, the last one included."""
    if not bands or bands[-1].move > standing[-1].move:
        return False
    return all(
        max((band.fraction for band in bands if band.move <= step.move), default=Decimal(0)) >= step.fraction
        for step in standing
    )


def looser_reversal(rule: str, than: str) -> bool:
    """Whether a reversal rule holds an unbalanced pair longer than another."""
    return REVERSAL_ORDER.index(rule) > REVERSAL_ORDER.index(than)


def tightens(new: PairPlan, old: PairPlan) -> bool:
    """Whether `new` may replace `old` without adding any risk: nothing larger, later, wider or looser."""
    return (
        new.kind == old.kind
        and new.legs == old.legs
        and 0 < new.pair_margin_fraction <= old.pair_margin_fraction
        and 0 < new.leverage <= old.leverage
        and _moves_nearer(new.bands, old.bands)
        and new.rehedge in {"none", old.rehedge}
        and not looser_reversal(new.reversal_rule, old.reversal_rule)
        and 0 <= new.stop_loss <= old.stop_loss
        and 0 < new.take_profit <= old.take_profit
        and 0 < new.trailing_atr_multiple <= old.trailing_atr_multiple
        and 0 < new.max_holding_hours <= old.max_holding_hours
        and (old.reopen or not new.reopen)
    )


def _moves_nearer(new: Sequence[Band], old: Sequence[Band]) -> bool:
    """Same legs and fractions at moves that are the same or nearer, still rising.

    The fractions stay: to close more of the losing leg early would leave more net delta, which is another risk.
    """
    moves = [band.move for band in new]
    return (
        [(band.leg, band.fraction) for band in new] == [(band.leg, band.fraction) for band in old]
        and moves == sorted(set(moves))
        and all(0 < mine.move <= theirs.move for mine, theirs in zip(new, old, strict=True))
    )
