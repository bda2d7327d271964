"""The times and sizes execution keeps to, taken from the constraints of the trader."""

from dataclasses import dataclass
from decimal import Decimal

from traders.contract.limits import Limits


@dataclass(frozen=True)
class ExecutionLimits:
    """Seconds are real seconds. `clock_skew_max_ms` None: the exchange keeps its own time (a paper exchange does)."""

    imbalance_grace_s: float = 5.0
    unwind_s: float = 10.0
    clock_skew_max_ms: int | None = 1000
    #: An order that the venue does not know may still be on its way for this long after it was sent; the venue itself
    #: refuses older requests (receive window), so that after it "does not exist" is final.
    absent_after_s: float = 3.0
    #: Orders of one leg while completing it inside the grace.
    entry_attempts: int = 4
    #: Legs found further apart than this, of gross quantity, are made equal by closing (constraint `net_delta_max`).
    net_delta_max: Decimal = Decimal("0.35")
    #: A pair cut to less pair margin than this (USDT) is not worth keeping: it is unwound.
    floor_margin: Decimal = Decimal(0)

    @classmethod
    def of(
        cls, limits: Limits, *, exchange_own_clock: bool = False, floor_margin: Decimal = Decimal(0)
    ) -> "ExecutionLimits":
        """From the constraints in force."""
        return cls(
            imbalance_grace_s=float(limits.imbalance_grace_s),
            unwind_s=float(limits.unwind_s),
            clock_skew_max_ms=None if exchange_own_clock else int(limits.clock_skew_max_ms),
            net_delta_max=limits.net_delta_max,
            floor_margin=floor_margin,
        )
