"""The one kind of plan this trader proposes, and the pair it already has."""

from decimal import Decimal

from traders.contract.context import Context
from traders.contract.decision import Band, LegPlan, PairPlan
from traders.contract.limits import Limits
from traders.contract.portfolio import OpenPair


def open_pair_on(context: Context) -> OpenPair | None:
    """The open pair with a leg on the context's symbol; the oldest when there are several."""
    held = [
        pair
        for pair in context.portfolio.pairs
        if pair.symbol == context.symbol or any(leg.symbol == context.symbol for leg in pair.legs)
    ]
    return min(held, key=lambda pair: (pair.opened_at, pair.pair_id), default=None)


def ladder(limits: Limits, factor: Decimal) -> tuple[Band, ...]:
    """The standing ladder with its moves scaled: the losing leg in steps, both at the last (domain.md section 3)."""
    *steps, last = limits.rebalance_bands
    return (
        *(Band(move=step.move * factor, leg="losing", fraction=step.fraction) for step in steps),
        Band(move=last.move * factor, leg="both", fraction=last.fraction),
    )


def neutral_plan(
    context: Context,
    *,
    pair_margin_fraction: Decimal,
    leverage: int,
    band_factor: Decimal,
    stop_loss: Decimal,
    take_profit: Decimal,
    holding_hours: Decimal,
) -> PairPlan:
    """A long and a short of the context's symbol, equal, with the ladder and rules of the limits."""
    limits = context.limits
    return PairPlan(
        kind="gamma",
        legs=(
            LegPlan(venue=context.venue, symbol=context.symbol, side="long", weight=Decimal(1)),
            LegPlan(venue=context.venue, symbol=context.symbol, side="short", weight=Decimal(1)),
        ),
        pair_margin_fraction=pair_margin_fraction,
        leverage=leverage,
        bands=ladder(limits, band_factor),
        rehedge="none",
        reversal_rule=limits.reversal_rule,
        stop_loss=stop_loss,
        take_profit=take_profit,
        trailing_atr_multiple=limits.trailing_atr_multiple,
        max_holding_hours=holding_hours,
        reopen=False,
    )
