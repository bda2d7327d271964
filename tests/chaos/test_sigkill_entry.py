"""An entry killed at every crash point, with real processes: afterwards a protected pair, or flat."""

from pathlib import Path

import pytest

from db.database import open_database
from tests.chaos.sigkill_journeys import Facts, entry, went, world

SLICES = 4
#: A hundred processes and more: a busy machine needs minutes where an idle one needs half of one.
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("part", range(SLICES))
def test_every_point_of_an_entry_ends_protected_or_flat(part: int, tmp_path: Path) -> None:
    (tmp_path / "fresh" / "data").mkdir(parents=True)
    database = open_database(f"sqlite:///{tmp_path}/fresh/data/volgamma.sqlite")
    database.migrate()
    database.close()
    with world(tmp_path / "whole", tmp_path / "fresh") as place:
        points, whole = went(place, entry)
    assert whole.held, "the uninterrupted entry opens a pair"
    assert sum(name == "after POST /fapi/v1/order" for name in points) == 2, "one order a leg"
    assert sum(name == "after POST /fapi/v1/algoOrder" for name in points) == 4, "and the bracket"
    assert len(points) > 70, points
    ends: dict[str, Facts] = {}
    for number in range(part, len(points), SLICES):
        with world(tmp_path / str(number), tmp_path / "fresh") as place:
            try:
                reached, facts = went(place, entry, number)
                assert len(reached) == number + 1
                for side, quantity in facts.opened.items():
                    assert quantity <= whole.opened[side], "more was opened than planned"
                if facts.held:
                    assert (facts.held, facts.resting, facts.trades) == (whole.held, whole.resting, whole.trades)
            except AssertionError as error:
                error.add_note(f"killed at point {number}: {points[number]}")
                raise
        ends[points[number]] = facts
    assert any(facts.held for facts in ends.values()), "some kill comes when the pair stands already"
    assert any(not facts.held for facts in ends.values()), "some kill comes before anything was sent"
