"""`volgamma venues --measured`: fills of a real decision on paper, and rows worked out by hand."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.execution_quality import EntryOrder, by_venue
from tests.e2e.house import house, volgamma

D = Decimal


def order(slippage: str | None, fee: str | None, latency: int | None, share: str = "1", venue: str = "a") -> EntryOrder:
    slip, paid = (None if value is None else D(value) for value in (slippage, fee))
    return EntryOrder(venue, D(share), slip, paid, D("0.0005"), latency)


def test_rows_by_hand() -> None:
    rows = by_venue(
        [
            order("0.0002", "0.0005", 10),
            order("-0.0001", "0.0006", 30),
            order(None, None, None, share="0"),
            order("0.001", "0.0005", 7, venue="b"),
        ]
    )
    assert [row["venue"] for row in rows] == ["a", "b"]
    first = rows[0]
    assert (first["orders"], first["filled"]) == (3, round(2 / 3, 6))
    assert (first["slippage_mean"], first["slippage_worst"]) == (0.00005, 0.0002)
    assert (first["fee_mean"], first["fee_above_tier"]) == (0.00055, 1)
    assert (first["answer_ms_median"], first["answer_ms_p95"]) == (20, 30)
    nothing = by_venue([order(None, None, None, share="0")])[0]
    assert [nothing[name] for name in ("slippage_mean", "fee_mean", "answer_ms_median")] == [None, None, None]
    assert by_venue([]) == []


async def test_what_a_decision_on_paper_left(tmp_path: Path) -> None:
    """Both legs cross half the spread and more: each costs, at the fee of the tier."""
    async with house(tmp_path) as it:
        report = (await it.decide("SOL")).document()
        environment = dict(it.environment)
    assert report["execution"]["status"] == "open"
    done = volgamma(environment, "venues", "--measured", "--json")
    assert done.returncode == 0, done.stderr
    [row] = json.loads(done.stdout)["venues"]
    entries = [one for one in report["execution"]["orders"] if one["kind"] == "entry"]
    assert (row["venue"], row["orders"], row["filled"]) == ("paper", len(entries), 1.0)
    long, short = (D(next(one for one in entries if one["side"] == side)["average"]) for side in ("buy", "sell"))
    # whatever the mid was, it was between what was paid and what was received, and both distances add up
    assert row["slippage_mean"] * 2 == pytest.approx(float((long - short) / ((long + short) / 2)), rel=0.02)
    assert (row["fee_mean"], row["fee_above_tier"]) == (0.0005, 0)
    page = volgamma(environment, "venues", "--measured").stdout
    assert "paper" in page and all(len(line) <= 80 for line in page.splitlines())


def test_nothing_sent_is_said(tmp_path: Path) -> None:
    done = volgamma({"VOLGAMMA_DATA_DIR": str(tmp_path)}, "venues", "--measured")
    assert done.returncode == 0 and "nothing is measured" in done.stdout
