"""From facts to events: each kind of alert arises, once or for as long as it lasts, and its end is told."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from db.journal_entry import EntryInfo
from db.pairs_repository import PairEvent
from orchestrator.alerts.events import Event, Kind
from orchestrator.alerts.facts import Account, Facts, Fee
from orchestrator.alerts.observe import Memory, look

NOW = 1_700_000_000_000
SOL = "SOL/USDT:USDT"
CALM = Facts(now=NOW)


def pair_event(number: int, name: str, **document: Any) -> PairEvent:
    return PairEvent(number, "p1", "d1", "paper", name, document, 0, NOW)


def decision(number: int, outcome: str | None, *rules: str, **more: Any) -> EntryInfo:
    return EntryInfo(
        decision_id=f"d{number}",
        trader_id=11,
        symbol=SOL,
        exchange="paper",
        policy="rules",
        started_at=NOW + number,
        status=more.pop("status", "finished"),
        outcome=outcome,
        refused_rules=rules,
        **more,
    )


def seen(facts: Facts, memory: Memory | None = None, streak: int = 3) -> tuple[Memory, list[Event]]:
    return look(memory or Memory(event=0), facts, streak)


def kinds(events: list[Event]) -> list[Kind]:
    return [event.kind for event in events]


@pytest.mark.parametrize(
    ("row", "kind", "says"),
    [
        (pair_event(1, "opened"), Kind.PAIR_OPENED, "pair p1 is open"),
        (pair_event(1, "closed", reason="target", net="12.30"), Kind.PAIR_CLOSED, "target), net 12.30 USDT"),
        (pair_event(1, "half_closed", band=1, long="5", short="2.5"), Kind.BAND_HIT, "band 1 hit; left: long 5"),
        (pair_event(1, "not_done", text="margin"), Kind.NOT_DONE, "not_done: margin"),
        (pair_event(1, "state_missing", text="only the bracket"), Kind.NOT_DONE, "only the bracket"),
        (pair_event(1, "close_overdue", text="not done after 9000 ms"), Kind.NOT_DONE, "after 9000 ms"),
        (pair_event(1, "leg_liquidated", text="5 of the long leg at 90"), Kind.FORCED, "liquidated: 5 of the long"),
        (pair_event(1, "quantity_changed", text="long is 3"), Kind.CHANGED_OUTSIDE, "quantity changed: long is 3"),
    ],
)
def test_what_happened_to_a_pair(row: PairEvent, kind: Kind, says: str) -> None:
    memory, events = seen(replace(CALM, events=(row,), last_event=1, pairs={"p1": SOL}))
    assert kinds(events) == [kind]
    assert f"{SOL} on paper" in events[0].text and says in events[0].text
    assert memory.event == 1


def test_what_is_no_news() -> None:
    rows = tuple(pair_event(n, name) for n, name in enumerate(("funding", "bracket_moved", "closing", "replanned"), 1))
    assert seen(replace(CALM, events=rows, last_event=4))[1] == []


def test_refusals_in_a_row() -> None:
    three = tuple(decision(n, "refused", "drawdown", *(("dead_market",) if n == 3 else ())) for n in (3, 2, 1))
    (event,) = [e for e in seen(replace(CALM, decisions=three))[1] if e.kind is Kind.REFUSED_IN_A_ROW]
    assert event.text == "3 decisions in a row refused: drawdown 3x, dead_market 1x."
    assert seen(replace(CALM, decisions=three), streak=4)[1] == []
    broken = (three[0], decision(4, "approved"), *three[1:])
    assert seen(replace(CALM, decisions=broken))[1] == []
    under_way = (decision(5, None, status="started"), *three)
    assert kinds(seen(replace(CALM, decisions=under_way))[1]) == [Kind.REFUSED_IN_A_ROW]


def test_stale_data_is_told_by_rule_and_once_a_decision() -> None:
    facts = replace(CALM, decisions=(decision(1, "refused", "market_stale", "dead_market"),))
    memory, events = seen(facts)
    assert [(e.kind, e.key) for e in events] == [(Kind.STALE_DATA, f"stale:{SOL}:market_stale")]
    assert seen(facts, memory)[1] == []
    failed = replace(CALM, decisions=(decision(2, None, status="failed", error="no answer"),))
    assert [e.text for e in seen(failed, memory)[1]] == [f"{SOL}: no decision: no answer"]


@pytest.mark.parametrize(
    ("changed", "kind", "grace"),
    [
        ({"unknown_orders": ("vg-1",)}, Kind.UNKNOWN_OUTCOME, 5_000),
        ({"unprotected": (SOL,)}, Kind.UNPROTECTED_LEG, 5_000),
        ({"killed": "me: news"}, Kind.KILL, 0),
        ({"latched": ("paper",)}, Kind.DRAWDOWN, 0),
        ({"breaker_failures": 5}, Kind.BREAKER, 0),
        ({"account": Account(Decimal(92), Decimal(100), Decimal("0.1"))}, Kind.DRAWDOWN, 0),
    ],
)
def test_what_lasts_is_told_at_every_look_and_so_is_its_end(changed: dict[str, Any], kind: Kind, grace: int) -> None:
    memory, events = seen(replace(CALM, **changed))
    assert kinds(events) == ([kind] if grace == 0 else [])
    memory = Memory.of(json.loads(json.dumps(memory.document())))
    memory, events = seen(replace(CALM, now=NOW + grace, **changed), memory)
    assert kinds(events) == [kind]
    memory, events = seen(replace(CALM, now=NOW + grace + 1), memory)
    assert kinds(events) == [Kind.OVER]
    assert seen(replace(CALM, now=NOW + grace + 2), memory)[1] == []


def test_a_bracket_that_is_being_replaced_is_no_news() -> None:
    memory, events = seen(replace(CALM, unprotected=(SOL,)))
    assert (events, seen(replace(CALM, now=NOW + 4_999), memory)[1]) == ([], [])


def test_a_small_drawdown_is_no_news() -> None:
    assert seen(replace(CALM, account=Account(Decimal("92.1"), Decimal(100), Decimal("0.1"))))[1] == []


def test_another_fee() -> None:
    memory, events = seen(replace(CALM, fees=(Fee("paper", Decimal("0.0005"), 4),)))
    assert events == []
    assert seen(replace(CALM, fees=(Fee("paper", Decimal("0.00054"), 4),)), memory)[1] == []
    memory, events = seen(replace(CALM, fees=(Fee("paper", Decimal("0.0004"), 4),)), memory)
    assert [e.text for e in events] == ["paper: fills cost 0.04000% of notional now, 0.05000% before."]
    assert seen(replace(CALM, fees=(Fee("paper", Decimal("0.0004"), 4),)), memory)[1] == []


def test_silence() -> None:
    every = 900_000
    facts = replace(CALM, every=every, decisions=(decision(1, "approved"),))
    memory, events = seen(facts)
    assert events == []
    memory, events = seen(replace(facts, now=NOW + 3 * every + 60_000), memory)
    assert events == []
    memory, events = seen(replace(facts, now=NOW + 3 * every + 60_001), memory)
    assert kinds(events) == [Kind.NO_DECISIONS]
    spoke = replace(facts, now=NOW + 3 * every + 70_000, decisions=(decision(2, "approved"),))
    assert kinds(seen(spoke, memory)[1]) == [Kind.OVER]
    assert seen(replace(facts, every=None, now=NOW + 100 * every), Memory(event=0, newest_at=NOW))[1] == []
