"""Everything a person wants to know of a pair before it is opened: one sheet, worked out from six numbers.

The sheet is of exact quantities; lots are shown beside them. Fill model: whole orders at the band prices, cost c on
every notional traded. Exact: Decimal only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from indicators.delta_neutral_hedge import (
    BandLike,
    LadderOutcome,
    PairSize,
    break_even,
    close_lots,
    effective_gamma,
    ladder_costs,
    liquidation_price,
    net_delta_after,
    one_ladder,
    pi_gross,
    size_pair,
    stop_price,
)
from indicators.gamma_pnl import LadderPath, ladder_path


@dataclass(frozen=True, slots=True)
class GridRow:
    """The ladder after a straight way from E to `price`, and its net result if the price then comes back to E."""

    move: Decimal
    price: Decimal
    path: LadderPath
    back_at_entry: Decimal


@dataclass(frozen=True, slots=True)
class HedgeSheet:
    """Money in USDT, quantities in base units, prices in USDT; `up` and `down` values as pairs (up, down)."""

    entry: Decimal
    leverage: Decimal
    bands: tuple[BandLike, ...]
    reversal_rule: str
    cost: Decimal
    size: PairSize
    lots: int
    half_close_lots: int
    net_delta: tuple[Decimal, ...]
    gross_at_outer: Decimal
    effective_gamma: Decimal
    costs: tuple[Decimal, Decimal]
    break_even: tuple[Decimal, Decimal]
    stop: tuple[Decimal, Decimal]
    liquidation_long: Decimal
    liquidation_short: Decimal
    outcome: LadderOutcome
    grid: tuple[GridRow, ...]

    def notes(self) -> tuple[str, ...]:
        """What is wrong with the pair, in words; empty when nothing is."""
        found: list[str] = []
        outer = self.bands[-1].move
        if self.effective_gamma <= 0:
            found.append("effective gamma is not above 0: these bands earn nothing from a move that continues")
        if min(self.outcome.net_win_up, self.outcome.net_win_down) <= 0:
            found.append("a ladder that reaches its outer band earns less than it costs")
        far = [abs(price / self.entry - 1) for price in self.break_even]
        if self.effective_gamma > 0 and max(far) > outer:
            found.append("break-even lies beyond the outer band")
        reach = min(1 - self.liquidation_long / self.entry, self.liquidation_short / self.entry - 1)
        if reach <= outer:
            found.append("a leg is liquidated before the outer band is reached")
        if self.lots < 2 or self.half_close_lots < 1:
            found.append(f"{self.lots} lot(s) a leg cannot be closed in parts: raise the size or lower the step")
        return tuple(found)


def hedge_sheet(
    *,
    equity: Decimal,
    fraction: Decimal,
    leverage: Decimal,
    entry: Decimal,
    bands: Sequence[BandLike],
    cost: Decimal,
    maintenance_margin_rate: Decimal,
    stop_loss: Decimal,
    step: Decimal,
    reversal_rule: str = "opposite_band",
) -> HedgeSheet:
    """The sheet of a pair with `fraction` of `equity` as margin. Raises IndicatorError for values that make none."""
    size = size_pair(equity, fraction, leverage, entry)
    q, n = size.quantity, size.notional
    lots = int(q // step)
    leg_margin = size.pair_margin / 2
    return HedgeSheet(
        entry=entry,
        leverage=leverage,
        bands=tuple(bands),
        reversal_rule=reversal_rule,
        cost=cost,
        size=size,
        lots=lots,
        half_close_lots=close_lots(lots, bands[0].fraction),
        net_delta=net_delta_after(bands),
        gross_at_outer=pi_gross(bands, n),
        effective_gamma=effective_gamma(bands, n, entry),
        costs=(ladder_costs(bands, n, entry, cost, "up"), ladder_costs(bands, n, entry, cost, "down")),
        break_even=(break_even(bands, entry, q, cost, "up"), break_even(bands, entry, q, cost, "down")),
        stop=(
            stop_price(bands, entry, q, cost, stop_loss, size.pair_margin, "up"),
            stop_price(bands, entry, q, cost, stop_loss, size.pair_margin, "down"),
        ),
        liquidation_long=liquidation_price("long", entry, q, leg_margin, maintenance_margin_rate),
        liquidation_short=liquidation_price("short", entry, q, leg_margin, maintenance_margin_rate),
        outcome=one_ladder(bands, entry, q, size.pair_margin, cost, reversal_rule),
        grid=tuple(_row(bands, entry, q, cost, reversal_rule, move) for move in _moves(bands)),
    )


def _moves(bands: Sequence[BandLike]) -> list[Decimal]:
    """From 1.5 outer bands below E to 1.5 above, in quarters of the outer band, and every band itself."""
    outer = bands[-1].move
    moves = {outer * k / 4 for k in range(-6, 7)} | {sign * band.move for band in bands for sign in (1, -1)}
    return sorted(move for move in moves if move > -1)


def _row(
    bands: Sequence[BandLike], entry: Decimal, quantity: Decimal, cost: Decimal, rule: str, move: Decimal
) -> GridRow:
    sign = 1 if move > 0 else -1
    price = entry * (1 + move)
    way = [entry * (1 + sign * band.move) for band in bands if band.move <= abs(move)]
    way.append(price)
    path = ladder_path(bands, entry, quantity, cost, way, rule)
    back = ladder_path(bands, entry, quantity, cost, [*way, entry], rule)
    return GridRow(move, price, path, back.result.total)
