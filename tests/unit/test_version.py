"""Which code it is: told by git, by the file of the build or by pip, the same to a person and to the journal."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from orchestrator.version import COMMIT_FILE, code_version, commit_of

ROOT = Path(__file__).parents[2]
WHO = ["-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *WHO, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one commit with the file `a`."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_checkout_is_named_by_its_commit_and_not_by_a_tag(checkout: Path) -> None:
    git(checkout, "tag", "-a", "v9", "-m", "v9")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD")[:12]


def test_a_changed_file_is_told_and_a_new_one_is_not(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")[:12]
    (checkout / "new").write_text("")
    assert commit_of(checkout) == head
    commit_of.cache_clear()
    (checkout / "a").write_text("2")
    assert commit_of(checkout) == f"{head}-dirty"


def test_a_repository_without_a_commit_is_unknown(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert commit_of(tmp_path) is None


def test_without_git_the_commit_is_unknown_and_nothing_breaks(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit_of(checkout) is None


def test_an_installed_package_reads_what_the_build_wrote(tmp_path: Path) -> None:
    (tmp_path / "orchestrator").mkdir()
    (tmp_path / "orchestrator" / COMMIT_FILE).write_text("1234567890ab\n")
    assert commit_of(tmp_path) == "1234567890ab"


def test_pip_from_git_is_asked_where_the_build_wrote_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "volatility_gamma-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: volatility-gamma\nVersion: 0.1.0\n")
    told = {"url": "https://localhost/x.git", "vcs_info": {"vcs": "git", "commit_id": "abcdef0123456789" + "0" * 24}}
    (info / "direct_url.json").write_text(json.dumps(told))
    code = (
        "import sys; from pathlib import Path; from orchestrator.version import commit_of; print(commit_of(Path('.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"},
    )
    assert done.stdout.strip() == "abcdef012345"


def test_a_person_and_the_journal_are_told_the_same() -> None:
    words = [sys.executable, "-m", "orchestrator", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    ours = code_version()
    assert done.stdout.startswith(f"volgamma {version('volatility-gamma')} (commit ")
    assert done.stdout.strip().endswith(f"Python {'.'.join(map(str, sys.version_info[:3]))}")
    digits = ours.partition("+g")[2].partition(".")[0]
    assert f"(commit {digits or 'unknown'}" in done.stdout
    assert len(ours) <= 80, "the journal's column"
