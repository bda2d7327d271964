"""`volgamma guard` over a real bundle: decisions written by hand, each breaking one limit of domain.md."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.house import house, volgamma

Change = Callable[[dict[str, Any]], None]


def plan(**values: Any) -> Change:
    return lambda decision: decision["plan"].update(values)


def top(**values: Any) -> Change:
    return lambda decision: decision.update(values)


def bands(*rungs: tuple[float, str, float]) -> Change:
    return plan(bands=[{"move": move, "leg": leg, "fraction": share} for move, leg, share in rungs])


def leg(number: int, **values: Any) -> Change:
    return lambda decision: decision["plan"]["legs"][number].update(values)


def both_legs(**values: Any) -> Change:
    def change(decision: dict[str, Any]) -> None:
        for one in decision["plan"]["legs"]:
            one.update(values)

    return change


def together(*changes: Change) -> Change:
    def change(decision: dict[str, Any]) -> None:
        for one in changes:
            one(decision)

    return change


#: What is wrong, how the good decision is changed, and a word that the refusing rule's name must hold.
BROKEN: list[tuple[str, Change, tuple[str, ...]]] = [
    ("leverage above 8", plan(leverage=9), ("leverage",)),
    ("leverage below 5", plan(leverage=4), ("leverage",)),
    ("leverage 125", plan(leverage=125), ("leverage",)),
    ("leverage negative", plan(leverage=-5), ("leverage",)),
    ("margin below 15 %", plan(pair_margin_fraction=0.14), ("pair_margin",)),
    ("margin above 20 %", plan(pair_margin_fraction=0.21), ("pair_margin",)),
    ("margin in percent", plan(pair_margin_fraction=20), ("pair_margin",)),
    ("margin nothing", plan(pair_margin_fraction=0), ("pair_margin",)),
    ("a winning grid", bands((0.02, "winning", 0.5), (0.04, "both", 1)), ("gamma", "bands")),
    ("one band", bands((0.04, "both", 1)), ("bands", "gamma")),
    ("no band", bands(), ("bands",)),
    ("bands descending", bands((0.04, "losing", 0.5), (0.02, "both", 1)), ("bands",)),
    ("first band closes too much", bands((0.02, "losing", 0.52), (0.04, "both", 1)), ("net_delta", "bands")),
    ("last band leaves something", bands((0.02, "losing", 0.5), (0.04, "both", 0.9)), ("bands",)),
    ("bands wider than standing", bands((0.03, "losing", 0.5), (0.06, "both", 1)), ("bands",)),
    ("rehedge at band", plan(rehedge="at_band"), ("gamma", "bands", "rehedge")),
    ("stop above 8 %", plan(stop_loss=0.09, take_profit=0.15), ("stop",)),
    ("stop below 2 %", plan(stop_loss=0.01), ("stop",)),
    ("target above 15 %", plan(take_profit=0.16), ("target",)),
    ("target below 5 %", plan(stop_loss=0.02, take_profit=0.04), ("target",)),
    ("reward to risk 1.4", plan(stop_loss=0.08, take_profit=0.112), ("reward_risk",)),
    ("reward to risk just below", plan(stop_loss=0.034, take_profit=0.05), ("reward_risk",)),
    ("holding 0 h", plan(max_holding_hours=0), ("holding",)),
    ("bitcoin", together(top(symbol="BTC/USDT:USDT"), both_legs(symbol="BTC/USDT:USDT")), ("symbol", "base")),
    ("another symbol's legs", both_legs(symbol="AVAX/USDT:USDT"), ("symbol",)),
    ("one leg only", lambda d: d["plan"]["legs"].pop(), ("legs",)),
    ("two longs", leg(1, side="long"), ("legs",)),
    ("legs of unequal weight", leg(1, weight=0.9), ("net_delta",)),
    ("directional", together(plan(kind="directional"), lambda d: d["plan"]["legs"].pop()), ("directional",)),
    ("spread pair", together(plan(kind="spread"), leg(1, symbol="AVAX/USDT:USDT")), ("spread",)),
    ("funding pair", together(plan(kind="funding"), leg(1, venue="bybit")), ("funding",)),
    ("another venue", both_legs(venue="bybit"), ("venue",)),
    ("a number nobody showed", lambda d: d["evidence"][0].update(value=9.9), ("ungrounded",)),
    ("a reading that is not there", lambda d: d["evidence"][0].update(reading="sol.1h.moon_phase"), ("ungrounded",)),
    (
        "already invalid",
        top(invalidation=[{"reading": "sol.1h.atr_ratio", "op": "gt", "value": 0.1}]),
        ("invalidation",),
    ),
    (
        "invalid by an unknown reading",
        top(invalidation=[{"reading": "sol.1h.moon", "op": "gt", "value": 1}]),
        ("invalidation",),
    ),
    ("hardly sure", top(confidence=0.4), ("confidence",)),
    ("no reversal rule", plan(reversal_rule="none"), ("reversal",)),
    ("a wider trail", plan(trailing_atr_multiple=9), ("trailing",)),
    ("a pair that is not open", top(action="exit", plan=None, pair_id="gone"), ("pair",)),
]
MALFORMED = [
    "{",
    "[]",
    "null",
    "enter",
    '{"action": "enter"}',
    '{"action": "panic", "symbol": "SOL"}',
    '{"action":"enter","symbol":"SOL/USDT:USDT","plan":{"leverage":NaN}}',
    '{"action":"hold","symbol":"SOL/USDT:USDT"}{"action":"hold","symbol":"SOL/USDT:USDT"}',
    "\\xff\\xfe",
]


async def test_every_limit_refuses_by_name(tmp_path: Path) -> None:
    import asyncio

    async with house(tmp_path) as h:
        report = await h.decide(dry_run=True)
        decided, mine = report.chosen.decision_id, h.environment
    bundle, lines = tmp_path / "bundle.jsonl", tmp_path / "decisions.jsonl"
    done = await asyncio.to_thread(volgamma, mine, "journal", "export", str(bundle), decided)
    assert done.returncode == 0, done.stderr
    good = report.decision.model_dump(mode="json")
    text = [json.dumps(good), json.dumps({"action": "stand_aside", "symbol": "SOL"})]
    for _, change, _ in BROKEN:
        decision = copy.deepcopy(good)
        change(decision)
        text.append(json.dumps(decision))
    lines.write_text("\n".join([*text, *MALFORMED]) + "\n")
    done = await asyncio.to_thread(
        volgamma, mine, "guard", "--context", str(bundle), "--decisions", str(lines), "--json"
    )
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["line"] for row in verdicts] == list(range(1, len(text) + len(MALFORMED) + 1))
    assert [row["outcome"] for row in verdicts[:2]] == ["approved", "approved"], verdicts[:2]
    assert verdicts[0]["plan"]["legs"][0]["quantity"] == str(_quantity(report))
    wrong = []
    for (what, _, words), row in zip(BROKEN, verdicts[2:], strict=False):
        rules = [finding["rule"] for finding in row["findings"] if finding["effect"] == "refuse"]
        if row["outcome"] != "refused" or not any(word in rule for rule in rules for word in words):
            wrong.append(f"{what}: {row['outcome']} {rules}")
        assert row["plan"] is None or row["outcome"] != "refused"
    assert wrong == [], "\n" + "\n".join(wrong)
    for row in verdicts[len(text) :]:
        assert row["outcome"] == "refused" and [f["rule"] for f in row["findings"]] == ["schema_invalid"]
    keys = {"line", "outcome", "decision", "plan", "findings", "constraints_version", "constraints_hash"}
    assert all(set(row) == keys | {"guard_version"} for row in verdicts)


def _quantity(report: Any) -> Any:
    return report.chosen.verdict.plan.legs[0].quantity


async def test_the_holding_time_is_capped_not_refused(tmp_path: Path) -> None:
    """Tightening is the guard's only way of changing a decision: 72 h become 48, and it says so."""
    import asyncio

    async with house(tmp_path) as h:
        report = await h.decide(dry_run=True)
        bundle = await asyncio.to_thread(
            volgamma, h.environment, "journal", "show", report.chosen.decision_id, "--json"
        )
    (tmp_path / "bundle.json").write_text(bundle.stdout)
    decision = report.decision.model_dump(mode="json")
    decision["plan"]["max_holding_hours"] = 72
    (tmp_path / "d.jsonl").write_text(json.dumps(decision))
    words = ("guard", "--context", str(tmp_path / "bundle.json"), "--decisions", str(tmp_path / "d.jsonl"))
    done = await asyncio.to_thread(volgamma, h.environment, *words)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["outcome"] == "amended"
    assert row["decision"]["plan"]["max_holding_hours"] == 48
    assert "1 decision: 0 approved, 1 amended, 0 refused" in done.stderr
