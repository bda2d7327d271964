"""Why a pair is closed before its ladder ends. Each test is pure and gives a reason code or None."""

from decimal import Decimal

from orchestrator.rebalancer.events import BarClosed
from orchestrator.rebalancer.state import PairState, Phase
from traders.contract.decision import Condition


def stop_or_target(state: PairState, mark: Decimal) -> str | None:
    """Cycle stop and target on liquidation value; after break-even the stop is 0 for good."""
    result = state.cycle_pnl(mark) / state.pair_margin
    if result >= state.rules.target:
        return "target"
    if state.breakeven_latched:
        return "breakeven_stop" if result <= 0 else None
    return "stop" if result <= -state.rules.stop else None


def trailing(state: PairState, mark: Decimal) -> str | None:
    """While unbalanced: price came back by the trailing distance from its best since band 1."""
    distance = state.rules.trailing_distance
    if distance is None or state.best is None:
        return None
    if state.phase is Phase.UP and mark <= state.best - distance:
        return "trailing"
    if state.phase is Phase.DOWN and mark >= state.best + distance:
        return "trailing"
    return None


def too_long(state: PairState, at: int) -> str | None:
    """The holding time is over."""
    return "holding_time" if at >= state.rules.deadline else None


def on_bar(state: PairState, bar: BarClosed) -> str | None:
    """Exits that are judged on closed bars: invalidation, collapse, adverse funding."""
    for condition in state.rules.invalidation:
        value = bar.readings.get(condition.reading)
        if value is not None and holds(condition, value):
            return "invalidated"
    if state.phase is Phase.NEUTRAL and state.collapsed_bars >= 2:
        return "vol_collapse"
    if state.phase in (Phase.UP, Phase.DOWN) and bar.funding_rate_8h is not None:
        # adverse = what the net position pays, per unit of one leg's notional
        leg = max(state.long.opened, state.short.opened)
        adverse = bar.funding_rate_8h * (state.long.left - state.short.left) / leg
        if adverse > state.rules.funding_adverse_exit:
            return "funding_adverse"
    return None


def collapsed(state: PairState, bar: BarClosed) -> int:
    """How many closed bars in a row the ATR ratio has been below the collapse level."""
    level = state.rules.collapse_level
    if level is None or bar.atr_ratio is None or (bar.bar is not None and bar.bar == state.last_bar):
        return state.collapsed_bars
    return state.collapsed_bars + 1 if bar.atr_ratio < level else 0


def holds(condition: Condition, value: Decimal) -> bool:
    """Whether a condition is true of a reading's value."""
    limit = condition.value
    return {"lt": value < limit, "le": value <= limit, "gt": value > limit, "ge": value >= limit}[condition.op]
