"""A position of one leg under any path of prices: it is only ever closed, on its own side, and its stop holds."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.rebalancer.events import BarClosed, CloseLeg, Ended, Filled, FundingSettled, Kill, LegGone, Tick
from orchestrator.rebalancer.state import Holding, PairState, Phase, Rules
from orchestrator.rebalancer.step import step
from traders.contract.decision import Band, Side

D = Decimal
ENTRY, QUANTITY, MARGIN = D(120), D("416.66"), D(10_000)
RULES = Rules(
    bands=(
        Band(move=D("0.02"), leg="losing", fraction=D("0.5")),
        Band(move=D("0.04"), leg="both", fraction=D(1)),
    ),
    reversal_rule="opposite_band",
    stop=D("0.08"),
    target=D("0.12"),
    breakeven_at=D("0.10"),
    trailing_distance=D("4.32"),
    deadline=10_000_000,
    collapse_level=None,
    funding_adverse_exit=D("0.0003"),
    net_delta_max=D("0.35"),
    imbalance_grace_ms=5000,
    cost=D("0.0005"),
    reopen=False,
)


def opened(side: Side, stop: str) -> PairState:
    whole, nothing = (Holding(opened=q, left=q, average=ENTRY) for q in (QUANTITY, D(0)))
    return PairState(
        pair_id="p",
        rules=RULES.model_copy(update={"stop": D(stop)}),
        step=D("0.01"),
        pair_margin=MARGIN,
        entry=ENTRY,
        long=whole if side == "long" else nothing,
        short=whole if side == "short" else nothing,
    )


MARKS = st.integers(min_value=10_500, max_value=13_500).map(lambda cents: D(cents) / 100)
EVENTS = st.lists(
    st.one_of(
        MARKS,
        st.tuples(st.just("funding"), st.integers(-20, 20)),
        st.tuples(st.just("bar"), st.sampled_from(["0.0001", "0.0009", "-0.0009"])),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(side=st.sampled_from(["long", "short"]), events=EVENTS, stop=st.sampled_from(["0.08", "0.5"]))
def test_it_is_only_closed_on_its_own_side_and_ends_flat(side: Side, events: list[object], stop: str) -> None:
    state, mark, at, ended = opened(side, stop), ENTRY, 1, 0
    other: Side = "short" if side == "long" else "long"
    for item in [*events, "kill"]:
        at += 1000
        if isinstance(item, Decimal):
            mark, event = item, Tick(at=at, mark=item)
            beyond = state.phase is not Phase.FLAT and state.cycle_pnl(mark) <= -D(stop) * MARGIN
        else:
            beyond = False
            event = (
                Kill(at=at)
                if item == "kill"
                else FundingSettled(at=at, amount=D(item[1]))
                if item[0] == "funding"
                else BarClosed(at=at, atr_ratio=D("0.1"), funding_rate_8h=D(item[1]), readings={})
            )
        before = state.leg(side).left
        state, commands = step(state, event)
        closes = [command for command in commands if isinstance(command, CloseLeg)]
        assert all(order.side == side and D(0) < order.quantity <= before for order in closes)
        if beyond:
            assert [order.quantity for order in closes] == [before], "the stop closes all of it"
        ended += sum(isinstance(command, Ended) for command in commands)
        for order in closes:
            fill = Filled(at=at, side=order.side, quantity=order.quantity, price=mark, fee=D(0))
            state, more = step(state, fill)
            assert not any(isinstance(command, CloseLeg) for command in more), "one leg left is what was meant"
            ended += sum(isinstance(command, Ended) for command in more)
        assert state.leg(other).left == 0
        assert state.leg(side).left <= before
    assert (state.phase, state.leg(side).left, ended) == (Phase.FLAT, 0, 1)


@given(side=st.sampled_from(["long", "short"]), mark=MARKS)
def test_gone_at_the_venue_it_is_over(side: Side, mark: Decimal) -> None:
    state, commands = step(opened(side, "0.08"), LegGone(at=5, side=side, price=mark, why="bracket"))
    assert state.phase is Phase.FLAT
    assert [type(command) for command in commands if isinstance(command, (CloseLeg, Ended))] == [Ended]
    assert state.reason == "bracket"
