"""What Tab offers, through a real bash and the script that `--show-completion` prints; and how soon."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from orchestrator import settings
from orchestrator.cli import constraints, decide, journal, keys, replay, schema, traders
from orchestrator.cli import run as run_
from orchestrator.storage import opened
from tests.installed_package import environment

PROGRAM = Path(sys.executable).with_name("volgamma")
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None or not PROGRAM.exists(), reason="bash or the volgamma program is missing")

#: Words as bash would have them, then what it was told.
PRESS = """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_volgamma_completion volgamma
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the completion installed, and a database with one decision."""
    folder = tmp_path_factory.mktemp("home")
    run(folder, str(PROGRAM), "--install-completion", "bash")
    chosen = settings.load({"VOLGAMMA_DATA_DIR": str(folder / "data")})
    with opened(chosen) as database, database.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO decisions "
            "(decision_id, trader_id, symbol, exchange, policy, started_at, status, refused_rules) VALUES "
            "('11-SOLUSDT-20250101T000000Z', 11, 'SOL/USDT:USDT', 'paper', 'rules', 1, 'finished', '[]'), "
            "('11-AVAXUSDT-20250102T000000Z', 11, 'AVAX/USDT:USDT', 'paper', 'rules', 2, 'finished', '[]')"
        )
    return folder


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    """The commands that have something to offer."""
    made = typer.Typer()
    for module in (constraints, decide, journal, keys, replay, run_, schema, traders):
        module.register(made)
    return made


def run(folder: Path, *words: str, **more: str) -> str:
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    told = environment({"HOME": str(folder), "VOLGAMMA_DATA_DIR": str(folder / "data"), "PATH": path, **more})
    done = subprocess.run(words, capture_output=True, text=True, env=told, cwd=folder, timeout=300, check=True)
    assert done.stderr == ""
    return done.stdout


def tab(folder: Path, *words: str, **more: str) -> list[str]:
    """What bash offers for the last word, after the start-up file that was installed."""
    assert BASH is not None
    script = f'source "{folder}/.bashrc"\n{PRESS}'
    return run(folder, BASH, "--norc", "-c", script, "bash", "volgamma", *words, **more).split()


def test_bash_completes_commands_options_and_values(home: Path) -> None:
    assert tab(home, "jour") == ["journal"]
    assert tab(home, "constraints", "") == ["show", "set", "history", "diff", "export", "import"]
    assert tab(home, "decide", "--po") == ["--policy"]
    assert tab(home, "journal", "show", "") == ["11-AVAXUSDT-20250102T000000Z", "11-SOLUSDT-20250101T000000Z"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("journal", "show", ""), ["11-AVAXUSDT-20250102T000000Z", "11-SOLUSDT-20250101T000000Z"]),
        (("journal", "show", "11-S"), ["11-SOLUSDT-20250101T000000Z"]),
        (("journal", "show", "%"), []),
        (("replay", "verify", "11-A"), ["11-AVAXUSDT-20250102T000000Z"]),
        (("constraints", "show", "leverage_"), ["leverage_min", "leverage_max"]),
        (("constraints", "set", "leverage_max", "7", "pairs_m"), ["pairs_max"]),
        (("constraints", "set", "leverage_max", "l"), []),
        (("constraints", "show", "--trader", ""), ["11"]),
        (("replay", "what-if", "--set", "pairs_m"), ["pairs_max="]),
        (("decide", "--symbol", ""), ["AVAX", "SOL"]),
        (("decide", "--symbol", "S"), ["SOL"]),
        (("decide", "--exchange", "b"), ["binanceusdm", "bybit", "bitget"]),
        (("run", "--policy", ""), ["llm", "rules"]),
        (("traders", "show", "Vol"), ["VolatilityGamma"]),
        (("schema", "con"), ["context", "constraints"]),
        (("keys", "set", "o"), ["okx"]),
    ],
)
def test_values_are_completed(
    home: Path, app: typer.Typer, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], offered: list[str]
) -> None:
    """As the script asks, but in this process: each press of Tab is a process otherwise."""
    monkeypatch.chdir(home)
    asked = {"_VOLGAMMA_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(("volgamma", *words))}
    told = {**asked, "COMP_CWORD": str(len(words)), "VOLGAMMA_DATA_DIR": str(home / "data")}
    done = CliRunner().invoke(app, [], env=told, prog_name="volgamma")
    assert done.stdout.split() == offered


def test_nothing_is_made_and_nothing_said_where_there_is_no_database(tmp_path: Path) -> None:
    shown = run(tmp_path, str(PROGRAM), "--show-completion", "bash")
    (tmp_path / ".bashrc").write_text(shown)
    assert tab(tmp_path, "journal", "show", "") == []
    assert tab(tmp_path, "decide", "--symbol", "") == ["AVAX", "SOL"]
    assert tab(tmp_path, "journal", "show", "", VOLGAMMA_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/x") == []
    (tmp_path / "volgamma.toml").write_text("nonsense = 1\n")
    assert tab(tmp_path, "journal", "show", "") == []
    assert sorted(one.name for one in tmp_path.iterdir()) == [".bashrc", "volgamma.toml"]


def test_a_damaged_database_offers_nothing(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text(run(tmp_path, str(PROGRAM), "--show-completion", "bash"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "volgamma.sqlite").write_bytes(b"no database" * 1000)
    assert tab(tmp_path, "journal", "show", "") == []


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def test_an_answer_loads_nothing_heavy_and_takes_no_half_second(home: Path) -> None:
    """The least of five, in seconds of the processor: other work on the machine is not the program's."""
    asked = {"_VOLGAMMA_COMPLETE": "complete_bash", "COMP_WORDS": "volgamma journal show 11-S", "COMP_CWORD": "3"}
    took = []
    for _ in range(5):
        began = _used()
        assert run(home, str(PROGRAM), **asked).split() == ["11-SOLUSDT-20250101T000000Z"]
        took.append(_used() - began)
    assert min(took) < 0.5
    loaded = run(
        home,
        sys.executable,
        "-c",
        "import sys; from orchestrator.cli.app import main; sys.argv = ['volgamma']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([n for n in ('ccxt', 'openai', 'pandas', 'sqlalchemy', 'aiohttp', 'numpy') if n in sys.modules])",
        **asked,
    )
    assert loaded.splitlines() == ["11-SOLUSDT-20250101T000000Z", "[]"]
