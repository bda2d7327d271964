"""Whatever happens to a pair, in whatever order: the rebalancer beside a model that only counts lots.

The model knows what is held, what is asked for and what was earned, from the events alone. An order asked for replaces
the one under way on its leg; when everything is closed it replaces both (events.CloseLeg, domain.md section 3).
"""

from decimal import Decimal
from typing import Any, Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.rebalancer.events import (
    Alert,
    BarClosed,
    CloseLeg,
    Command,
    Ended,
    Event,
    Filled,
    FundingSettled,
    Kill,
    LegGone,
    MoveBracket,
    Tick,
)
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.rebalancer.step import step
from tests.rebalancer_driver import Driver, make_rules, make_state
from tests.rebalancer_model import SIDES, Model
from traders.contract.decision import Condition, Side

D = Decimal
LADDERS = (
    (("0.02", "losing", "0.5"), ("0.04", "both", "1")),
    (("0.01", "losing", "0.25"), ("0.02", "losing", "0.5"), ("0.04", "both", "1")),
    (("0.01", "losing", "0.25"), ("0.02", "winning", "0.5"), ("0.04", "both", "1")),  # the monitor ends this one
    (("0.02", "both", "0.5"), ("0.04", "both", "1")),
)
BANDS = [D(m) for m in ("115.2", "117.6", "118.8", "120", "121.2", "122.4", "124.8")]
MARKS = st.one_of(st.sampled_from(BANDS), st.decimals(min_value=116, max_value=124, places=2))
JUMPS = st.decimals(min_value=60, max_value=240, places=2)
#: Exchange time may stand still or come late; an order is overdue after five seconds.
PASSED = st.sampled_from([0, 1, 1_000, 1_000, 4_000, 6_000, -2_000])


PLANS = st.fixed_dictionaries(
    {
        "lots": st.integers(2, 300),
        "lot": st.sampled_from([D(1), D("0.1"), D("0.001")]),
        "bands": st.sampled_from(LADDERS),
        "reversal_rule": st.sampled_from(["opposite_band", "entry", "none"]),
        "stop": st.sampled_from([D("0.02"), D("0.08"), D("0.9")]),
        "target": st.sampled_from([D("0.03"), D("0.12"), D("0.9")]),
        "breakeven_at": st.sampled_from([D("0.005"), D("0.1")]),
        "trailing_distance": st.sampled_from([None, D("0.7"), D("3.6")]),
        "reopen": st.booleans(),
        # how many events pass before the rarer ones come: a life of kills alone shows nothing of a ladder
        "patience": st.sampled_from([0, 8, 16, 24, 24]),
    }
)


class PairLife(RuleBasedStateMachine):
    """One pair after the other, and everything that may reach them."""

    state: PairState
    model: Model

    @initialize(plan=PLANS)
    def opened(self, plan: dict[str, Any]) -> None:
        """Two equal legs at 120 and a margin of a fifth of their notional: 5x."""
        lots, self.lot, self.patience = plan.pop("lots"), plan.pop("lot"), plan.pop("patience")
        rules = make_rules(
            **plan,
            deadline=120_000,
            collapse_level=D("1.2"),
            invalidation=(Condition(reading="s.close", op="lt", value=D(100)),),
        )
        quantity = lots * self.lot
        self.at, self.events = 10_000, 0
        self.state = make_state(quantity, step_size=self.lot, pair_margin=quantity * 48, rules=rules)
        self.model = Model(dict.fromkeys(SIDES, quantity), D(120), paid=self.state.fees)
        self.edge: Decimal | None = None
        self.halves: list[str] = []

    @property
    def stands(self) -> bool:
        return not self.model.ended

    @property
    def troubled(self) -> bool:
        """Whether the rarer events may come."""
        return self.stands and self.events >= self.patience

    @precondition(lambda self: not self.stands)
    @rule(plan=PLANS)
    def opened_again(self, plan: dict[str, Any]) -> None:
        self.opened(plan)

    # -- what may happen -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.stands)
    @rule(mark=MARKS, passed=PASSED)
    def tick(self, mark: Decimal, passed: int) -> None:
        self.at = max(0, self.at + passed)
        before, waited = self.model.under_way, self.model.since
        commands = self._tell(Tick(at=self.at, mark=mark))
        if before and waited is not None and self.at - waited > self.state.rules.imbalance_grace_ms:
            assert self.state.phase is Phase.CLOSING, "an order overdue, and the pair goes on"
        if not before and self.state.phase is not Phase.CLOSING:
            self._stands(mark)
        if before and self.state.phase is not Phase.CLOSING:
            assert not commands, "a tick acted on while an order is under way"

    @precondition(lambda self: self.troubled)
    @rule(mark=JUMPS, passed=PASSED)
    def jump(self, mark: Decimal, passed: int) -> None:
        self.tick(mark, passed)

    @precondition(lambda self: self.model.under_way or self.troubled)
    @rule(side=st.sampled_from(SIDES), part=st.integers(1, 400), price=MARKS, fee=st.sampled_from(["0", "0.3"]))
    def filled(self, side: Side, part: int, price: Decimal, fee: str) -> None:
        """In part, late (nothing is asked for any more), or more than was asked and than there is."""
        self._fill(Filled(at=self.at, side=side, quantity=part * self.lot, price=price, fee=D(fee)))

    @precondition(lambda self: self.model.under_way)
    @rule(price=MARKS, twice=st.booleans())
    def filled_as_asked(self, price: Decimal, twice: bool) -> None:
        """Whatever is under way is done; at times one of them is told twice."""
        for side in [side for side in SIDES if self.model.asked.get(side)]:
            quantity = self.model.asked.get(side, D(0))
            if quantity:  # the first may have changed what is asked on the other leg
                fill = Filled(at=self.at, side=side, quantity=quantity, price=price, fee=D("0.1"))
                self._fill(fill)
                if twice and self.stands:
                    self._fill(fill)

    @precondition(lambda self: self.stands)
    @rule(
        ratio=st.sampled_from([None, D("1.1"), D("1.2"), D(2), D(2)]),
        rate=st.sampled_from([None, D("0.0004"), D("0.0009"), D("-0.0009")]),
        close=st.sampled_from([None, D(99), D(100), D(120), D(120)]),
        bar=st.sampled_from([None, -1, 0, 1]),
    )
    def bar_closed(self, ratio: Decimal | None, rate: Decimal | None, close: Decimal | None, bar: int | None) -> None:
        """A new bar, the same told twice, an older one told late; readings may be missing."""
        number = None if bar is None else (self.state.last_bar or 3_600_000) + bar * 3_600_000
        readings = {} if close is None else {"s.close": close}
        event = BarClosed(at=self.at, bar=number, atr_ratio=ratio, funding_rate_8h=rate, readings=readings)
        before = self.model.under_way
        commands = self._tell(event)
        assert not (before and commands), "a bar acted on while an order is under way"

    @precondition(lambda self: self.stands)
    @rule(amount=st.decimals(min_value=-20, max_value=20, places=2))
    def funding(self, amount: Decimal) -> None:
        self.model.paid -= amount
        assert self._tell(FundingSettled(at=self.at, amount=amount)) == ()

    @precondition(lambda self: self.troubled)
    @rule(side=st.sampled_from(SIDES), price=MARKS, why=st.sampled_from(["closed", "bracket", "liquidated"]))
    def leg_gone(self, side: Side, price: Decimal, why: Literal["closed", "bracket", "liquidated"]) -> None:
        """Also of a leg that is gone already."""
        self.model.sold(side, self.model.held[side], price)
        self.model.asked[side] = D(0)
        commands = self._tell(LegGone(at=self.at, side=side, price=price, why=why))
        for other in SIDES:
            if self.model.held[other]:
                (close,) = [c for c in commands if isinstance(c, CloseLeg)]
                assert (close.side, close.quantity) == (other, self.model.held[other]), "one leg is left alone"

    @precondition(lambda self: self.troubled)
    @rule()
    def kill(self) -> None:
        commands = self._tell(Kill(at=self.at))
        self.model.killed = True
        asked = {c.side: c.quantity for c in commands if isinstance(c, CloseLeg)}
        assert asked == {side: held for side, held in self.model.held.items() if held}, "a kill closes all that is held"

    # -- what the model does with it -------------------------------------------------------------------------------

    def _fill(self, fill: Filled) -> None:
        self.model.sold(fill.side, fill.quantity, fill.price)
        self.model.paid += fill.fee
        if not self.model.under_way:
            self.model.since = None
        self._tell(fill)

    def _tell(self, event: Event) -> tuple[Command, ...]:
        """The event to the state, and to what came back from a database; what is asked for into the model."""
        before, was = self.state, self.state.phase
        self.state, commands = step(before, event)
        stored = PairState.model_validate_json(before.model_dump_json())
        again, same = step(stored, event)
        assert (again, same) == (self.state, commands), "a state that was stored and read behaves differently"
        if was is Phase.CLOSING:
            assert self.state.phase in (Phase.CLOSING, Phase.FLAT), "a pair that closes goes on again"
            assert not any(isinstance(c, MoveBracket) for c in commands)
        self._asked([c for c in commands if isinstance(c, CloseLeg)])
        for command in commands:
            match command:
                case MoveBracket():
                    self._moved(command)
                case Ended():
                    assert not any(self.model.held.values()), "ended, and not flat"
                    assert not command.may_reopen or (self.state.rules.reopen and command.reason == "last_band")
                    self.model.ended = True
                case CloseLeg() | Alert():
                    pass
        self.events += 1
        if self.model.ended:
            self._silent()
        return commands

    def _silent(self) -> None:
        """Flat is final: whatever still arrives is answered by nothing."""
        late: list[Event] = [Kill(at=self.at), Tick(at=self.at, mark=D(60)), FundingSettled(at=self.at, amount=D(5))]
        for side in SIDES:
            late.append(Filled(at=self.at, side=side, quantity=self.lot, price=D(120), fee=D(1)))
            late.append(LegGone(at=self.at, side=side, price=D(120), why="auto_deleveraged"))
        assert all(step(self.state, event) == (self.state, ()) for event in late)

    def _asked(self, orders: list[CloseLeg]) -> None:
        assert len({order.side for order in orders}) == len(orders), "two orders for one leg"
        for order in orders:
            assert D(0) < order.quantity <= self.model.held[order.side], "an order that would open"
            if self.model.killed:
                assert order.quantity == self.model.held[order.side], "after a kill nothing is kept"
            if order.reason.startswith("band_"):
                self.halves.append(order.reason)
        if orders:
            self.model.asked = {order.side: order.quantity for order in orders}
            self.model.since = self.at

    def _moved(self, move: MoveBracket) -> None:
        assert not self.model.killed, "after a kill nothing but closes"
        nearer = (move.price, "lower") if self.state.phase is Phase.UP else (-move.price, "upper")
        assert move.edge == nearer[1], "the winning side of the bracket was moved"
        assert self.edge is None or nearer[0] >= self.edge, "the stop moved away"
        self.edge = nearer[0]

    def _stands(self, mark: Decimal) -> None:
        """The tick found no reason to close: by the model's own money there was none either."""
        rules, margin = self.state.rules, self.state.pair_margin
        if self.model.under_way:
            return  # a band was reached
        worth = self.model.worth(mark, rules.cost)
        assert -rules.stop * margin < worth < rules.target * margin, f"{worth} is beyond stop or target"
        assert not self.state.breakeven_latched or worth > 0, "beyond the break-even stop"
        assert worth < rules.breakeven_at * margin or self.state.breakeven_latched
        assert self.at < rules.deadline
        assert abs(mark / self.model.entry - 1) < rules.bands[-1].move or rules.reversal_rule == "none"

    # -- what always holds -----------------------------------------------------------------------------------------

    @invariant()
    def counted_alike(self) -> None:
        state, model = self.state, self.model
        assert {side: state.leg(side).left for side in SIDES} == model.held
        assert (state.pending_long, state.pending_short) == tuple(model.asked.get(side, D(0)) for side in SIDES)
        assert state.realised == model.earned
        assert state.fees - state.funding == model.paid

    @invariant()
    def never_more_than_there_is(self) -> None:
        for side in SIDES:
            assert D(0) <= self.model.asked.get(side, D(0)) <= self.state.leg(side).left <= self.state.leg(side).opened

    @invariant()
    def only_flat_is_the_end(self) -> None:
        flat = not any(self.model.held.values())
        assert flat == self.model.ended == (self.state.phase is Phase.FLAT)

    @invariant()
    def at_rest_two_legs_within_the_limit(self) -> None:
        if not self.model.under_way and not self.model.ended:
            assert self.state.phase is not Phase.CLOSING, "closing, and nothing is under way"
            assert all(self.model.held.values()), "one leg alone, and nothing is under way"
            assert abs(self.state.net_delta) <= self.state.rules.net_delta_max

    @invariant()
    def a_band_acts_once(self) -> None:
        assert len(self.halves) == len(set(self.halves))


TestPairLife = PairLife.TestCase
TestPairLife.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)


def test_funding_received_does_not_move_the_stop_away() -> None:
    """What the machine found: funding came in between two fills, and the bracket would have been loosened."""
    rules = make_rules(LADDERS[1], stop=D("0.02"), reversal_rule="none")
    driver = Driver(make_state(D(4), step_size=D(1), pair_margin=D(192), rules=rules))
    driver.mark("121.2")
    driver.event(FundingSettled(at=driver.at, amount=D(6)), D(0))
    driver.mark("122.4")
    first, second = (c for c in driver.commands if isinstance(c, MoveBracket))
    assert D("115.2") < first.price <= second.price
