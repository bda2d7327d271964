"""The list of survivors that `make mutate` accepts cannot rot: each is a change that can be made, and is documented."""

import pytest

from tests.mutation.justified import PAGE, Justified, justified, page
from tests.mutation.mutants import ROOT, read
from tests.mutation.scope import TESTS, modules


@pytest.fixture(scope="module")
def possible() -> set[tuple[str, str, str]]:
    return {mutant.key for path in modules() for mutant in read(path).mutants}


def test_every_justified_survivor_is_still_a_possible_mutant(possible: set[tuple[str, str, str]]) -> None:
    gone = [entry.key for entry in justified() if entry.key not in possible]
    assert not gone, "the code has changed: take these off tests/mutation/justified.toml (or reword them)"


def test_every_justified_survivor_has_a_reason_and_is_listed_once() -> None:
    entries: list[Justified] = justified()
    assert all(len(entry.why) > 20 for entry in entries)
    assert len({entry.key for entry in entries}) == len(entries)


def test_the_page_lists_them_all() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.mutation.justified`"


def test_mutants_are_named_apart_and_every_rule_has_some(possible: set[tuple[str, str, str]]) -> None:
    mutants = [mutant.key for path in modules() for mutant in read(path).mutants]
    assert len(mutants) == len(possible)
    assert all(read(path).mutants for path in modules("risk_guard/rules/"))


def test_the_tests_that_must_notice_exist() -> None:
    assert all((ROOT / name).is_file() for name in TESTS)
