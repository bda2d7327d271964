"""100,000 ticks through the rebalancer: memory does not grow."""

import gc
import random
import tracemalloc
from decimal import Decimal

import pytest

from tests.rebalancer_driver import Driver, make_rules, make_state

D = Decimal
RULES = make_rules(stop=D("0.08"), target=D("0.12"), breakeven_at=D("0.10"), trailing_distance=D("3.6"))
#: What the interpreter may keep between two measurements; 90,000 ticks that left 8 bytes each would exceed it.
ALLOWED_BYTES = 256 * 1024


def walk(driver: Driver, ticks: int, source: random.Random) -> tuple[Driver, int]:
    """Ticks of a random walk; a pair that ended is replaced by a new one. How many ended."""
    price, ended = 120.0, 0
    for _ in range(ticks):
        price *= 1 + source.gauss(0, 0.001)
        driver.mark(str(round(price, 2)))
        if driver.state.phase.value == "flat":
            driver, price, ended = Driver(make_state(rules=RULES)), 120.0, ended + 1
    return driver, ended


@pytest.mark.slow
def test_a_hundred_thousand_ticks_leave_nothing_behind() -> None:
    source = random.Random(7)
    driver, _ = walk(Driver(make_state(rules=RULES)), 10_000, source)
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        driver, ended = walk(driver, 90_000, source)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ended > 10, "the walk must go through whole ladders"
    assert after - before < ALLOWED_BYTES
