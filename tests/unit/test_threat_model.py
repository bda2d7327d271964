"""The threat model names tests that exist, and holds what no single test of behaviour can: what is never called."""

import ast
import re
from pathlib import Path

import pytest

from tests.audit import judge

ROOT = Path(__file__).parents[2]
ROOMS = ("traders", "data_fetchers", "indicators", "prompts", "db", "orchestrator")
CITED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PAGE = (ROOT / "docs" / "threat_model.md").read_text()
#: Modules that run what they read.
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "jsonpickle"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"}


@pytest.mark.parametrize("part", re.split(r"^## ", PAGE, flags=re.M)[1:], ids=lambda part: part.splitlines()[0])
def test_every_threat_names_tests_that_exist(part: str) -> None:
    cited = CITED.findall(part)
    if part.startswith(("Supply chain", "Not defended")):
        return
    assert len(cited) >= 4
    for path, name in cited:
        tree = ast.parse((ROOT / path).read_text())
        names = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
        assert name in names, f"{path} has no {name}"


def sins(source: str) -> list[str]:
    """Calls and imports that would run what somebody else wrote."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name.split(".")[0] in FORBIDDEN_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
            found.append(node.module or "")
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found += [name] if name in FORBIDDEN_CALLS else []
            found += [f"{name} shell" for word in node.keywords if word.arg == "shell" and not _false(word.value)]
            if name.endswith(("np.load", "numpy.load", "read_pickle", "yaml.load", "torch.load")):
                found.append(name)
    return found


def _false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def test_no_pickle_no_eval_no_shell() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    assert {str(path): bad for path in files if (bad := sins(path.read_text()))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from cloudpickle import dumps",
        "eval('1')",
        "exec(text)",
        "subprocess.run(words, shell=True)",
        "os.system('ls')",
        "pd.read_pickle(path)",
    ],
)
def test_the_search_above_can_find_something(source: str) -> None:
    assert sins(source)


def test_tools_of_the_model_only_look() -> None:
    """They are made of what was read and of pure rooms: no venue, store or network is within their reach."""
    pure = (
        "collections.abc", "decimal", "typing", "data_fetchers.snapshot", "data_fetchers.symbols", "indicators",
        "orchestrator.preview", "orchestrator.risk_guard.", "traders.contract.", "talib", "numpy",
    )  # fmt: skip
    for name in ("tools", "preview"):
        tree = ast.parse((ROOT / "orchestrator" / f"{name}.py").read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
        assert imported
        assert [module for module in imported if not module.startswith(pure)] == []


@pytest.mark.parametrize(
    ("out", "said", "code", "line"),
    [
        ("", "ConnectionError: registry.invalid\nunreachable", 0, "NOTICE: not audited: unreachable"),
        ("", "", 0, "NOTICE: not audited: no report"),
        (
            '{"dependencies": [{"name": "a", "skip_reason": "nowhere"}, {"name": "b", "skip_reason": "nowhere"}]}',
            "",
            0,
            "NOTICE: 2 not audited, such as a: nowhere",
        ),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', "", 0, "1 packages, no known weakness"),
        (
            '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}]}',
            "",
            1,
            "a 1: X-1, mended in 2",
        ),
    ],
)
def test_the_audit_claims_nothing_it_does_not_know(out: str, said: str, code: int, line: str) -> None:
    assert judge(out, said) == (code, [line])
