"""Whatever a page for people names is there: nobody follows a link, types a command or opens a file in vain."""

import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.docs_claims import PAGES, ROOT, Page, anchors, complaints


@pytest.mark.parametrize("file", PAGES, ids=[str(file.relative_to(ROOT)) for file in PAGES])
def test_what_the_page_names_exists(file: Path) -> None:
    assert complaints(Page(file.read_text(encoding="utf-8"), file.parent)) == []


def test_all_pages_are_looked_at() -> None:
    names = {str(file.relative_to(ROOT)) for file in PAGES}
    assert {"README.md", "CHANGELOG.md", "SECURITY.md", "docs/architecture.md", "docs/faq.md"} <= names
    assert len(names) >= 23


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set[Path](), [ROOT / "README.md"]
    while todo:
        file = todo.pop()
        if file in reached:
            continue
        reached.add(file)
        text = file.read_text(encoding="utf-8")
        todo += [other for other in PAGES if f"]({_way(file, other)}" in text]
    assert {file for file in PAGES if file.parent.name == "docs"} - reached == set()


def _way(start: Path, end: Path) -> str:
    return str(end.relative_to(start.parent)) if end.is_relative_to(start.parent) else f"../{end.name}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x](docs/nowhere.md)", "no file docs/nowhere.md"),
        ("[x](docs/keys.md#no-such)", "no heading for docs/keys.md#no-such"),
        ("# A\n[x](#b)", "no heading for #b"),
        ("![](docs/images/dashboard.png)", "a picture without words: docs/images/dashboard.png"),
        ("see tests/unit/test_nothing.py", "no file tests/unit/test_nothing.py"),
        ("`tests/unit/test_keys.py::test_no_such`", "no function test_no_such in tests/unit/test_keys.py"),
        ("(`test_nothing_at_all.py`)", "no test file test_nothing_at_all.py"),
        ("`volgamma frobnicate --now`", "no command `volgamma frobnicate`"),
        ("`volgamma replay verfy --all`", "no command `volgamma replay verfy`"),
        ("```\nvolgamma decide --symbl SOL  one decision\n```", "no option --symbl of `volgamma decide`"),
        ("say:\n\n    volgamma decide --dry-run --wet\n", "no option --wet of `volgamma decide`"),
        ("`volgamma traders list / enable / abolish`", "no command `volgamma traders abolish`"),
        ("`volgamma decide, run, fly`", "no command `volgamma fly`"),
        ("`VOLGAMMA_MODEL=x volgamma\ndecide --fast`", "no option --fast of `volgamma decide`"),
        ("`volgamma constraints set leverage_maximum 7`", "no limit leverage_maximum"),
        ("`volgamma replay what-if --all --set pair_max=1`", "no limit pair_max"),
        ("`volgamma journal --all`", "no option --all of `volgamma`"),
        ("use `--flaten`", "no command has --flaten"),
        ("`replay verfy --all`", "no command `volgamma replay verfy`"),
        ("`constraints sett`", "no command `volgamma constraints sett`"),
        ("`exchange serve --markt live`", "no option --markt of `volgamma exchange serve`"),
        ("`paper-exchange --market live`", "no command `paper-exchange` that has --market"),
        ("`make coffee`", "no target `make coffee`"),
        ("`python -m orchestrator.nothing`", "no module orchestrator.nothing"),
        ("`VOLGAMMA_DATADIR`", "no variable VOLGAMMA_DATADIR"),
        ("in /home/me/x", "a path of somebody's machine: /home/m"),
    ],
)
def test_each_kind_of_slip_is_seen(text: str, said: str) -> None:
    assert complaints(Page(text)) == [said]


@pytest.mark.parametrize(
    "text",
    [
        "`volgamma --help`, `volgamma COMMAND --help`, `volgamma`, `volgamma.toml`, [x](https://example.org/a#b)",
        "`volgamma data download|list`, `volgamma db backup / restore / check`, `volgamma kill / resume`",
        "```\nVOLGAMMA_MODEL=x volgamma decide --policy rules | jq .  # words\n```",
        '`volgamma constraints set data_age_max_s.book 10 --why "..."`, `volgamma constraints set KEY VALUE`',
        "`make run-recorded DATA=/your/folder`, `python -m pytest`, `make`",
        '`volgamma constraints set allowed_symbols \'["A, B / C"]\' --why "x, y"`, `live = true`',
        "[k](docs/keys.md#where-they-are-kept)",
        "`replay outcome --all`, `run --shadow`, `data` and `db check`, `replay`, `journal` and `run it`",
    ],
)
def test_what_is_right_is_left_alone(text: str) -> None:
    assert complaints(Page(text)) == []


def test_anchors_are_those_of_github() -> None:
    text = "# A b\n## What `x y` is, and why?\n## Again\n## Again\n```\n# no heading\n```\n"
    assert anchors(text) == {"a-b", "what-x-y-is-and-why", "again", "again-1"}


def test_pictures_can_be_shown() -> None:
    """PNG with a size; SVG that is well-formed, says what it shows, has a dark side and loads nothing."""
    for file in (ROOT / "docs" / "images").iterdir():
        if file.suffix == ".png":
            head = file.read_bytes()[:24]
            assert head[:8] == b"\x89PNG\r\n\x1a\n" and min(struct.unpack(">II", head[16:24])) > 200
        else:
            text = file.read_text(encoding="utf-8")
            root = ET.fromstring(text)
            name = "{http://www.w3.org/2000/svg}"
            assert root.tag == f"{name}svg" and root.find(f"{name}title") is not None
            assert "prefers-color-scheme: dark" in text and "<script" not in text
            assert "href" not in text and text.count("http") == 1
