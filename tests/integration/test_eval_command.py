"""`volgamma eval`: policies side by side; figures counted by hand from scripted answers."""

from pathlib import Path

import pytest

from orchestrator.evaluation.score import Answer, score
from tests.store_cli import Volgamma


def said(action: str, abstained: str | None = None, refused: tuple[str, ...] = (), cost: float | None = None) -> Answer:
    outcome = "refused" if refused else "approved"
    return Answer("x", action, abstained, outcome, refused, 100, 10, cost, 50)


def test_figures_by_hand() -> None:
    rules = [said("enter"), said("stand_aside")]
    answers = [
        [said("enter", cost=0.1), said("enter", refused=("ungrounded",), cost=0.2), said("stand_aside", "invalid")],
        [said("stand_aside"), said("stand_aside"), said("stand_aside")],
    ]
    row = score(answers, rules)
    assert (row["answers"], row["valid"], row["grounded"]) == (6, round(5 / 6, 6), round(4 / 6, 6))
    assert row["agrees_with_rules"] == round(5 / 6, 6)
    assert row["stable"] == round((2 / 3 + 1) / 2, 6)
    assert (row["entries"], row["entries_permitted"]) == (2, 1)
    assert row["refused_by"] == {"ungrounded": 1} and row["abstained"] == {"invalid": 1}
    assert row["cost_usd"] == 0.3 and row["latency_ms"] == 50


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("--policies", "coin"), 2, "no policy 'coin'"),
        (("--policies", "llm:"), 2, "no policy"),
        (("--policies", ","), 2, "names none"),
        ((), 1, "none.jsonl"),
    ],
)
def test_wrong_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, named: str
) -> None:
    done = Volgamma(tmp_path, monkeypatch)("eval", "--contexts", "none.jsonl", *words, "--json")
    assert (done.code, named in done.json["error"]["message"]) == (code, True), done.json
