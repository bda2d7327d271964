"""The workflow of the hosting site runs `.ci/run` and no other check, with the least rights, on pinned actions."""

import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def workflow() -> dict[Any, Any]:
    (file,) = WORKFLOWS
    found: dict[Any, Any] = yaml.safe_load(file.read_text())
    return found


def test_it_runs_what_everybody_runs() -> None:
    (job,) = workflow()["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["./.ci/run"]
    script = ROOT / ".ci" / "run"
    assert os.stat(script).st_mode & stat.S_IXUSR
    assert script.read_text().splitlines()[-1] == "make test"
    assert job["timeout-minutes"] == 30
    assert not {"continue-on-error", "if"} & {key for step in job["steps"] for key in step} | {"if"} & set(job)


def test_python_is_the_one_that_the_project_names() -> None:
    (job,) = workflow()["jobs"].values()
    (chosen,) = [step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert f'python_version = "{chosen}"' in (ROOT / "pyproject.toml").read_text()


def test_it_may_only_read_and_its_actions_cannot_change_under_it() -> None:
    document = workflow()
    assert document["permissions"] == {"contents": "read"}
    (job,) = document["jobs"].values()
    assert "permissions" not in job and "secrets" not in WORKFLOWS[0].read_text()
    triggers = document[True]  # YAML reads the word `on` as a truth
    assert set(triggers) == {"push", "pull_request", "workflow_dispatch"}
    uses = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", one) for one in uses) and len(uses) == 2
    checkout = next(step for step in job["steps"] if "checkout" in step.get("uses", ""))
    assert checkout["with"]["persist-credentials"] is False
