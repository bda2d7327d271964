"""The breaker as a value: when it opens, how long, and what closes it."""

import pytest

from orchestrator.breaker import FAILURES, Breaker
from traders.contract.decision import AbstainReason

PAUSE = 900_000


def failed(breaker: Breaker, times: int, now: int = 0) -> Breaker:
    for _ in range(times):
        breaker = breaker.after(AbstainReason.MODEL_TIMEOUT, now, 3)
    return breaker


def test_it_opens_at_the_third_failure_in_a_row_and_not_before() -> None:
    assert failed(Breaker(), 2).lets_through(0, PAUSE)
    assert not failed(Breaker(), 3).lets_through(0, PAUSE)


def test_one_answer_starts_the_count_again() -> None:
    breaker = failed(Breaker(), 2).after(None, 0, 3)
    assert breaker == Breaker()
    assert failed(breaker, 2).lets_through(0, PAUSE)


def test_half_open_after_the_pause_then_one_failure_is_enough() -> None:
    breaker = failed(Breaker(), 3, now=1_000)
    assert not breaker.lets_through(1_000 + PAUSE - 1, PAUSE)
    assert breaker.lets_through(1_000 + PAUSE, PAUSE)
    again = breaker.after(AbstainReason.INVALID, 1_000 + PAUSE, 3)
    assert not again.lets_through(1_000 + PAUSE + 1, PAUSE)
    assert breaker.after(None, 1_000 + PAUSE, 3) == Breaker()


@pytest.mark.parametrize("reason", [AbstainReason.REFUSAL, AbstainReason.BUDGET, AbstainReason.BREAKER_OPEN])
def test_what_is_no_failure_of_the_server_does_not_count(reason: AbstainReason) -> None:
    assert reason not in FAILURES
    assert failed(Breaker(), 2).after(reason, 0, 3) == Breaker()
