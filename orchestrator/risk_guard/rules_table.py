"""`docs/guard_rules.md`, made from the codes and the rules' own docstrings.

`python -m orchestrator.risk_guard.rules_table` writes it; a test holds it current.
"""

import sys
from pathlib import Path

from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.review import GUARD_VERSION
from orchestrator.risk_guard.rule import Rule
from orchestrator.risk_guard.rulebook import RULES

#: Codes that are given by the reader or the engine and have no function of their own.
BUILT_IN: dict[RuleCode, str] = {
    RuleCode.SCHEMA_INVALID: "The input is a decision: valid JSON of schema `volgamma.decision/1` (`volgamma guard`).",
    RuleCode.NOT_COMPUTABLE: "The permitted plan can be worked out as orders; the last net under all other rules.",
}
TARGET = Path(__file__).parents[2] / "docs" / "guard_rules.md"
_HEAD = """# Rules of the guard

Generated from `orchestrator/risk_guard` by `python -m orchestrator.risk_guard.rules_table`; do not edit.
Guard version {version}.

`refuse` stops a decision, `amend` tightens it, `note` informs. Scope *entry*: an `enter`, or a `rebalance` that loosens
the standing plan. Actions that only reduce risk (`reduce`, `exit`, `hold`, `stand_aside`, a tightening `rebalance`) are
judged by the rules of scope *any* alone, where findings about evidence and context are notes. A missing input refuses
an entry. The rules marked *volatility* do not ask about positions of one leg of traders other than #11. The rules are
listed in the order in which they are asked.

| code | file | effect | scope | holds |
| --- | --- | --- | --- | --- |
"""


def table() -> str:
    """The whole document."""
    lines = [_row(rule) for rule in RULES]
    lines += [f"| `{code.value}` | | refuse | any | {text} |" for code, text in BUILT_IN.items()]
    return _HEAD.format(version=GUARD_VERSION) + "\n".join(lines) + "\n"


def _row(rule: Rule) -> str:
    file = rule.judge.__module__.rsplit(".", 1)[-1]
    first = " ".join((rule.judge.__doc__ or "").split("\n\n")[0].split())
    scope = rule.scope if rule.kinds is None else f"{rule.scope}: {', '.join(sorted(rule.kinds))}"
    scope += ", volatility" if rule.volatility else ""
    return f"| `{rule.code.value}` | {file} | {rule.effect} | {scope} | {first} |"


def main(arguments: list[str]) -> None:
    """Write the document to the file named, by default to `docs/guard_rules.md`."""
    target = Path(arguments[0]) if arguments else TARGET
    target.parent.mkdir(exist_ok=True)
    target.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
