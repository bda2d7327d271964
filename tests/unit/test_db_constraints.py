"""Constraints change as a whole or not at all, and old versions stay."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db.constraint_changes import Change
from db.constraints_repository import ConstraintsRepository
from db.database import Database, open_database
from db.errors import BadImport, NotFound
from tests.store import fresh
from traders.contract.constraints import ConstraintError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = fresh(tmp_path)
    yield database
    database.close()


@pytest.fixture
def constraints(database: Database) -> ConstraintsRepository:
    return ConstraintsRepository(database)


def change(constraints: ConstraintsRepository, **changes: Any) -> None:
    constraints.set(11, changes, "anna", "because", 1_000)


def test_a_change_is_a_new_version_and_the_old_one_stays(constraints: ConstraintsRepository) -> None:
    first = constraints.current(11)
    made = constraints.set(11, {"leverage_max": 7, "stop_loss_max": 0.07}, "anna", "calmer", 1_000)
    assert (made.version, made.limits.leverage_max, float(made.limits.stop_loss_max)) == (2, 7, 0.07)
    assert constraints.current(11) == made
    assert constraints.version(11, 1) == first
    rows = {row.key: row for row in constraints.rows(11)}
    assert (rows["leverage_max"].who, rows["leverage_max"].why, rows["leverage_max"].when) == ("anna", "calmer", 1_000)
    assert rows["leverage_max"].source == "profile: Characteristics"
    assert rows["leverage_min"].who == "seed"


def test_a_part_of_a_value_is_changed_alone(constraints: ConstraintsRepository) -> None:
    made = constraints.set(11, {"data_age_max_s.book": 10, "rebalance_bands.0.move": 0.03}, "anna", "x", 1)
    assert [float(age) for _, age in made.limits.data_age_max_s] == [120, 10, 3600, 7200]
    assert [float(band.move) for band in made.limits.rebalance_bands] == [0.03, 0.04]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"levrage_max": 7}, "did you mean 'leverage_max'"),
        ({"leverage_max": "many"}, "leverage_max"),
        ({"leverage_max": 7.5}, "leverage_max"),
        ({"leverage_max": True}, "leverage_max"),
        ({"leverage_max": None}, "leverage_max"),
        ({"stop_loss_max": float("nan")}, "stop_loss_max"),
        ({"leverage_max": 4}, "leverage_min 5 is above leverage_max 4"),
        ({"leverage_max": 7, "stop_loss_max": 0.01}, "stop_loss_min"),
        ({"data_age_max_s.bok": 7}, "no part 'bok'.*book"),
        ({"data_age_max_s.book.x": 7}, "single value"),
        ({"rebalance_bands.5.move": 7}, "no part '5'"),
        ({"leverage_max.x": 7}, "single value"),
        ({"levrage.max": 7}, "unknown key 'levrage.max'"),
    ],
)
def test_a_bad_change_changes_nothing_and_is_named(
    constraints: ConstraintsRepository, changes: dict[str, Any], named: str
) -> None:
    before = constraints.export_document(11)
    with pytest.raises(ConstraintError, match=named):
        constraints.set(11, changes, "anna", "because", 1)
    assert constraints.export_document(11) == before


@pytest.mark.parametrize(("who", "why"), [("anna", " "), ("", "because")])
def test_a_change_without_author_or_reason_is_refused(constraints: ConstraintsRepository, who: str, why: str) -> None:
    with pytest.raises(ConstraintError, match="--why"):
        constraints.set(11, {"leverage_max": 7}, who, why, 1)
    assert constraints.current(11).version == 1


def test_the_same_value_again_is_no_version(constraints: ConstraintsRepository) -> None:
    change(constraints, leverage_max=8, depth_min=2e6)
    assert constraints.current(11).version == 1


def test_history_and_diff(constraints: ConstraintsRepository) -> None:
    change(constraints, leverage_max=7)
    change(constraints, leverage_max=6, pairs_max=1)
    assert [len(one.changes) for one in constraints.history(11)] == [76, 1, 2]
    assert [one.changes[0].new for one in constraints.history(11, "leverage_max")] == [8, 7, 6]
    assert constraints.diff(11, 1, 3) == (Change("leverage_max", 8, 6), Change("pairs_max", 2, 1))
    assert constraints.diff(11, 3, 3) == ()
    with pytest.raises(NotFound, match="version 9"):
        constraints.diff(11, 1, 9)
    with pytest.raises(ConstraintError, match="did you mean 'pairs_max'"):
        constraints.history(11, "pair_max")


def test_an_export_has_the_pinned_shape_and_comes_back_identical(
    constraints: ConstraintsRepository, tmp_path: Path
) -> None:
    change(constraints, leverage_max=7)
    document = json.loads(json.dumps(constraints.export_document(11)))
    assert list(document) == ["schema", "trader_id", "version", "hash", "values"]
    assert document["schema"] == "volgamma.constraints/1"
    assert [list(row) for row in document["values"]] == [["key", "value", "unit", "source", "who", "when", "why"]] * 76
    keys = [row["key"] for row in document["values"]]
    assert keys == sorted(keys)

    assert constraints.import_document(document, "b", "same", 5).version == 2  # nothing differs: no new version
    assert constraints.export_document(11) == document
    other = fresh(tmp_path, "other.sqlite")
    elsewhere = ConstraintsRepository(other)
    assert elsewhere.import_document(document, "anna", "because", 1_000).hash == document["hash"]
    assert elsewhere.export_document(11) == document
    other.close()


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda d: d["values"][0].update(value=99), "allowed_symbols: 99 is no list"),
        (lambda d: _row(d, "leverage_max").update(value=6), "hash"),
        (lambda d: _row(d, "leverage_max").update(unit="percent"), "leverage_max is in 'percent'"),
        (lambda d: d["values"].pop(), "missing key"),
        (lambda d: d["values"].append(d["values"][0]), "twice"),
        (lambda d: d.update(hash="0" * 64), "hash"),
        (lambda d: d.update(schema="volgamma.constraints/2"), "schema"),
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: d.update(trader_id=12), "trader 12, not of trader 11"),
        (lambda d: d.clear(), "schema"),
    ],
)
def test_an_edited_export_is_refused(constraints: ConstraintsRepository, edit: Any, named: str) -> None:
    document = constraints.export_document(11)
    edit(document)
    with pytest.raises((BadImport, ConstraintError), match=named):
        constraints.import_document(document, "anna", "because", 1, trader_id=11)
    assert constraints.current(11).version == 1


def _row(document: dict[str, Any], key: str) -> dict[str, Any]:
    return next(row for row in document["values"] if row["key"] == key)


MISSPELT = (
    "INSERT INTO constraint_values SELECT trader_id, version, 'levrage_max', value, unit, source, who, why, "
    "changed_at, changed_in FROM constraint_values WHERE key = 'leverage_max'"
)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        (MISSPELT, "unknown key 'levrage_max' .did you mean 'leverage_max'"),
        ("DELETE FROM constraint_values WHERE key = 'slippage_max'", "missing key 'slippage_max'"),
        ("UPDATE constraint_values SET value = '\"many\"' WHERE key = 'leverage_max'", "leverage_max"),
        ("UPDATE constraint_values SET value = 'many' WHERE key = 'leverage_max'", "leverage_max.*no JSON"),
        ("UPDATE constraint_values SET value = '4' WHERE key = 'leverage_max'", "leverage_min 5 is above"),
        ("UPDATE constraint_values SET unit = 'percent' WHERE key = 'stop_loss_max'", "stop_loss_max.*percent"),
        ("UPDATE constraint_values SET value = '7' WHERE key = 'leverage_max'", "edited outside"),
        ("DELETE FROM constraint_values", "missing key"),
    ],
)  # fmt: skip
def test_rows_written_behind_our_back_stop_the_trader_and_are_named(
    database: Database, constraints: ConstraintsRepository, sql: str, named: str
) -> None:
    with database.write() as connection:
        connection.execute(text(sql))
    with pytest.raises(ConstraintError, match=named) as caught:
        constraints.current(11)
    assert "volgamma constraints" in str(caught.value)


def test_limits_of_one_trader_never_apply_to_another(database: Database, constraints: ConstraintsRepository) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO traders VALUES (12, 'Other', 1, 0)"))
    for trader_id in (12, 13):
        with pytest.raises(ConstraintError, match=f"trader {trader_id} has no constraints"):
            constraints.current(trader_id)
        with pytest.raises(ConstraintError, match=f"trader {trader_id} has no constraints"):
            constraints.set(trader_id, {"leverage_max": 7}, "a", "b", 1)
    with database.write() as connection:
        for table in ("constraint_versions", "constraint_values"):
            columns = connection.execute(text(f"SELECT * FROM {table}")).keys()
            names = ", ".join(columns)
            chosen = names.replace("trader_id", "12")
            connection.execute(text(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table}"))
    constraints.set(12, {"leverage_max": 6}, "a", "b", 1)
    assert (constraints.current(11).limits.leverage_max, constraints.current(12).limits.leverage_max) == (8, 6)
    assert (constraints.current(11).version, constraints.current(12).version) == (1, 2)


def test_concurrent_changes_are_all_kept(tmp_path: Path, database: Database) -> None:
    changes = [{"leverage_max": 7}, {"pairs_max": 1}, {"stop_loss_max": 0.07}, {"bb_active_bars": 24}]

    def one(change: dict[str, Any]) -> int:
        mine = open_database(str(database.url))
        made = ConstraintsRepository(mine).set(11, change, "anna", "at once", 1)
        mine.close()
        return made.version

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(one, changes))
    assert sorted(versions) == [2, 3, 4, 5]
    limits = ConstraintsRepository(database).current(11).limits
    assert (limits.leverage_max, limits.pairs_max, float(limits.stop_loss_max), limits.bb_active_bars) == (
        7,
        1,
        0.07,
        24,
    )
