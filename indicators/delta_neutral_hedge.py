"""A long and a short of one perpetual, closed in bands: what it wins, costs and risks. Exact: Decimal only.

Notation of domain.md: E entry price, N notional of one leg, q = N / E, PM pair margin, c cost per unit of notional
traded, band j at the move b_j (fraction of E) closes a *cumulative* fraction of its leg, b_out the last band's move.
Two equal legs have zero delta and zero gamma; only the net position that the bands leave makes or loses money, and on
a driftless price it makes nothing on average.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from indicators.bands import BandLike, BandSpec, Stage, Stages, stages_of
from indicators.errors import IndicatorError
from indicators.pair_sizing import (
    PairSize,
    ceil_to_step,
    close_lots,
    depth_multiplier,
    floor_to_step,
    size_pair,
)

__all__ = [
    "BandLike",
    "BandSpec",
    "LadderOutcome",
    "PairSize",
    "break_even",
    "ceil_to_step",
    "close_lots",
    "depth_multiplier",
    "effective_gamma",
    "floor_to_step",
    "ladder_costs",
    "liquidation_price",
    "net_delta",
    "net_delta_after",
    "one_ladder",
    "pair_funding",
    "pi_gross",
    "size_pair",
    "stop_price",
]

#: A ladder: its bands, or (worked out once for many questions) its stages.
Bands = Sequence[BandLike] | Stages
Direction = Literal["up", "down"]
Side = Literal["long", "short"]
ReversalRule = Literal["opposite_band", "entry", "none"]

ZERO = Decimal(0)
#: "there is no such price": nothing a rising price reaches.
NEVER = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class LadderOutcome:
    """One ladder, net of costs, USDT: its win either way, and its worst loss (a positive amount) at a reversal that
    fills at its price; a gap may lose more. `win_fraction` is the smaller win, both fractions are of pair margin."""

    net_win_up: Decimal
    net_win_down: Decimal
    worst_loss: Decimal
    win_fraction: Decimal
    worst_fraction: Decimal


def pi_gross(bands: Bands, notional: Decimal) -> Decimal:
    """Gross P&L (USDT) of the monotone path from E to the outer band: N x sum f_j (b_out - b_j).

    f_j is what band j newly closes, counted + for the losing leg and - for the winning one; 0 for a single band.
    The same up and down. Source: domain.md section 2.
    """
    stages = stages_of(bands)
    outer = stages[-1].move
    before, total = ZERO, ZERO
    for stage in stages:
        total += (stage.net - before) * (outer - stage.move)
        before = stage.net
    return notional * total


def effective_gamma(
    bands: Bands, notional: Decimal, entry: Decimal, rehedge: Literal["none", "at_band"] = "none"
) -> Decimal:
    """G = [Pi(+H) + Pi(-H) - 2 Pi(0)] / H^2 with H = E x b_out, USDT per price squared.

    0 when the hedge is restored at once (`at_band`): two equal legs have no gamma. Source: domain.md section 2.
    """
    if rehedge == "at_band":
        return ZERO
    reach = entry * bands[-1].move if bands else ZERO
    if reach <= 0:
        raise IndicatorError(f"the outer band lies {reach} from the entry price; it must lie beyond it")
    return 2 * pi_gross(bands, notional) / (reach * reach)


def net_delta(long_quantity: Decimal, short_quantity: Decimal) -> Decimal:
    """(long - short) / (long + short): net delta as a share of gross; 0 when flat (domain.md section 3)."""
    gross = long_quantity + short_quantity
    return (long_quantity - short_quantity) / gross if gross else ZERO


def net_delta_after(bands: Bands) -> tuple[Decimal, ...]:
    """Net delta as a share of gross after each band, positive with the move: f / (2 - f) for the losing leg.

    0 after a band that leaves nothing open. Source: domain.md section 3.
    """
    return tuple(stage.net / stage.left if stage.left else ZERO for stage in stages_of(bands))


def ladder_costs(bands: Bands, notional: Decimal, entry: Decimal, cost: Decimal, direction: Direction) -> Decimal:
    """Cost (USDT) of opening both legs at E and closing them band by band along `direction`.

    101.75 up and 98.25 down at N 50,000, c 0.0005 and the default bands. `entry` cancels out; it is taken so that the
    family of functions reads alike. Source: domain.md section 10.
    """
    _price("entry", entry)
    sign = _sign(direction)
    return notional * cost * (2 + sum(stage.traded * (1 + sign * stage.move) for stage in stages_of(bands)))


def break_even(bands: Bands, entry: Decimal, quantity: Decimal, cost: Decimal, direction: Direction) -> Decimal:
    """Price at which a ladder that has passed band 1 could be closed for nothing: S* of domain.md section 2.

    Up (0.5 q B1 + P) / (0.5 q - 1.5 q c) with the default bands. With more bands the price is sought along the path,
    band by band; beyond the last partial close the line is prolonged, so S* may lie beyond the outer band.
    Infinity (up) or 0 (down) when costs eat the gain at every price.
    """
    return _price_of(bands, entry, quantity, cost, direction, ZERO, along_path=True)


def stop_price(
    bands: Bands,
    entry: Decimal,
    quantity: Decimal,
    cost: Decimal,
    stop_loss: Decimal,
    pair_margin: Decimal,
    direction: Direction,
) -> Decimal:
    """Price at which closing a ladder half-closed at band 1 loses exactly `stop_loss` x `pair_margin`.

    Up (0.5 q B1 + P - SL PM) / (0.5 q - 1.5 q c). A gap is not bounded by it. 0 (up) or Infinity (down) when no price
    loses that much; for a grid (`winning`) it lies ahead of the move, where a grid loses. Source: domain.md section 7.
    """
    return _price_of(bands, entry, quantity, cost, direction, -stop_loss * pair_margin, along_path=False)


def one_ladder(
    bands: Bands,
    entry: Decimal,
    quantity: Decimal,
    pair_margin: Decimal,
    cost: Decimal,
    reversal_rule: str,
) -> LadderOutcome:
    """What one ladder can win and lose (domain.md section 3).

    Losses are taken at the price the reversal rule names (opposite first band, entry, or for `none` the opposite
    outer band), after whichever partial close is worst. Raises IndicatorError for an unknown rule.
    """
    _price("pair_margin", pair_margin)
    notional = entry * quantity
    gross = pi_gross(bands, notional)
    wins = [gross - ladder_costs(bands, notional, entry, cost, direction) for direction in ("up", "down")]
    stages = stages_of(bands)
    backs = {"opposite_band": stages[0].move, "entry": ZERO, "none": stages[-1].move}
    if reversal_rule not in backs:
        raise IndicatorError(f"reversal rule {reversal_rule!r} is unknown; use one of {', '.join(backs)}")
    back = backs[reversal_rule]
    results = [*wins]
    for sign in (1, -1):
        for last in range(1, len(stages)):
            results.append(_value(stages[:last], entry, quantity, cost, sign, entry * (1 - sign * back)))
    worst = max(ZERO, -min(results))
    return LadderOutcome(wins[0], wins[1], worst, min(wins) / pair_margin, worst / pair_margin)


def liquidation_price(
    side: str,
    entry: Decimal,
    quantity: Decimal,
    margin: Decimal,
    maintenance_margin_rate: Decimal,
    maintenance_amount: Decimal = ZERO,
) -> Decimal:
    """Mark price at which an isolated position is liquidated, before fees and funding.

    Long (E q - M - cum) / (q (1 - mmr)), short (E q + M + cum) / (q (1 + mmr)); `margin` of this leg in USDT.
    A negative price means that it cannot be liquidated. Source: domain.md section 7.
    """
    _price("entry", entry)
    _price("quantity", quantity)
    if side not in ("long", "short"):
        raise IndicatorError(f"side is {side!r}; use long or short")
    sign = 1 if side == "long" else -1
    if maintenance_margin_rate >= 1:
        raise IndicatorError(f"maintenance margin rate {maintenance_margin_rate} is a fraction below 1")
    return (entry * quantity - sign * (margin + maintenance_amount)) / (quantity * (1 - sign * maintenance_margin_rate))


def pair_funding(net_quantity: Decimal, mark: Decimal, rate: Decimal) -> Decimal:
    """Signed funding receipt (USDT) of one interval: -net x mark x rate; equal legs of one venue receive 0.

    `net_quantity` = long - short in base units, `rate` the fraction of *that* interval. Source: domain.md section 6.
    """
    return -net_quantity * mark * rate


def _value(
    passed: Sequence[Stage], entry: Decimal, quantity: Decimal, cost: Decimal, sign: int, price: Decimal
) -> Decimal:
    """Liquidation value (USDT, net) at `price` after the bands `passed` on the `sign` side acted at their prices."""
    slope, constant = _line(passed, entry, quantity, cost, sign)
    return slope * price + constant


def _line(
    passed: Sequence[Stage], entry: Decimal, quantity: Decimal, cost: Decimal, sign: int
) -> tuple[Decimal, Decimal]:
    """The net value as a line in price: (slope, constant)."""
    spent = 2 * quantity * entry * cost
    gained = before = ZERO
    for stage in passed:
        at = entry * (1 + sign * stage.move)
        spent += stage.traded * quantity * at * cost
        gained -= sign * (stage.net - before) * quantity * at
        before = stage.net
    last = passed[-1]
    return sign * last.net * quantity - last.left * quantity * cost, gained - spent


def _price_of(
    bands: Bands,
    entry: Decimal,
    quantity: Decimal,
    cost: Decimal,
    direction: Direction,
    value: Decimal,
    *,
    along_path: bool,
) -> Decimal:
    """Where the net value equals `value`: after band 1 only, or further along the path through later bands."""
    _price("entry", entry)
    _price("quantity", quantity)
    sign = _sign(direction)
    stages = stages_of(bands)
    partial = max(1, len(stages) - 1) if along_path else 1
    root = ZERO
    for count in range(1, partial + 1):
        slope, constant = _line(stages[:count], entry, quantity, cost, sign)
        if slope == 0 or (along_path and slope * sign < 0):
            root = NEVER if (sign > 0) is along_path else ZERO
            continue
        root = max(ZERO, (value - constant) / slope)
        if count < len(stages) and sign * (entry * (1 + sign * stages[count].move) - root) >= 0:
            return root
    return root


def _sign(direction: str) -> int:
    if direction not in ("up", "down"):
        raise IndicatorError(f"direction is {direction!r}; use up or down")
    return 1 if direction == "up" else -1


def _price(name: str, value: Decimal) -> None:
    if not value.is_finite() or value <= 0:
        raise IndicatorError(f"{name} is {value}; it must be a finite number above 0")
