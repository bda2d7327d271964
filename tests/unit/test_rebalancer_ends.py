"""What the bracket and the reason of an end keep to: only nearer, and the first one."""

from decimal import Decimal

from orchestrator.rebalancer.events import CloseLeg, Ended, Filled, Kill, LegGone, MoveBracket, Tick
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.rebalancer.step import step
from tests.rebalancer_driver import Driver, make_rules, make_state

D = Decimal


def after_band_one(**rules: object) -> PairState:
    """N 50,000 at 120, half of the short closed at 122.4."""
    driver = Driver(make_state(rules=make_rules(**rules)))
    driver.mark(D("122.4"))
    assert driver.state.phase is Phase.UP
    return driver.state


def test_break_even_moves_the_bracket_to_the_break_even_price_of_domain_md() -> None:
    """122.8855 after +2 % (domain.md section 2): from there on the stop is 0, and it rests at the exchange."""
    state = after_band_one(breakeven_at=D("0.01"), stop=D("0.08"))
    assert state.edge == D("117.6"), "the reversal level"
    state, commands = step(state, Tick(at=2, mark=D("123.5")))
    assert (state.breakeven_latched, commands) == (False, ())
    state, commands = step(state, Tick(at=3, mark=D("124")))
    (move,) = commands
    assert isinstance(move, MoveBracket)
    assert (move.edge, move.price.quantize(D("0.0001"))) == ("lower", D("122.8855"))
    assert state.edge == move.price
    assert step(state, Tick(at=4, mark=D("124.1")))[1] == (), "once"


def test_a_leg_that_somebody_else_reduced_never_loosens_the_bracket() -> None:
    state = after_band_one(stop=D("0.05"))
    edge = state.edge
    assert edge is not None
    assert edge > D("117.6"), "the stop price is nearer than the reversal level"
    eighty = Filled(at=2, side="long", quantity=D(80), price=D(124), fee=D(0))
    state, commands = step(state, eighty)
    assert commands == (MoveBracket(edge="lower", price=edge),), "with less at risk the stop price would be further off"
    assert state.edge == edge


def test_the_first_reason_of_a_close_is_kept() -> None:
    state, commands = step(after_band_one(stop=D("0.08")), Tick(at=2, mark=D("117.6")))
    assert {command.reason for command in commands if isinstance(command, CloseLeg)} == {"reversal"}
    state, _ = step(state, Kill(at=3))
    state, _ = step(state, Tick(at=9000, mark=D("110")))
    state, _ = step(state, LegGone(at=9001, side="long", price=D(110), why="closed"))
    assert state.reason == "reversal"
    state, commands = step(state, Filled(at=9002, side="short", quantity=state.short.left, price=D(110), fee=D(0)))
    assert commands == (Ended(reason="reversal", may_reopen=False),)


def test_somebody_else_may_want_a_pair_to_end() -> None:
    state, commands = step(make_state(), Kill(at=1, reason="leg_auto_deleveraged"))
    assert (state.reason, len(commands)) == ("leg_auto_deleveraged", 2)
