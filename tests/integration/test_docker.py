"""Dockerfile and compose file, checked without an engine: what they name exists, and nothing is open or known."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from orchestrator import settings
from tests.compose_file import ROOT, compose, copied, dockerfile, filled, parse
from tests.installed_package import ROOMS

SECRETS = {"VOLGAMMA_POSTGRES_PASSWORD": "a-password", "VOLGAMMA_DASHBOARD_TOKEN": "a-token-of-sixteen"}
#: Names that other programs or single options know.
OTHERS = {"OPENAI_API_KEY", "OPENAI_BASE_URL", "VOLGAMMA_DASHBOARD_TOKEN", "PGPASSWORD"}
PAGE = (ROOT / "docs" / "docker.md").read_text()


def services() -> dict[str, Any]:
    found: dict[str, Any] = filled(compose(), SECRETS)["services"]
    return found


def ours() -> dict[str, Any]:
    """Services that run this program."""
    return {name: one for name, one in services().items() if one["image"].startswith("volgamma:")}


@pytest.mark.parametrize("name", ours())
def test_every_command_of_the_compose_file_exists(name: str) -> None:
    parse(ours()[name]["command"])


def test_a_command_that_does_not_exist_is_noticed() -> None:
    for words in (["wroker"], ["worker", "--polcy", "rules"], ["exchange", "serve", "--port", "many"]):
        with pytest.raises(BaseException, match=r"wroker|polcy|integer"):
            parse(words)


def test_every_variable_is_one_that_somebody_reads() -> None:
    known = {f"VOLGAMMA_{key.upper()}" for key in settings._KEYS} | OTHERS
    for name, service in ours().items():
        assert set(service.get("environment", {})) <= known, name
    set_in_image = {
        word.split("=")[0] for step in dockerfile() if step.name == "ENV" for word in step.rest.split() if "=" in word
    }
    assert {one for one in set_in_image if one.startswith("VOLGAMMA_")} <= known
    for service in ours().values():
        told = {key: str(value) for key, value in service.get("environment", {}).items() if value is not None}
        settings.load({**told, "VOLGAMMA_DATA_DIR": "/data"})


def test_no_password_is_known_and_none_may_be_left_out() -> None:
    for left_out in SECRETS:
        with pytest.raises(KeyError, match=left_out):
            filled(compose(), {name: value for name, value in SECRETS.items() if name != left_out})
    for source in ("compose.yaml", "Dockerfile"):
        for line in (ROOT / source).read_text().splitlines():
            given = re.search(r"(?i)\b\w*(?:password|token|secret|api_key)\w*\s*[:=]\s*(\S.*)", line)
            assert given is None or re.match(r"\$\{\w+:\?", given[1]) or line.lstrip().startswith("#"), line


def test_only_loopback_is_published_and_only_for_the_dashboard() -> None:
    ports = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert ports == {"dashboard": ["127.0.0.1:8600:8600"]}
    assert not any(service.get("network_mode") == "host" for service in services().values())
    command = ours()["dashboard"]["command"]
    assert command[command.index("--port") + 1] == "8600"


def test_what_waits_for_what_exists() -> None:
    document = compose()
    for name, service in services().items():
        assert set(service.get("depends_on", {})) <= set(services()), name
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in document["volumes"], "state is in named volumes"
    worker = ours()["worker"]
    assert worker["network_mode"] == "service:exchange", "the paper exchange answers on loopback only"
    exchange = ours()["exchange"]["command"]
    assert worker["environment"]["VOLGAMMA_PAPER_URL"].endswith(":" + exchange[exchange.index("--port") + 1])
    for name, service in ours().items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_images_are_pinned_by_tag() -> None:
    bases = [step.rest.split()[0] for step in dockerfile() if step.name == "FROM"]
    for image in (*bases, services()["database"]["image"]):
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z-]+", image), image
    assert all("-slim-" in base for base in bases) and len(set(bases)) == 1
    assert bases[0].startswith("python:3.11."), "the version that is tested"


def test_what_is_copied_exists_is_let_in_and_is_all_that_the_build_needs() -> None:
    sources = {one.removeprefix("./") for one in copied()}
    assert all((ROOT / one).exists() for one in sources)
    assert {*ROOMS, "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "requirements-image.lock"} == sources
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "everything stays out but what is named"
    assert {line[1:] for line in lines if line.startswith("!")} == sources


def test_the_image_runs_the_program_as_nobody_in_particular() -> None:
    last = dockerfile()[[step.name for step in dockerfile()].index("FROM", 1) :]
    found = {step.name: step for step in last}
    assert found["USER"].rest == "10001:10001"
    assert found["ENTRYPOINT"].words == ["volgamma"]
    assert found["VOLUME"].words == ["/data"] and "VOLGAMMA_DATA_DIR=/data" in found["ENV"].rest
    parse(found["HEALTHCHECK"].rest.partition(" CMD ")[2].strip('[]"').replace('", "', " ").split()[1:])
    assert not [step for step in dockerfile() if step.name == "ADD"]
    installs = [
        one for step in dockerfile() if step.name == "RUN" for one in step.rest.split("&&") if " install " in one
    ]
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs if " pip " in one)


def test_the_lock_of_the_image_is_a_part_of_the_tested_one() -> None:
    image, tested = blocks("requirements-image.lock"), blocks("requirements.lock")
    assert image.items() <= tested.items(), "same versions, same hashes: `make lock`"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[>=<]", one)[0].lower() for one in project["dependencies"]}
    assert declared <= set(image)
    assert not {"pytest", "mypy", "ruff"} & set(image)


def blocks(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Package -> version, hashes."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for text in re.split(r"\n(?=[a-z])", (ROOT / name).read_text()):
        if (head := re.match(r"([a-z0-9.-]+)(?:\[[\w,]+\])?==([^ ]+)", text)) is not None:
            hashes = frozenset(re.findall(r"sha256:[0-9a-f]{64}", text))
            assert hashes, f"{head[1]} has no hash"
            found[head[1]] = (head[2], hashes)
    return found


def test_the_page_names_commands_and_variables_that_exist() -> None:
    told = re.findall(r"docker compose (?:run --rm|exec) (\w+) (?:volgamma )?([^\n#]*)", PAGE)
    assert len(told) >= 4
    for service, words in told:
        assert service in services()
        if service != "database":
            parse(shlex.split(words))
    for name in re.findall(r"\bVOLGAMMA_[A-Z_]+", PAGE):
        assert name in Path(ROOT / "compose.yaml").read_text(), name
    assert "was not built" in PAGE, "nobody is told that what was never tried works"
