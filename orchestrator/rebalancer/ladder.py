"""The ladder: which band a price has reached, and what is closed there (domain.md section 3)."""

from decimal import ROUND_FLOOR, Decimal

from orchestrator.rebalancer.events import CloseLeg
from orchestrator.rebalancer.state import PairState, Phase
from traders.contract.decision import Side


def bands_reached(state: PairState, mark: Decimal) -> tuple[int, int]:
    """(bands reached upward, bands reached downward); at most one of them is above 0."""
    moved = mark - state.entry
    reached = sum(1 for band in state.rules.bands if abs(moved) >= band.move * state.entry)
    return (reached, 0) if moved > 0 else (0, reached)


def side_to_close(phase: Phase, which: str) -> Side:
    """The leg a band names: the one that loses, or wins, while the price is beyond the band on that side."""
    losing_is_short = phase is Phase.UP
    return "short" if losing_is_short is (which != "winning") else "long"


def reversal_reached(state: PairState, mark: Decimal) -> bool:
    """Whether an unbalanced ladder has come back as far as its reversal rule allows."""
    if state.phase not in (Phase.UP, Phase.DOWN):
        return False
    first, last = state.rules.bands[0].move, state.rules.bands[-1].move
    back = state.entry - mark if state.phase is Phase.UP else mark - state.entry
    match state.rules.reversal_rule:
        case "entry":
            return back >= 0
        case "opposite_band":
            return back >= first * state.entry
        case "none":
            return back >= last * state.entry


def partial_close(state: PairState, phase: Phase, band_index: int) -> CloseLeg | None:
    """The order that brings the band's leg to the band's cumulative fraction; None when nothing is left.

    Only whole steps are closed, rounded down: 9 lots half-close 4.
    """
    band = state.rules.bands[band_index]
    side = side_to_close(phase, band.leg)
    leg = state.leg(side)
    steps = (leg.opened / state.step * band.fraction).to_integral_value(ROUND_FLOOR)
    quantity = steps * state.step - (leg.opened - leg.left)
    if quantity <= 0:
        return None
    return CloseLeg(side=side, quantity=quantity, reason=f"band_{band_index + 1}")


def adds_to_the_move(state: PairState, order: CloseLeg, mark: Decimal) -> bool:
    """Gamma-sign monitor: an opening rebalance must move net delta the way the price has moved."""
    change = order.quantity if order.side == "short" else -order.quantity
    return (change > 0) == (mark > state.entry)
