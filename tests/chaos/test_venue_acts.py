"""What a venue does of its own accord, one thing at a time and with nothing else going wrong: pairs come through."""

import asyncio

import pytest

from orchestrator.paper_exchange.forced import deleverage, liquidate
from tests.chaos import invariants
from tests.chaos.life import Life, begin, enter


def opened(seed: int = 1) -> Life:
    """A neutral pair with its bracket, and no mishaps."""
    life = begin(seed)
    life.chaos.calm = True
    asyncio.run(enter(life))
    invariants.settled(life)
    return life


def look(life: Life, seconds: int) -> None:
    for _ in range(seconds):
        life.clock.pass_ms(1_000)
        asyncio.run(life.keeper.look())


def named(life: Life) -> set[str]:
    return {event.name for event in life.desk.store.pairs.log}


@pytest.mark.parametrize("gone", [1, 4])
def test_an_order_of_the_bracket_that_the_venue_expires_rests_again(gone: int) -> None:
    life = opened()
    look(life, 1)
    for row in life.engine.open_algos()[:gone]:
        row.update(algoStatus="EXPIRED")
    assert len(life.engine.open_algos()) == 4 - gone
    look(life, 11)
    invariants.settled(life)
    assert len(life.engine.account.open_positions()) == 2
    assert "bracket_missing" in named(life)


def test_a_bracket_that_cannot_rest_again_is_tried_until_it_does() -> None:
    """The venue does not answer while the order is missing: the pair counts as unprotected until it stands."""
    life = opened()
    look(life, 11)
    life.engine.open_algos()[0].update(algoStatus="EXPIRED")
    life.chaos.calm, life.chaos.write_rate, life.chaos.crash_rate = False, 1.0, 0.0
    original, life.chaos.strike = life.chaos.strike, lambda kinds, rate: "throttle" if rate == 1.0 else None  # type: ignore[method-assign]
    look(life, 15)
    (pair,) = life.desk.store.pairs.open_pairs()
    assert not pair.protected
    life.chaos.strike, life.chaos.calm = original, True  # type: ignore[method-assign]
    look(life, 3)
    invariants.settled(life)


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_a_leg_that_is_liquidated_or_deleveraged_takes_the_other_with_it(side: str) -> None:
    for take in (liquidate, lambda engine, position: deleverage(engine, position, abs(position.quantity))):
        life = opened()
        (victim,) = [p for p in life.engine.account.open_positions() if p.side == side]
        take(life.engine, victim)
        look(life, 2)
        invariants.settled(life)
        assert not life.engine.account.open_positions()
        invariants.tied(life)


@pytest.mark.parametrize("taken", [30, 70])
def test_a_leg_deleveraged_in_part_is_never_left_as_it_was(taken: int) -> None:
    """Taken over and cut to the limit on net delta, or both legs closed."""
    life = opened()
    (short,) = [p for p in life.engine.account.open_positions() if p.side == "SHORT"]
    deleverage(life.engine, short, invariants.D(taken))
    look(life, 2)
    invariants.settled(life)
    assert named(life) & {"quantity_changed", "leg_auto_deleveraged"}
    asyncio.run(life.keeper.look(flatten=True))
    invariants.settled(life)
    invariants.tied(life)


def test_a_computer_clock_half_a_minute_off_changes_nothing_of_an_open_pair() -> None:
    life = opened()
    life.own_clock.skew_ms = 30_000
    look(life, 12)
    life.own_clock.skew_ms = -30_000
    look(life, 12)
    invariants.settled(life)
    assert len(life.engine.account.open_positions()) == 2
