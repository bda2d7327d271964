"""Each top-level name resolves to ours: flat names such as `db` are easily shadowed by something installed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("traders", "data_fetchers", "indicators", "prompts", "db", "orchestrator")


@pytest.mark.parametrize("room", ROOMS)
def test_top_level_name_is_ours(room: str) -> None:
    spec = importlib.util.find_spec(room)
    assert spec is not None and spec.origin is not None
    assert Path(spec.origin) == ROOT / room / "__init__.py"


@pytest.mark.parametrize("room", ROOMS)
def test_room_inits_are_empty(room: str) -> None:
    for init in (ROOT / room).rglob("__init__.py"):
        assert init.read_text() == "", f"{init} must stay empty: importing types may load nothing"


@pytest.mark.parametrize(
    "statement",
    [
        "import traders.registry; traders.registry.discover()",
        "import orchestrator.replay.verify",
        "import orchestrator.risk_guard.review",
        "import data_fetchers.snapshot, data_fetchers.symbols, data_fetchers.keywords",
    ],
)
def test_light_imports_stay_light(statement: str) -> None:
    code = f"import sys; {statement}; print([n for n in ('ccxt', 'openai', 'aiohttp', 'httpx2') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from orchestrator.cli.app import main\n"
        "sys.argv = ['volgamma', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('ccxt', 'openai', 'pandas', 'sqlalchemy', 'aiohttp', 'numpy')\n"
        "print([n for n in heavy if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stderr.strip() == "[]"
    assert "volgamma" in done.stdout
