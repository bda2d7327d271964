"""What the rebalancer knows of one pair: a frozen value that `step` turns into the next one."""

from decimal import Decimal
from enum import StrEnum
from typing import Literal

from traders.contract.base import Fraction, Frozen, Millis, Money
from traders.contract.decision import Band, Condition, Side

ZERO = Decimal(0)


class Phase(StrEnum):
    """Where a ladder stands."""

    NEUTRAL = "neutral"
    UP = "after_band_up"
    DOWN = "after_band_down"
    CLOSING = "closing"
    FLAT = "flat"


class Rules(Frozen):
    """The permitted plan and the constraints that bind while it runs. Stop and target in fractions of pair margin."""

    bands: tuple[Band, ...]
    reversal_rule: Literal["opposite_band", "entry", "none"]
    stop: Fraction
    target: Fraction
    breakeven_at: Fraction
    trailing_distance: Money | None
    deadline: Millis
    collapse_level: Fraction | None
    funding_adverse_exit: Fraction
    net_delta_max: Fraction
    imbalance_grace_ms: int
    cost: Fraction
    reopen: bool
    reopen_after_reversal: bool = False
    invalidation: tuple[Condition, ...] = ()


class Holding(Frozen):
    """One leg: what was opened, what is left, and at what average it was opened."""

    opened: Money
    left: Money
    average: Money


class PairState(Frozen):
    """One pair. Money in USDT, quantities in base units.

    `pending` is what close orders in flight still have to do; `edge` where the adverse side of the bracket was asked to
    be, None before band 1.
    """

    pair_id: str
    rules: Rules
    step: Money
    pair_margin: Money
    entry: Money
    long: Holding
    short: Holding
    phase: Phase = Phase.NEUTRAL
    bands_hit: int = 0
    best: Money | None = None
    edge: Money | None = None
    realised: Money = ZERO
    fees: Money = ZERO
    funding: Money = ZERO
    breakeven_latched: bool = False
    collapsed_bars: int = 0
    last_bar: Millis | None = None
    pending_long: Money = ZERO
    pending_short: Money = ZERO
    pending_since: Millis | None = None
    reason: str | None = None
    may_reopen: bool = False
    #: Which ladder of its cycle this is, and what the earlier ones came to, USDT.
    ladder: int = 1
    carried: Money = ZERO

    def leg(self, side: Side) -> Holding:
        """The leg of a side."""
        return self.long if side == "long" else self.short

    @property
    def one_leg(self) -> bool:
        """Whether it is a directional position: the other side was never opened."""
        return self.long.opened == 0 or self.short.opened == 0

    @property
    def in_flight(self) -> bool:
        """Whether close orders are under way."""
        return self.pending_long > 0 or self.pending_short > 0

    @property
    def net_delta(self) -> Decimal:
        """(long - short) / (long + short) in quantity; 0 when flat."""
        gross = self.long.left + self.short.left
        return (self.long.left - self.short.left) / gross if gross else ZERO

    @property
    def so_far(self) -> Decimal:
        """What the cycle has realised, after fees and funding, all its ladders together."""
        return self.carried + self.realised - self.fees + self.funding

    def unrealised(self, mark: Decimal) -> Decimal:
        """At mark, before costs."""
        return self.long.left * (mark - self.long.average) + self.short.left * (self.short.average - mark)

    def cycle_pnl(self, mark: Decimal) -> Decimal:
        """Liquidation value, with the cost of closing what is left (domain.md section 3)."""
        closing = (self.long.left + self.short.left) * mark * self.rules.cost
        return self.so_far + self.unrealised(mark) - closing
