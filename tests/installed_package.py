"""The package as a stranger gets it: built, and installed into an environment that has its declared dependencies only.

A package registry is not needed: the dependencies are those of the development environment, found by following
`Requires-Dist` from the wheel, and linked into a folder of their own. What the wheel does not declare is not there.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
ROOMS = ("traders", "data_fetchers", "indicators", "prompts", "db", "orchestrator")


@dataclass(frozen=True)
class Built:
    """Both artefacts of one build."""

    wheel: Path
    sdist: Path

    def members(self) -> dict[str, bytes]:
        """Content of the wheel by its path in it."""
        with ZipFile(self.wheel) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def build(root: Path, out: Path, *words: str) -> None:
    """`hatchling build` of the project in `root`. Offline: the backend is a development dependency."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(out), *words],
        capture_output=True,
        text=True,
        cwd=root,
        env=environment({}),
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what would find the source tree or somebody's settings."""
    taken = ("VOLGAMMA_", "OPENAI_", "PYTHON", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(taken)}
    return {**kept, "NO_COLOR": "1", **more}


def install(wheel: Path, folder: Path) -> Path:
    """Install the wheel into a new environment in `folder`, with what it declares; the path of its `volgamma`."""
    home = folder / "env"
    venv.create(home, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    done = subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        capture_output=True,
        text=True,
        env=environment({}),
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shelf = folder / "dependencies"
    shelf.mkdir()
    for one in declared(wheel):
        link(one, shelf)
    site = next((home / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(f"{shelf}\n")
    return home / "bin" / "volgamma"


def declared(wheel: Path) -> list[Distribution]:
    """Every distribution that the wheel requires without extras, and those that these require."""
    with ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    wanted = [Requirement(line) for line in HeaderParser().parsestr(text).get_all("Requires-Dist") or []]
    found: dict[tuple[str, frozenset[str]], Distribution] = {}
    queue = [(one, frozenset[str]()) for one in wanted]
    while queue:
        requirement, extras = queue.pop()
        if requirement.marker is not None and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}
        ):
            continue
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in found:
            continue
        try:
            found[key] = distribution(requirement.name)
        except PackageNotFoundError as error:
            raise AssertionError(f"{requirement} is declared and not installed here") from error
        assert requirement.specifier.contains(found[key].version, prereleases=True), (
            f"{requirement}: {found[key].version}"
        )
        queue += [(Requirement(line), key[1]) for line in found[key].requires or []]
    return list({one.name: one for one in found.values()}.values())


def link(one: Distribution, shelf: Path) -> None:
    """Links to the top-level files and folders of a distribution; its programs are left out."""
    for top in _tops(one):
        place = shelf / top
        if not place.exists():
            place.symlink_to(Path(str(one.locate_file(top))))


def _tops(one: Distribution) -> Iterator[str]:
    for top in sorted({file.parts[0] for file in one.files or ()}):
        if top not in ("..", "__pycache__"):
            yield top
