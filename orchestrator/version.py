"""Which code this is: the version of the package, and the git commit where it is known.

A checkout knows its commit from git, an installed wheel from the file that the build put beside this module, and a
`pip install git+https://...` from what pip wrote down. Nothing heavy is loaded.
"""

import json
import shutil
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

PACKAGE = "volatility-gamma"
#: Written into the wheel by hatch_build.py; no file of the checkout.
COMMIT_FILE = "commit.txt"
_DIRTY = "-dirty"


def code_version() -> str:
    """For the journal and replay: `0.1.0+g1234567890ab`, with `.dirty` when the checkout had changes on top of it;
    `0.1.0` where no commit is known. At most 80 characters."""
    commit = commit_of(Path(__file__).parents[1])
    text = version(PACKAGE)
    return text if commit is None else f"{text}+g{commit.replace(_DIRTY, '.dirty')}"


def in_words() -> str:
    """The same for people, without the name of the program: `0.1.0 (commit 1234567890ab)`."""
    commit = commit_of(Path(__file__).parents[1])
    if commit is None:
        return f"{version(PACKAGE)} (commit unknown)"
    changed = ", changed since" if commit.endswith(_DIRTY) else ""
    return f"{version(PACKAGE)} (commit {commit.removesuffix(_DIRTY)}{changed})"


@lru_cache
def commit_of(root: Path) -> str | None:
    """Twelve digits of the commit of the rooms in `root`, with `-dirty` after it when tracked files differ from it;
    None where it cannot be told. Asked once in a process: what was loaded is what was there at the start."""
    if (root / ".git").exists():
        return _of_checkout(root)
    written = root / "orchestrator" / COMMIT_FILE
    if written.is_file():
        return written.read_text(encoding="ascii").strip() or None
    return _of_pip()


def _of_checkout(root: Path) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    words = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(
            [git, "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(root), *words],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no commit yet, or a checkout of another user
    return done.stdout.strip() or None


def _of_pip() -> str | None:
    try:
        told = json.loads(distribution(PACKAGE).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    commit = told.get("vcs_info", {}).get("commit_id")
    return commit[:12] if isinstance(commit, str) else None
