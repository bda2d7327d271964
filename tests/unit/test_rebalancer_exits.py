"""Each way a pair ends or is protected, and what must not happen."""

from decimal import Decimal

import pytest

from orchestrator.rebalancer.events import (
    Alert,
    BarClosed,
    CloseLeg,
    Ended,
    Filled,
    FundingSettled,
    Kill,
    LegGone,
    MoveBracket,
    Tick,
)
from orchestrator.rebalancer.state import Phase
from orchestrator.rebalancer.step import step
from tests.rebalancer_driver import Driver, make_rules, make_state
from traders.contract.decision import Condition


def bar(at: int = 0, ratio: str | None = "1.7", funding: str | None = "0.0001", **readings: str) -> BarClosed:
    return BarClosed(
        at=at,
        atr_ratio=None if ratio is None else Decimal(ratio),
        funding_rate_8h=None if funding is None else Decimal(funding),
        readings={name.replace("__", "."): Decimal(value) for name, value in readings.items()},
    )


def test_nothing_happens_between_bands() -> None:
    driver = Driver(make_state())
    for price in ("121", "118", "122.39", "117.61"):
        driver.mark(price)
    assert driver.commands == []


def test_band_one_fires_once() -> None:
    driver = Driver(make_state())
    for price in ("122.4", "122", "123", "122.4"):
        driver.mark(price)
    assert driver.reasons == ["band_1"]


def test_band_one_tightens_the_adverse_edge_only() -> None:
    up, down = Driver(make_state()), Driver(make_state())
    up.mark("122.4")
    down.mark("117.6")
    assert [c for c in up.commands if isinstance(c, MoveBracket)] == [MoveBracket(edge="lower", price=Decimal("117.6"))]
    assert [c for c in down.commands if isinstance(c, MoveBracket)] == [
        MoveBracket(edge="upper", price=Decimal("122.4"))
    ]


def test_target_closes_both() -> None:
    driver = Driver(make_state(rules=make_rules(target=Decimal("0.015"))))
    driver.mark("122.4")
    driver.mark("124.7")
    assert driver.reasons == ["band_1", "target"]


def test_break_even_latches_for_good() -> None:
    driver = Driver(make_state(rules=make_rules(breakeven_at=Decimal("0.015"))))
    driver.mark("122.4")
    driver.mark("124.7")
    assert driver.state.breakeven_latched
    driver.mark("123")
    assert driver.state.phase is Phase.UP
    driver.mark("122.5")
    assert driver.reasons == ["band_1", "breakeven_stop"]


def test_trailing_needs_imbalance() -> None:
    rules = make_rules(trailing_distance=Decimal("1"))
    neutral = Driver(make_state(rules=rules))
    neutral.mark("121.9")
    neutral.mark("119")
    assert neutral.commands == []
    driver = Driver(make_state(rules=rules))
    for price in ("122.4", "123.5", "122.51"):
        driver.mark(price)
    assert driver.state.phase is Phase.UP
    driver.mark("122.5")
    assert driver.reasons == ["band_1", "trailing"]


def test_holding_time() -> None:
    driver = Driver(make_state(rules=make_rules(deadline=2000)))
    driver.mark("120")
    assert driver.commands == []
    driver.mark("120")
    assert driver.reasons == ["holding_time"]


def test_collapse_takes_two_bars_and_closes_only_a_neutral_pair() -> None:
    rules = make_rules(collapse_level=Decimal("1.5"))
    driver = Driver(make_state(rules=rules))
    driver.event(bar(ratio="1.4"), Decimal(120))
    driver.event(bar(ratio="1.6"), Decimal(120))
    driver.event(bar(ratio="1.4"), Decimal(120))
    assert driver.commands == []
    driver.event(bar(ratio="1.4"), Decimal(120))
    assert driver.reasons == ["vol_collapse"]
    unbalanced = Driver(make_state(rules=rules))
    unbalanced.mark("122.4")
    for _ in range(3):
        unbalanced.event(bar(ratio="1.0"), Decimal("122.4"))
    assert unbalanced.reasons == ["band_1"]


def test_adverse_funding_only_ends_an_unbalanced_pair() -> None:
    neutral = Driver(make_state())
    neutral.event(bar(funding="0.01"), Decimal(120))
    assert neutral.commands == []
    receiving, paying = Driver(make_state()), Driver(make_state())
    receiving.mark("122.4")
    receiving.event(bar(funding="-0.01"), Decimal("122.4"))
    assert receiving.reasons == ["band_1"]
    paying.mark("122.4")  # net long half a leg: 0.0008 x 0.5 = 0.0004 > 0.0003
    paying.event(bar(funding="0.0006"), Decimal("122.4"))
    assert paying.reasons == ["band_1"]
    paying.event(bar(funding="0.0008"), Decimal("122.4"))
    assert paying.reasons == ["band_1", "funding_adverse"]


@pytest.mark.parametrize(("value", "closes"), [("0.79", True), ("0.8", False)])
def test_invalidation(value: str, closes: bool) -> None:
    condition = Condition(reading="sol.1h.atr_ratio", op="lt", value=Decimal("0.8"))
    driver = Driver(make_state(rules=make_rules(invalidation=(condition,))))
    driver.event(bar(sol__1h__atr_ratio=value), Decimal(120))
    assert (driver.reasons == ["invalidated"]) is closes


@pytest.mark.parametrize("why", ["closed", "liquidated", "auto_deleveraged"])
def test_one_leg_gone_closes_the_other(why: str) -> None:
    driver = Driver(make_state())
    gone = LegGone(at=1, side="short", price=Decimal("143"), why=why)  # type: ignore[arg-type]
    driver.event(gone, Decimal("143"))
    assert driver.state.phase is Phase.FLAT
    assert [c.side for c in driver.commands if isinstance(c, CloseLeg)] == ["long"]
    assert any(isinstance(c, Alert) and c.name == "leg_gone" for c in driver.commands)


def test_kill_flattens_and_nothing_follows() -> None:
    driver = Driver(make_state())
    driver.event(Kill(at=1), Decimal(120))
    assert driver.state.phase is Phase.FLAT
    before = list(driver.commands)
    driver.mark("122.4")
    driver.event(Kill(at=2), Decimal(120))
    assert driver.commands == before


def test_reopening_only_after_the_last_band_and_only_if_planned() -> None:
    for reopen in (True, False):
        driver = Driver(make_state(rules=make_rules(reopen=reopen)))
        driver.mark("122.4")
        driver.mark("124.8")
        assert driver.commands[-1] == Ended(reason="last_band", may_reopen=reopen)
    reversed_ = Driver(make_state(rules=make_rules(reopen=True)))
    reversed_.mark("122.4")
    reversed_.mark("117.6")
    assert reversed_.commands[-1] == Ended(reason="reversal", may_reopen=False)


def test_no_second_order_while_one_is_in_flight() -> None:
    state, first = step(make_state(), Tick(at=1000, mark=Decimal("122.4")))
    assert len(first) == 1
    state, again = step(state, Tick(at=2000, mark=Decimal("124.8")))
    assert again == ()


def test_an_overdue_close_ends_flat() -> None:
    state, _ = step(make_state(), Tick(at=1000, mark=Decimal("122.4")))
    state, commands = step(state, Tick(at=6001, mark=Decimal("122.4")))
    assert [c.side for c in commands if isinstance(c, CloseLeg)] == ["long", "short"]
    assert any(isinstance(c, Alert) and c.name == "close_overdue" for c in commands)


def test_a_partial_half_close_is_waited_for_then_settled() -> None:
    state, commands = step(make_state(quantity=Decimal(100), step_size=Decimal(1)), Tick(at=0, mark=Decimal("122.4")))
    (order,) = commands
    assert isinstance(order, CloseLeg)
    state, none = step(state, Filled(at=1, side="short", quantity=Decimal(20), price=Decimal("122.4"), fee=Decimal(1)))
    assert none == ()
    assert state.in_flight
    state, done = step(state, Filled(at=2, side="short", quantity=Decimal(30), price=Decimal("122.4"), fee=Decimal(1)))
    assert not state.in_flight
    assert [type(c) for c in done] == [MoveBracket]


def test_too_much_net_delta_is_cut() -> None:
    """100 long, 45 short: .3793 of gross; the excess over .35 goes, in whole lots."""
    state = make_state(quantity=Decimal(100), step_size=Decimal(1))
    state = state.model_copy(
        update={"pending_short": Decimal(55), "pending_since": 0, "phase": Phase.UP, "bands_hit": 1}
    )
    fill = Filled(at=1, side="short", quantity=Decimal(55), price=Decimal("122.4"), fee=Decimal(0))
    state, commands = step(state, fill)
    assert commands == (CloseLeg(side="long", quantity=Decimal(7), reason="net_delta"),)
    assert (Decimal(93) - 45) / (93 + 45) <= Decimal("0.35") < (Decimal(94) - 45) / (94 + 45)


def test_a_grid_is_stopped_by_the_gamma_monitor() -> None:
    """The guard refuses `winning` bands; should one be forged, nothing is sold into the rise: all is closed."""
    driver = Driver(make_state(rules=make_rules(bands=(("0.02", "winning", "0.5"), ("0.04", "both", "1")))))
    driver.mark("122.4")
    assert driver.state.phase is Phase.FLAT
    assert driver.reasons == ["short_gamma"]
    assert any(isinstance(c, Alert) and c.name == "short_gamma" for c in driver.commands)


def test_funding_reaches_the_cycle_result() -> None:
    state = make_state()
    after, _ = step(state, FundingSettled(at=1, amount=Decimal("-20.40")))
    assert after.cycle_pnl(Decimal(120)) - state.cycle_pnl(Decimal(120)) == Decimal("-20.40")


def test_an_older_bar_told_late_counts_for_nothing() -> None:
    d = Driver(make_state(rules=make_rules(collapse_level=Decimal("1.4"))))
    for bar in (2, 1):
        event = BarClosed(at=10 + bar, bar=bar, atr_ratio=Decimal("1.1"), funding_rate_8h=None, readings={})
        d.event(event, Decimal(120))
    assert d.state.collapsed_bars == 1 and d.state.phase is Phase.NEUTRAL


def test_a_kill_after_the_last_band_ends_the_cycle() -> None:
    """The ladder's own end may be followed by another; a kill while its orders are under way may not."""
    state, _ = step(make_state(rules=make_rules(reopen=True)), Tick(at=1, mark=Decimal("122.4")))
    half = state.pending_short
    state, _ = step(state, Filled(at=2, side="short", quantity=half, price=Decimal("122.4"), fee=Decimal(0)))
    state, _ = step(state, Tick(at=3, mark=Decimal("124.8")))
    assert state.may_reopen
    state, _ = step(state, Kill(at=4))
    assert not state.may_reopen
