"""The ways out of a pair, killed at every crash point, with real processes: it ends as if nothing had happened."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import kill_switch
from tests.chaos.sigkill_journeys import Facts, Journey, World, checked, entry, leave, looks, went, world

#: A hundred processes and more: a busy machine needs minutes where an idle one needs half of one.
pytestmark = pytest.mark.timeout(600)


def _opened(folder: Path) -> None:
    """A protected pair at 190."""
    with world(folder) as place:
        _, facts = went(place, entry)
        assert facts.held == {"long": "263", "short": "263"}


def _band_one(folder: Path) -> None:
    _opened(folder)
    with world(folder) as place:
        place.price("193.819")


def _last_band(folder: Path) -> None:
    _band_one(folder)
    with world(folder) as place:
        _, facts = went(place, looks)
        assert facts.held == {"long": "263", "short": "132"}
        place.price("197.619")


def _kill(folder: Path) -> None:
    _opened(folder)
    with world(folder) as place:
        kill_switch.kill(place.settings, "test", "flatten", 1, flatten=True)


def _every_point(prepare: Callable[[Path], None], folder: Path, journey: Journey = looks) -> Facts:
    """Every point of a journey on a prepared world, each on a copy of it."""
    template = folder / "template"
    prepare(template)
    with world(folder / "whole", template) as place:
        points, whole = went(place, journey)
    assert len(points) > 20, points
    assert any(name.startswith("after POST /fapi/v1/order") for name in points)
    with world(folder / "before", template) as place:
        assert place.restarted().code == 0
        before = checked(place) if journey is leave else whole
    # a decision to leave holds from the moment its goal is durable; killed before, the pair just stays
    asked = points.index("after commit of INSERT orders")
    broken = []
    for number, name in enumerate(points):
        with world(folder / str(number), template) as place:
            try:
                reached, facts = went(place, journey, number)
                assert len(reached) == number + 1
                assert facts == (whole if number >= asked else before)
            except AssertionError as error:
                broken.append(f"point {number}, {name}: {str(error).splitlines()[0]}\n{_told(place)}")
    assert not broken, f"{len(broken)} of {len(points)} points\n" + "\n".join(broken)
    return whole


def _told(place: World) -> str:
    return (place.folder / "restart.said").read_text()[-600:]


def test_the_half_close_at_band_one_happens_once(tmp_path: Path) -> None:
    whole = _every_point(_band_one, tmp_path)
    assert whole.held == {"long": "263", "short": "132"}
    assert whole.trades == 2
    assert {price for _, _, price in whole.resting} == {"186.2", "199.5"}


@pytest.mark.parametrize(("prepare", "reason"), [(_last_band, "last_band"), (_kill, "kill")])
def test_a_pair_that_ends_is_flat_for_its_own_reason(
    prepare: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    whole = _every_point(prepare, tmp_path)
    assert whole.held == {}
    assert whole.reason == reason


def test_an_exit_that_was_decided_keeps_its_reason_once_it_is_asked_for(tmp_path: Path) -> None:
    whole = _every_point(_opened, tmp_path, leave)
    assert (whole.held, whole.reason) == ({}, "exit")
