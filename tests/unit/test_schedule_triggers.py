"""What starts a decision, and that every process gives it the same name."""

from decimal import Decimal

import pytest

from orchestrator.schedule.triggers import Seen, Tick, Ticker, Watch, delay, lateness

SOL = "SOL/USDT:USDT"
QUARTER = 900_000
T = 1_736_000_100_000 // QUARTER * QUARTER


def names(ticks: list[Tick]) -> list[str]:
    return [tick.decision_id for tick in ticks]


def test_time_is_due_once_and_only_the_newest() -> None:
    ticker = Ticker([Watch(11, SOL, QUARTER), Watch(3, SOL, 2 * QUARTER)], late_after=60_000)
    first = ticker.due(T + 1_000, {}, {})
    assert [(tick.trader_id, tick.due) for tick in first if tick.trader_id == 11] == [(11, T)]
    assert ticker.due(T + 2_000, {}, {}) == first, "said again until it is started"
    for tick in first:
        ticker.started(tick)
    assert ticker.due(T + 3_000, {}, {}) == []
    later = ticker.due(T + 5 * QUARTER, {}, {})
    assert [tick.due for tick in later if tick.trader_id == 11] == [T + 5 * QUARTER], "missed ones are not caught up on"


def test_a_late_tick_is_not_started() -> None:
    ticker = Ticker([Watch(11, SOL, QUARTER)], late_after=60_000)
    assert ticker.due(T + 60_001, {}, {}) == []
    assert len(ticker.due(T + 60_000, {}, {})) == 1
    assert lateness(T, T + 60_000, 60_000) is None
    assert lateness(T, T + 90_000, 60_000) == "late by 90 s, more than 60 s"


def test_jitter_delays_the_start_never_the_name() -> None:
    most = 10_000
    delays = {delay(trader, SOL, T, most) for trader in range(1, 60)}
    assert len(delays) > 40
    assert 0 <= min(delays) < max(delays) <= most
    assert delay(11, SOL, T, 0) == 0
    wait = delay(11, SOL, T, most)
    ticker = Ticker([Watch(11, SOL, QUARTER)], late_after=60_000, jitter=most)
    assert ticker.due(T + wait - 1, {}, {}) == []
    assert names(ticker.due(T + wait, {}, {})) == names([Tick(11, SOL, T)])


@pytest.mark.parametrize(("price", "fires"), [("102", True), ("98", True), ("101.99", False), ("98.01", False)])
def test_a_price_that_moved_since_the_last_decision(price: str, fires: bool) -> None:
    ticker = Ticker([Watch(11, SOL, QUARTER, move=Decimal("0.02"))], late_after=120_000)
    now = T + 7 * 60_000 + 23_456
    due = ticker.due(now, {SOL: Seen(Decimal(price))}, {(11, SOL): Decimal(100)})
    assert [tick.kind for tick in due] == ["price_move"] * fires
    if fires:
        assert due[0].due == T + 7 * 60_000, "the minute: whoever else sees it means the same decision"
        assert due[0].trigger is not None
        assert due[0].trigger["from"] == "100"


def test_no_price_or_no_decision_before_starts_nothing() -> None:
    ticker = Ticker([Watch(11, SOL, QUARTER, move=Decimal("0.02"))], late_after=1)
    assert ticker.due(T + 70_000, {}, {(11, SOL): Decimal(100)}) == []
    assert ticker.due(T + 70_000, {SOL: Seen(Decimal(100))}, {}) == []
    assert ticker.due(T + 70_000, {SOL: Seen(Decimal(100))}, {(11, SOL): Decimal(0)}) == []


def test_before_funding_once_and_not_after_it() -> None:
    funding = T + 8 * 60_000
    ticker = Ticker([Watch(11, SOL, QUARTER, before_funding=300_000)], late_after=150_000)
    seen = {SOL: Seen(next_funding=funding)}
    assert ticker.due(funding - 300_001, seen, {}) == []
    (tick,) = ticker.due(funding - 300_000, seen, {})
    assert (tick.kind, tick.due) == ("funding", funding - 300_000)
    ticker.started(tick)
    assert ticker.due(funding - 200_000, seen, {}) == []
    assert Ticker([Watch(11, SOL, QUARTER, before_funding=300_000)], 10**9).due(funding, seen, {})[0].kind == "time"


def test_all_triggers_claim_one_key() -> None:
    at = T + 60_000
    kinds = [Tick(11, SOL, at), Tick(11, SOL, at, "price_move"), Tick(11, SOL, at, "funding")]
    assert len({tick.decision_id for tick in kinds}) == 1
