"""Alerts of several processes on one database: each thing is told once, kept with what became of it, and told even
when the database is gone. On SQLite and on PostgreSQL.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db.alerts_repository import MOST_KEPT, AlertsRepository
from db.database import Database, open_database
from db.errors import DatabaseError
from db.state_repository import StateRepository
from orchestrator import settings
from orchestrator.alerts.book import UNKNOWN, WAITING, Book
from orchestrator.alerts.events import Event, Kind
from orchestrator.alerts.policy import OVER, Sent
from orchestrator.alerts.told import told
from orchestrator.alerts.watch import watching
from orchestrator.clock import SystemClock
from orchestrator.errors import HostError
from tests.notified import Notified, notified

NOON = 1_700_000_000_000
HOUR = 3_600_000
BARE = Event(Kind.UNPROTECTED_LEG, "bare:SOL", "SOL has no bracket")


def opened(number: int) -> Event:
    return Event(Kind.PAIR_OPENED, f"event:{number}", f"pair {number}")


@pytest.fixture
def database(either_url: str) -> Iterator[Database]:
    found = open_database(either_url)
    found.migrate()
    yield found
    found.close()


def book(by: str = "worker a", per_hour: int = 20) -> Book:
    return Book(by, ["Telegram", "Discord"], per_hour)


def kept(database: Database) -> list[dict[str, Any]]:
    return [one.document for one in AlertsRepository(database).newest(MOST_KEPT)[0]]


def test_of_many_that_see_the_same_one_tells_it(database: Database, either_url: str) -> None:
    rounds = 12
    sent: list[str] = []
    ready = threading.Barrier(6)

    def work(number: int) -> None:
        own = open_database(either_url)
        try:
            mine = book(f"worker {number}")
            for second in range(rounds):
                ready.wait(300)
                found = mine.ask(own, [BARE, opened(second)], NOON + 1000 * second + number)
                sent.extend(message.text for _, message in found)
        finally:
            own.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = ["SOL has no bracket", *(f"pair {number}" for number in range(rounds))]
    assert sorted(one.split("\n")[0] for one in sent) == sorted(texts)
    assert sorted(one["text"] for one in kept(database)) == sorted(texts)


def test_the_rate_counts_what_others_sent(database: Database) -> None:
    first, second = book("a", per_hour=3), book("b", per_hour=3)
    assert len(first.ask(database, [opened(1), opened(2)], NOON)) == 2
    assert [message.text for _, message in second.ask(database, [opened(3), opened(4)], NOON + 1)] == ["pair 3"]
    assert first.ask(database, [opened(4)], NOON + 2) == [], "held back once is held back"
    (found,) = second.ask(database, [opened(5)], NOON + HOUR + 1)
    assert found[1].text == "pair 5\nHeld back since the last message: 1 pair_opened"
    assert [(one["text"], one["held_back"]) for one in kept(database)] == [
        ("pair 5", False), ("pair 4", True), ("pair 3", False), ("pair 2", False), ("pair 1", False),
    ]  # fmt: skip


def test_what_lasts_is_told_again_by_one_and_its_end_by_one(database: Database) -> None:
    books = [book(name) for name in "abc"]
    over = Event(Kind.OVER, f"{OVER}{BARE.key}", "Over: unprotected leg (SOL).")
    seen = []
    for second in range(0, 420, 20):
        for one in books:
            seen += [(second, message.title) for _, message in one.ask(database, [BARE], NOON + 1000 * second)]
    for one in books:
        seen += [(420, message.title) for _, message in one.ask(database, [over], NOON + 420_000)]
    leg = "volgamma: unprotected leg"
    assert seen == [(0, leg), (300, leg), (420, "volgamma: it is over")]


def test_what_became_of_a_message_is_entered(database: Database) -> None:
    mine = book()
    ((mark, _),) = mine.ask(database, [BARE], NOON)
    assert kept(database)[0]["services"] == {"Telegram": WAITING, "Discord": WAITING}
    mine.became(mark, "Telegram", "delivered")
    assert mine.unwritten
    mine.write(database)
    mine.became(mark, "Discord", "failed: the service did not take it")
    mine.write(database)
    assert not mine.unwritten
    (found,) = AlertsRepository(database).newest(10)[0]
    assert (found.by, found.at) == ("worker a", NOON)
    assert found.document == {
        "kind": "unprotected_leg", "severity": "failure", "title": "unprotected leg", "text": "SOL has no bracket",
        "held_back": False,
        "services": {"Telegram": "delivered", "Discord": "failed: the service did not take it"},
    }  # fmt: skip


def test_a_bounded_number_is_kept_and_switches_are_none_of_it(database: Database) -> None:
    mine = book(per_hour=10_000)
    StateRepository(database).kill("me", "news", NOON)
    for number in range(6):
        mine.ask(database, [opened(100 * number + k) for k in range(100)], NOON + number)
    rows, total = AlertsRepository(database).newest(3)
    assert total == MOST_KEPT == 500
    assert [row.document["text"] for row in rows] == ["pair 599", "pair 598", "pair 597"]
    assert AlertsRepository(database).newest(1, offset=499)[0][0].document["text"] == "pair 100"
    assert StateRepository(database).kill_switch().killed
    assert StateRepository(database).history("sent", "alerts") == (), "no trace of every change"


def test_without_the_database_it_is_told_all_the_same_and_entered_later(database: Database, tmp_path: Path) -> None:
    mine, other = book(), book("worker b")
    mine.ask(database, [BARE], NOON)
    gone = open_database(f"sqlite:///{tmp_path / 'nothing' / 'here.sqlite'}")
    with pytest.raises(DatabaseError):
        mine.ask(gone, [opened(1)], NOON + 1000)
    ((mark, message),) = mine.alone([BARE, opened(1)], NOON + 1000)
    assert message.text == "pair 1", "what was told before the database went away is not told again"
    mine.became(mark, "Telegram", "delivered")
    # the process ends before it can be entered; the next one does that
    again = book()
    again.load(mine.document())
    again.write(database)
    assert kept(database)[0]["services"] == {"Telegram": "delivered", "Discord": UNKNOWN}
    assert again.ask(database, [BARE, opened(1), opened(2)], NOON + 2000)[0][1].text == "pair 2"
    assert other.ask(database, [opened(1)], NOON + 3000) == [], "and others know of it by now"


def test_what_happened_while_a_worker_was_away_for_long_is_not_told_again(database: Database) -> None:
    away, here = book("away"), book("here")
    away.event, here.event = 3, 40
    here.ask(database, [opened(40)], NOON)
    away.begin(database)
    assert [away.event] == [40]
    away.event = 12
    away.ask(database, [BARE], NOON + 1)
    here.begin(database)
    assert [here.event] == [40], "it never goes back"


@pytest.mark.parametrize("damage", ["null", "}{", "[]", '{"by_key": 3}', '{"by_key": {}, "recent": "x", "held": {}}'])
def test_a_damaged_memory_is_begun_anew(database: Database, damage: str) -> None:
    mine = book()
    mine.ask(database, [opened(1)], NOON)
    with database.write() as connection:
        connection.execute(
            text("UPDATE state SET value = :value WHERE scope = 'alerts' AND key = 'sent'"), {"value": damage}
        )
        connection.execute(text("UPDATE state SET value = :value WHERE scope = 'alert'"), {"value": damage})
    assert len(told(database, NOON, 9)[0]) == 1, "it can be looked at all the same"
    assert len(book().ask(database, [BARE], NOON)) == 1
    assert Sent.of(AlertsRepository(database).sent() or {}).by_key == {BARE.key: NOON}


def until(server: Notified, title: str) -> None:
    for _ in range(1200):
        if title in server.titles:
            return
        time.sleep(0.1)
    raise AssertionError(server.titles)


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_three_workers_with_the_same_address_send_one_message(
    database: Database, either_url: str, tmp_path: Path
) -> None:
    """Over HTTP, each with a data folder of its own; each one's own end is told by itself."""
    with notified() as server:

        def work(name: str) -> None:
            (tmp_path / name).mkdir()
            more = {"VOLGAMMA_DATA_DIR": str(tmp_path / name), "VOLGAMMA_DATABASE_URL": either_url}
            chosen = settings.load({**more, "VOLGAMMA_ALERTS": server.url})
            alerts = watching(chosen, SystemClock(), None, lambda line: None, f"worker {name}")
            with contextlib.suppress(HostError), alerts:
                stop.wait(300)
                raise HostError("lease_lost", "taken over", "stop one of the two")

        stop = threading.Event()
        threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        StateRepository(database).kill("me", "news", NOON)
        until(server, "volgamma: kill")
        time.sleep(2.5)  # as long as each of them needs for another look
        StateRepository(database).resume("me", "over", NOON)
        until(server, "volgamma: it is over")
        time.sleep(2.5)
        assert server.titles == ["volgamma: kill", "volgamma: it is over"]
        stop.set()
        for thread in threads:
            thread.join(60)
        ended = sorted(one["message"].partition(":")[0] for one in server.arrived[2:])
        assert ended == ["worker a", "worker b", "worker c"], "three ends are three things"
        said = kept(database)
        assert sorted(one["kind"] for one in said) == ["kill", "over", "run_ended", "run_ended", "run_ended"]
        assert {tuple(one["services"].items()) for one in said} == {(("JSON", "delivered"),)}


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_the_end_of_a_run_is_told_though_the_database_is_gone(tmp_path: Path) -> None:
    with notified() as server:
        more = {"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_DATABASE_URL": "postgresql+psycopg://x@127.0.0.1:1/none"}
        chosen = settings.load({**more, "VOLGAMMA_ALERTS": server.url})
        lines: list[str] = []
        with pytest.raises(HostError), watching(chosen, SystemClock(), None, lines.append, "worker a"):
            raise HostError("db_unreachable", "the database is gone", "see `volgamma db check`")
        assert server.titles == ["volgamma: run ended"]
        assert any("cannot be looked at" in line for line in lines)
