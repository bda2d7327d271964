"""Writes the commit of the checkout into wheel and sdist, where `volgamma --version` and the journal look for it.

What is built without git (from an sdist, which brings the file, or from a bare copy) takes VOLGAMMA_BUILD_COMMIT.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TARGET = "orchestrator/commit.txt"


class CommitHook(BuildHookInterface):  # type: ignore[type-arg]
    """One more file for the build; the checkout itself is not written to."""

    PLUGIN_NAME = "custom"
    _made: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a target is built; an editable installation asks git itself."""
        root = Path(self.root)
        if version == "editable":
            return
        if (root / TARGET).is_file():  # from an sdist; named, so that the wheel is the same to the last byte
            build_data["force_include"][str(root / TARGET)] = TARGET
            return
        commit = os.environ.get("VOLGAMMA_BUILD_COMMIT") or _commit(root)
        if not re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?", commit):
            return
        handle, name = tempfile.mkstemp(text=True)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            digits, dirty, _ = commit.partition("-dirty")
            out.write(digits[:12] + dirty + "\n")
        os.chmod(name, 0o644)
        self._made = Path(name)
        build_data["force_include"][name] = TARGET

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when the target is built."""
        if self._made is not None:
            self._made.unlink(missing_ok=True)


def _commit(root: Path) -> str:
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return ""
    words = [git, "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
