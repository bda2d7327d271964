"""What is mutated, and by which tests it must be noticed."""

from pathlib import Path

from tests.mutation.mutants import ROOT

#: The indicators that carry the guard's arithmetic.
ARITHMETIC = ("entry_matrix", "delta_neutral_hedge", "pair_sizing", "bands", "order_book")
#: Writes the table of the documentation; judges nothing.
LEFT_OUT = ("rules_table",)
#: Quick ones only: a rule's boundary is to be held by a table of cases, not found by a fuzz.
TESTS = (
    "tests/unit/test_guard_rules.py",
    "tests/unit/test_guard_review.py",
    "tests/unit/test_guard_boundaries.py",
    "tests/unit/test_guard_directional.py",
    "tests/unit/test_guard_findings.py",
    "tests/unit/test_guard_ladders.py",
    "tests/unit/test_guard_sizing.py",
    "tests/unit/test_guard_lines.py",
    "tests/unit/test_indicators_entry_matrix.py",
    "tests/unit/test_indicators_golden.py",
    "tests/unit/test_indicators_hedge_edges.py",
    "tests/unit/test_indicators_order_book.py",
    "tests/property/test_indicators_hedge.py",
)


def modules(wanted: str = "") -> list[Path]:
    """The modules whose path contains `wanted`, in a fixed order."""
    guard = sorted((ROOT / "orchestrator" / "risk_guard").rglob("*.py"))
    paths = [path for path in guard if path.stem not in ("__init__", *LEFT_OUT)]
    paths += [ROOT / "indicators" / f"{name}.py" for name in ARITHMETIC]
    return [path for path in paths if wanted in path.relative_to(ROOT).as_posix()]
