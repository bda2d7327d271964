"""Wheel and sdist: what is in them, that one makes the other, and that the wheel works away from the source tree."""

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from orchestrator.version import code_version
from tests.installed_package import ROOMS, ROOT, Built, build

KINDS = {".py", ".typed", ".mako", ".html", ".css", ".js", ".txt", ".json"}
UNWANTED = re.compile(
    r"(^|/)(tests?|docs|var|data|\.git|__pycache__|\..*_cache|\.venv)/|\.(pyc|sqlite|feather|lock|log)$"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    out = tmp_path_factory.mktemp("dist")
    build(ROOT, out)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return Built(wheel, sdist)


def test_the_wheel_holds_every_file_of_every_room_and_nothing_else(built: Built) -> None:
    inside = {name for name in built.members() if ".dist-info/" not in name} - {"orchestrator/commit.txt"}
    there = {
        file.relative_to(ROOT).as_posix()
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert inside == there
    assert {Path(name).suffix for name in inside} <= KINDS
    assert not [name for name in inside if UNWANTED.search(name)]
    assert {f"{room}/py.typed" for room in ROOMS} <= inside
    assert any(re.fullmatch(r"db/migrations/versions/v\d+_\w+\.py", name) for name in inside)


def test_the_wheel_names_no_folder_of_this_machine(built: Built) -> None:
    for name, content in built.members().items():
        for folder in {str(ROOT), sys.prefix, str(built.wheel.parent)}:
            assert folder.encode() not in content, f"{name} names {folder}"


def test_metadata_licence_and_entry_points_are_there(built: Built) -> None:
    members = built.members()
    (info,) = {name.split("/")[0] for name in members if ".dist-info/" in name}
    assert members[f"{info}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    metadata = members[f"{info}/METADATA"].decode()
    for line in ("License-Expression: MIT", "Requires-Python: >=3.11", "Classifier: Typing :: Typed"):
        assert line in metadata.splitlines()
    for heading in ("[console_scripts]", "[volgamma.traders]", "[volgamma.fetchers]", "[pytest11]"):
        assert heading in members[f"{info}/entry_points.txt"].decode().splitlines()
    assert members[f"{info}/WHEEL"].decode().splitlines()[-1] == "Tag: py3-none-any"


def test_the_wheel_knows_its_commit(built: Built) -> None:
    if "+g" not in code_version():
        pytest.skip("no git checkout")
    written = built.members()["orchestrator/commit.txt"].decode().strip()
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", written)
    assert not (ROOT / "orchestrator" / "commit.txt").exists(), "the checkout is not written to"


def test_the_sdist_makes_the_same_wheel(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        names = archive.getnames()
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    top = {name.split("/")[1] for name in names}
    assert top == {*ROOMS, "docs", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"} | {
        "pyproject.toml",
        "hatch_build.py",
        ".gitignore",
        "PKG-INFO",
    }
    build(source, tmp_path / "again", "-t", "wheel")
    (again,) = (tmp_path / "again").glob("*.whl")
    assert again.read_bytes() == built.wheel.read_bytes()


def test_git_knows_every_file_that_is_packed(built: Built) -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files", *ROOMS], capture_output=True, text=True, check=True)
    inside = built.members()
    assert [name for name in done.stdout.splitlines() if name not in inside and (ROOT / name).exists()] == []
