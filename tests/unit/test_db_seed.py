"""What a new database holds, against the table typed out from the specification."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from db.constraints_repository import ConstraintsRepository
from db.database import Database
from db.seed import SEED, TRADER_ID
from db.traders_repository import TradersRepository
from tests.limits_table import TABLE
from tests.store import fresh
from traders.contract.base import canonical_json, sha256_text


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = fresh(tmp_path)
    yield database
    database.close()


def test_every_constraint_of_the_specification_is_a_row_with_its_value_and_unit(database: Database) -> None:
    with database.read() as connection:
        rows = connection.execute(
            text("SELECT key, value, unit, who, changed_in FROM constraint_values WHERE trader_id = 11 AND version = 1")
        ).all()
    assert {row.key: (json.loads(row.value), row.unit) for row in rows} == TABLE
    assert {(row.who, row.changed_in) for row in rows} == {("seed", 1)}


def test_there_is_one_version_of_one_trader(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(text("SELECT trader_id, version FROM constraint_versions")).all() == [(11, 1)]
        assert connection.execute(text("SELECT trader_id, name FROM traders")).all() == [(11, "VolatilityGamma")]


def test_pairs_and_time_frames_are_those_of_the_specification(database: Database) -> None:
    trader = TradersRepository(database).get(11)
    assert trader.pairs == ("SOL/USDT:USDT", "AVAX/USDT:USDT")
    assert trader.timeframes == ("1h", "4h", "1d")
    assert trader.enabled


def test_each_row_says_where_it_comes_from(database: Database) -> None:
    sources = {row.key: row.source for row in ConstraintsRepository(database).rows(TRADER_ID)}
    assert all(source == "settled" or source.startswith(("profile: ", "article: ")) for source in sources.values())
    assert sources["leverage_max"] == "profile: Characteristics"
    assert sources["stop_loss_max"] == "profile: Exit Conditions"
    assert sources["reversal_rule"] == "settled"
    assert sorted(SEED) == sorted(sources)


def test_two_installations_have_the_same_hash_and_it_is_the_pinned_one(database: Database) -> None:
    current = ConstraintsRepository(database).current(11)
    # hashed here by hand from the pinned rule: canonical [[key, unit, value], ...] sorted by key
    with database.read() as connection:
        rows = connection.execute(text("SELECT key, unit, value FROM constraint_values ORDER BY key")).all()
    by_hand = sha256_text(canonical_json([[row.key, row.unit, json.loads(row.value)] for row in rows]))
    assert current.hash == by_hand
    assert current.hash == "5056714ea4da271a8d0aa29fa135a1a0ca94dfa9bc3f38bc6df73410a7e41b78"  # released: never changes
