"""`--walk-forward`: each fold chooses on its past alone, and both figures are those of runs over these periods."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.sweep_text import walk_verdict
from orchestrator.errors import HostError
from orchestrator.simulation.walk_forward import Fold, folds
from tests.simulated_market import write_market
from tests.store_cli import Volgamma

DAY = 86_400_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("history"))


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)


def test_folds_follow_one_another_at_midnights() -> None:
    start, end = 100 * DAY + 7, 110 * DAY
    cut = folds(start, end, 3)
    assert cut == (
        Fold(start, 103 * DAY, 105 * DAY),
        Fold(start, 105 * DAY, 108 * DAY),
        Fold(start, 108 * DAY, end),
    )
    with pytest.raises(HostError, match="less than a day"):
        folds(start, end, 10)


def day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def test_choice_by_the_past_and_figures_of_both_parts(volgamma: Volgamma, folder: Path) -> None:
    words = ("simulate", "--data", str(folder), "--workers", "1", "--json", "--resume", "done.jsonl")
    wanted = (*words, "--from", "2024-05-16", "--sweep", "entry_min_signals=2,3")
    found = volgamma(*wanted, "--walk-forward", "2").json["walk_forward"]
    assert found["failed"] == [] and len(found["folds"]) == 2

    def alone(period: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        sets = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
        limits = (*sets, "--from", day(period["from"]), "--to", day(period["to"]), "--json")
        return dict(volgamma("simulate", "--data", str(folder), *limits).json)

    combinations = [{"entry_min_signals": 2}, {"entry_min_signals": 3}]
    for fold in found["folds"]:
        assert fold["train"]["to"] == fold["test"]["from"] and fold["train"]["from"] == 1_715_817_600_000
        trained = [Decimal(alone(fold["train"], one)["net"]) for one in combinations]
        assert Decimal(fold["in_sample"]["net"]) == max(trained)
        assert fold["tied"] == trained.count(max(trained))
        learnt = len(set(trained)) > 1
        assert fold["chosen"] == (combinations[trained.index(max(trained))] if learnt else {})
        assert fold["out_of_sample"]["net"] == alone(fold["test"], fold["chosen"])["net"]
        assert fold["standing"]["net"] == alone(fold["test"], {})["net"]
        days = Decimal(fold["test"]["to"] - fold["test"]["from"]) / DAY
        assert Decimal(fold["standing"]["net_30d"]) == pytest.approx(
            Decimal(fold["standing"]["net"]) / days * 30, abs=Decimal("1e-6")
        )
    assert any(fold["chosen"] for fold in found["folds"]), "the test market teaches something"
    outs = [Decimal(fold["out_of_sample"]["net_30d"]) for fold in found["folds"]]
    assert Decimal(found["out_of_sample_net_30d"]) == pytest.approx(sum(outs) / 2, abs=Decimal("1e-6"))

    page = volgamma(*(word for word in wanted if word != "--json"), "--walk-forward", "2")
    assert [line for line in page.out.splitlines() if len(line) > 80] == []
    assert "out-of-sample" in page.out and "a month where it was chosen" in " ".join(page.out.split())


def test_nothing_learnt_leaves_the_standing_limits(volgamma: Volgamma, folder: Path) -> None:
    """The first half year of the test market opens nothing, so that training tells no limit from another."""
    words = ("--to", "2024-01-14", "--sweep", "leverage_max=6,8", "--walk-forward", "1", "--workers", "1", "--json")
    (fold,) = volgamma("simulate", "--data", str(folder), *words).json["walk_forward"]["folds"]
    assert (fold["chosen"], fold["tied"], fold["out_of_sample"]) == ({}, 2, fold["standing"])


def test_the_verdict_says_when_choosing_did_not_help() -> None:
    figures = {"in_sample_net_30d": "90", "out_of_sample_net_30d": "-5", "standing_net_30d": "-4"}
    assert "did not help" in walk_verdict(figures)
    assert "did not help" not in walk_verdict({**figures, "standing_net_30d": "-6"})
    assert walk_verdict({**figures, "out_of_sample_net_30d": None}) == "No fold could be judged."


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("--walk-forward", "2"), 2, "are for --sweep"),
        (("--sweep", "leverage_max=6,7", "--walk-forward", "40", "--workers", "1"), 1, "less than a day"),
    ],
)
def test_wrong_inputs_are_named(
    volgamma: Volgamma, folder: Path, words: tuple[str, ...], code: int, named: str
) -> None:
    done = volgamma("simulate", "--data", str(folder), "--to", "2023-12-01", *words, "--json")
    assert (done.code, named in done.json["error"]["message"]) == (code, True), done.json
