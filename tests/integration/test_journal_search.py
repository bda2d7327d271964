"""The journal looked through by filter, on both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from db.database import Database, open_database
from db.errors import Corrupt
from db.journal_repository import JournalRepository
from db.journal_search import Filter, JournalSearch
from db.models import BlobRow
from tests.store import fresh

SOL, AVAX = "SOL/USDT:USDT", "AVAX/USDT:USDT"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        found = fresh(tmp_path)
    else:
        make: Callable[[], str] = request.getfixturevalue("postgres_database")
        found = open_database(make())
        found.migrate()
    fill(JournalRepository(found))
    yield found
    found.close()


def fill(journal: JournalRepository) -> None:
    """Five decisions a minute apart; the last is still under way."""
    for number, (symbol, policy, outcome, rules) in enumerate(
        (
            (SOL, "rules", "approved", ()),
            (AVAX, "llm", "refused", ("slippage_max", "basis_max")),
            (SOL, "llm", "refused", ("confidence",)),
            (SOL, "rules", "amended", ()),
        )
    ):
        name = f"11-{symbol[:3]}USDT-{number}"
        journal.claim(name, 11, symbol, "paper", policy, 60_000 * number)
        journal.record(name, "portfolio", {"equity": str(100 - number)})
        journal.record(name, "portfolio", {"equity": str(200 - number)})
        journal.record(name, "context", {"number": number})
        journal.finish(name, "finished", {"outcome": outcome, "refused_rules": rules, "error": "100 % _odd_ Ünïcode"})
    journal.claim("11-SOLUSDT-9", 11, SOL, "bybit", "rules", 600_000)


def names(found: Any) -> list[str]:
    return [one.decision_id[-1] for one in found]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), "93210"),
        (Filter(symbol=SOL), "9320"),
        (Filter(symbol=SOL, policy="llm"), "2"),
        (Filter(outcome="refused"), "21"),
        (Filter(exchange="bybit"), "9"),
        (Filter(since=60_000, until=180_000), "21"),
        (Filter(text="SLIPPAGE"), "1"),
        (Filter(text="avausdt"), "1"),
        (Filter(text="%"), "3210"),
        (Filter(text="_odd_"), "3210"),
        (Filter(text="_____"), ""),
        (Filter(text="' OR 1=1 --"), ""),
        (Filter(text=""), "93210"),
    ],
)
def test_filters(database: Database, wanted: Filter, expected: str) -> None:
    entries, total = JournalSearch(database).page(wanted, 50)
    assert names(entries) == list(expected)
    assert total == len(expected)


def test_pages_hold_each_decision_once(database: Database) -> None:
    search = JournalSearch(database)
    pages = [search.page(Filter(), 2, offset) for offset in (0, 2, 4, 6)]
    assert [names(entries) for entries, _ in pages] == [["9", "3"], ["2", "1"], ["0"], []]
    assert {total for _, total in pages} == {5}


def test_choices_are_what_occurs(database: Database) -> None:
    found = JournalSearch(database).choices()
    assert found.symbols == (AVAX, SOL)
    assert found.outcomes == ("amended", "approved", "refused")
    assert found.exchanges == ("bybit", "paper")
    assert found.actions == ()


def test_the_newest_document_of_a_kind(database: Database) -> None:
    search = JournalSearch(database)
    found = list(search.documents("portfolio", Filter(), 3))
    assert [one.document["equity"] for one in found] == ["197", "198", "199"]
    assert [one.started_at for one in found] == [180_000, 120_000, 60_000]
    assert [one.document["number"] for one in search.documents("context", Filter(symbol=SOL), 9)] == [3, 2, 0]
    assert list(search.documents("verdict", Filter(), 9)) == []


def test_a_damaged_document_is_skipped_or_named(database: Database) -> None:
    with database.write() as connection:
        name = JournalRepository(database).load("11-SOLUSDT-2").records[1].hash
        connection.execute(update(BlobRow).where(BlobRow.hash == name).values(data=b"x"))
    search = JournalSearch(database)
    assert [one.decision_id[-1] for one in search.documents("portfolio", Filter(), 9)] == ["3", "1", "0"]
    with pytest.raises(Corrupt):
        list(search.documents("portfolio", Filter(), 9, skip_damaged=False))


def test_the_fingerprint_changes_with_the_journal(database: Database) -> None:
    search, journal = JournalSearch(database), JournalRepository(database)
    seen = [search.fingerprint(), search.fingerprint()]
    journal.finish("11-SOLUSDT-9", "finished", {"finished_at": 1})
    seen.append(search.fingerprint())
    journal.claim("11-SOLUSDT-10", 11, SOL, "paper", "rules", 1)
    seen.append(search.fingerprint())
    assert seen[0] == seen[1] and len(set(seen)) == 3
