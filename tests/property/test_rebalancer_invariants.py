"""Whatever the market does: settled net delta within the limit, at most one ladder, flat is final, money adds up."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.rebalancer.events import CloseLeg, Ended, Filled, Tick
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.rebalancer.step import step
from tests.rebalancer_driver import COST, Driver, make_rules, make_state

MARKS = st.lists(st.decimals(min_value=100, max_value=145, places=2), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    MARKS,
    st.sampled_from(["opposite_band", "entry", "none"]),
    st.integers(min_value=2, max_value=500),
    st.sampled_from(["0.02", "0.08", "0.9"]),
)
def test_settled_states_and_the_ledger(marks: list[Decimal], rule: str, lots: int, stop: str) -> None:
    rules = make_rules(reversal_rule=rule, stop=Decimal(stop))
    start = make_state(quantity=Decimal(lots), step_size=Decimal(1), rules=rules)
    driver = Driver(start)
    cash, traded = Decimal(0), start.fees / COST
    for mark in marks:
        before = len(driver.commands)
        driver.mark(mark)
        for command in driver.commands[before:]:
            if isinstance(command, CloseLeg):
                sign = 1 if command.side == "long" else -1
                cash += sign * command.quantity * (mark - start.entry)
                traded += command.quantity * mark
        state = driver.state
        assert not state.in_flight
        assert abs(state.net_delta) <= rules.net_delta_max
        assert 0 <= state.long.left <= lots
        assert 0 <= state.short.left <= lots
        assert (state.long.left == 0) == (state.short.left == 0), "never one leg alone"
        assert state.realised == cash
        assert state.fees == traded * COST
    ends = [c for c in driver.commands if isinstance(c, Ended)]
    assert len(ends) == (1 if driver.state.phase is Phase.FLAT else 0)
    assert sum(1 for reason in driver.reasons if reason == "band_1") <= 1


@settings(max_examples=150, deadline=None)
@given(MARKS, st.lists(st.tuples(st.booleans(), st.integers(1, 100)), min_size=40, max_size=40))
def test_slow_and_partial_fills_never_over_close(marks: list[Decimal], fills: list[tuple[bool, int]]) -> None:
    """Orders fill late and in parts; the executor's replacements are capped by what is left."""
    state: PairState = make_state(quantity=Decimal(100), step_size=Decimal(1))
    open_orders: dict[str, Decimal] = {}
    at = 0
    for mark, (fill_now, part) in zip(marks, fills, strict=False):
        at += 2000
        state, commands = step(state, Tick(at=at, mark=mark))
        open_orders.update({c.side: c.quantity for c in commands if isinstance(c, CloseLeg)})
        if not fill_now:
            continue
        for side in list(open_orders):
            quantity = min(Decimal(part), open_orders[side])
            fill = Filled(
                at=at, side="long" if side == "long" else "short", quantity=quantity, price=mark, fee=Decimal(0)
            )
            open_orders[side] -= quantity
            if open_orders[side] == 0:
                del open_orders[side]
            state, commands = step(state, fill)
            open_orders.update({c.side: c.quantity for c in commands if isinstance(c, CloseLeg)})
        assert state.long.left >= 0
        assert state.short.left >= 0
        for side, quantity in open_orders.items():
            assert quantity <= (state.long.left if side == "long" else state.short.left)
