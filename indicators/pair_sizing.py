"""How large a pair is, in money, base units and whole lots (domain.md sections 3 and 4). Exact: Decimal only."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from indicators.errors import IndicatorError

ZERO = Decimal(0)
ONE = Decimal(1)
#: `pair_margin_floor_numerator` of domain.md section 5.
FLOOR_NUMERATOR = Decimal("0.15")


@dataclass(frozen=True, slots=True)
class PairSize:
    """Of both legs together: margin. Of one leg: notional N (USDT) and quantity q (base units, not yet in steps)."""

    pair_margin: Decimal
    notional: Decimal
    quantity: Decimal
    floor_margin: Decimal

    @property
    def below_floor(self) -> bool:
        """Whether the pair is too small to be worth opening."""
        return self.pair_margin < self.floor_margin


def size_pair(
    equity: Decimal,
    fraction: Decimal,
    leverage: Decimal | int,
    entry: Decimal,
    multiplier: Decimal = ONE,
    *,
    floor_numerator: Decimal = FLOOR_NUMERATOR,
) -> PairSize:
    """Size of a pair of which `fraction` of `equity` (USDT) was requested as margin, half a leg each.

    PM = fraction x multiplier x equity, N = PM x leverage / 2, q = N / entry; `floor_margin` = equity x
    floor_numerator / leverage. Raises IndicatorError unless equity, leverage and entry are above 0.
    Source: domain.md section 4 (size).
    """
    for name, value in (("equity", equity), ("leverage", Decimal(leverage)), ("entry", entry)):
        _above_zero(name, value)
    pair_margin = equity * fraction * multiplier
    notional = pair_margin * leverage / 2
    return PairSize(pair_margin, notional, notional / entry, equity * floor_numerator / leverage)


def depth_multiplier(depth: Decimal, depth_min: Decimal, depth_full: Decimal) -> Decimal:
    """m_depth = clip((depth - depth_min) / (depth_full - depth_min), 0, 1); all three in USDT (domain.md section 4).

    Raises IndicatorError unless depth_full is above depth_min.
    """
    if depth_full <= depth_min:
        raise IndicatorError(f"depth_full {depth_full} must be above depth_min {depth_min}")
    return min(ONE, max(ZERO, (depth - depth_min) / (depth_full - depth_min)))


def floor_to_step(x: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `x`. Raises IndicatorError unless step is above 0."""
    _above_zero("step", step)
    return (x / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to_step(x: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `x`. Raises IndicatorError unless step is above 0."""
    _above_zero("step", step)
    return (x / step).to_integral_value(ROUND_CEILING) * step


def close_lots(lots: int, fraction: Decimal) -> int:
    """Whole lots closed when `fraction` of `lots` is to be closed: rounded down (9 lots half-close 4)."""
    if lots < 0:
        raise IndicatorError(f"lots is {lots}; a leg holds 0 lots or more")
    return int((lots * fraction).to_integral_value(ROUND_FLOOR))


def _above_zero(name: str, value: Decimal) -> None:
    if not value.is_finite() or value <= 0:
        raise IndicatorError(f"{name} is {value}; it must be a finite number above 0")
