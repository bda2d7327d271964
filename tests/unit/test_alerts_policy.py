"""What is sent of what happened: once, again while it lasts, never more than so many an hour, urgent ones beyond."""

import json
from collections.abc import Iterable
from pathlib import Path

from orchestrator.alerts import policy
from orchestrator.alerts.events import ABOUT, Event, Kind, Message
from orchestrator.alerts.policy import OVER, Sent
from orchestrator.alerts.table import table

MINUTE = 60_000
NOON = 1_700_000_000_000


def choose(state: Sent, events: Iterable[Event], now: int, per_hour: int) -> tuple[Sent, list[Message]]:
    """What is sent."""
    state, choices = policy.choose(state, events, now, per_hour)
    return state, [choice.message for choice in choices if choice.message is not None]


def opened(number: int) -> Event:
    return Event(Kind.PAIR_OPENED, f"event:{number}", f"pair {number}")


BARE = Event(Kind.UNPROTECTED_LEG, "bare:SOL", "SOL has no bracket")


def test_the_same_is_said_once_and_again_while_it_lasts() -> None:
    state, sent = Sent(), []
    for second in range(0, 11 * 60, 2):  # ten minutes and more, a look every two seconds
        state, messages = choose(state, [BARE], NOON + second * 1000, 20)
        sent += [second for _ in messages]
    assert sent == [0, 300, 600]
    assert ABOUT[Kind.UNPROTECTED_LEG].again_after == 5 * MINUTE


def test_no_more_than_so_many_an_hour_and_what_is_held_is_counted() -> None:
    state, messages = choose(Sent(), [opened(n) for n in range(6)], NOON, 3)
    assert [message.text for message in messages] == ["pair 0", "pair 1", "pair 2"]
    state, messages = choose(state, [opened(6)], NOON + 59 * MINUTE, 3)
    assert messages == []
    state, messages = choose(state, [opened(7)], NOON + 60 * MINUTE, 3)
    assert [message.text for message in messages] == ["pair 7\nHeld back since the last message: 4 pair_opened"]
    assert state.held == {}


def test_what_is_urgent_goes_out_beyond_the_rate_and_says_what_to_do() -> None:
    state, _ = choose(Sent(), [opened(n) for n in range(3)], NOON, 3)
    _, (message,) = choose(state, [BARE, opened(9)], NOON + 1, 3)
    assert message.severity == "failure"
    assert message.title == "volgamma: unprotected leg"
    assert message.text.startswith("SOL has no bracket\nWhat it means: ") and "volgamma kill --flatten" in message.text


def test_what_was_sent_survives_a_restart() -> None:
    state, _ = choose(Sent(), [BARE, *(opened(n) for n in range(4))], NOON, 3)
    again = Sent.of(json.loads(json.dumps(state.document())))
    assert again == state
    assert choose(again, [BARE, opened(1)], NOON + 1000, 3)[1] == []


def test_old_keys_are_forgotten() -> None:
    state, _ = choose(Sent(), [opened(1)], NOON, 3)
    state, _ = choose(state, [], NOON + 3 * 24 * 60 * MINUTE, 3)
    assert (state.by_key, state.recent) == ({}, ())


BARE_OVER = Event(Kind.OVER, f"{OVER}bare:SOL", "Over: unprotected leg (SOL).")


def test_the_end_is_told_once_to_those_who_heard_of_the_beginning() -> None:
    assert choose(Sent(), [BARE_OVER], NOON, 3)[1] == [], "nobody was told that it began"
    state, _ = choose(Sent(), [BARE], NOON, 3)
    state, (message,) = choose(state, [BARE_OVER], NOON + MINUTE, 3)
    assert (message.title, message.severity) == ("volgamma: it is over", "success")
    assert choose(state, [BARE_OVER], NOON + 60 * MINUTE, 3)[1] == [], "another process that saw it end much later"
    state, _ = choose(state, [BARE], NOON + 90 * MINUTE, 3)
    assert len(choose(state, [BARE_OVER], NOON + 91 * MINUTE, 3)[1]) == 1


def test_a_clock_that_is_far_ahead_silences_nobody() -> None:
    wrong, _ = choose(Sent(), [BARE, *(opened(n) for n in range(3))], NOON + 365 * 24 * 60 * MINUTE, 3)
    _, messages = choose(wrong, [BARE, opened(7)], NOON, 3)
    assert len(messages) == 2, "neither its keys nor its rate count"
    a_little, _ = choose(Sent(), [BARE], NOON + 2 * MINUTE, 3)
    assert choose(a_little, [BARE], NOON, 3)[1] == [], "a little ahead is ordinary"


def test_what_is_held_back_is_a_choice_too() -> None:
    _, choices = policy.choose(Sent(), [opened(n) for n in range(4)], NOON, 3)
    assert [(choice.event.key, choice.message is None) for choice in choices[2:]] == [
        ("event:2", False),
        ("event:3", True),
    ]


def test_what_was_sent_alone_counts_with_what_others_sent() -> None:
    shared, _ = choose(Sent(), [opened(1), opened(2)], NOON, 9)
    alone, _ = choose(shared, [opened(3)], NOON + 1, 9)
    others, _ = choose(shared, [opened(4), opened(5)], NOON + 2, 9)
    both = others.with_own(alone)
    assert both.recent == (NOON, NOON, NOON + 1, NOON + 2, NOON + 2)
    assert set(both.by_key) == {f"event:{n}" for n in range(1, 6)}
    assert shared.with_own(shared) == shared


def test_the_page_shows_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "alerts.md"
    assert page.read_text() == table()
    assert set(ABOUT) == set(Kind)
