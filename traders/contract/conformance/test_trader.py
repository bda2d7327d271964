"""What every trader keeps to, whoever wrote it.

    python -m pytest --pyargs traders.contract.conformance --trader my.package.trader:MyTrader

The trader is run twice in processes of its own (`probe`), in five made-up markets and one without any data, under wide
limits and tight ones; nothing of this needs a network, a key or a database.
"""

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from data_fetchers.snapshot import TIMEFRAME_MS, Requirements
from data_fetchers.symbols import normalise
from traders.contract.conformance.probe import OWN_PAIR, REPLIES
from traders.contract.constraints import parse_limits
from traders.contract.context import Context
from traders.contract.decision import Decision
from traders.contract.limits import Limits
from traders.contract.proposal import Proposal
from traders.contract.trader import CONTRACT_VERSION, TraderDescriptor

#: Bars a request may ask for: more would keep every decision waiting.
MOST_BARS = 50_000


def _run(where: str, constraints: str | None, folder: Path, **environment: str) -> dict[str, Any]:
    arguments = [sys.executable, "-B", "-m", "traders.contract.conformance.probe", where]
    arguments += [] if constraints is None else [str(Path(constraints).resolve())]
    # the trader is found where pytest found its own modules, also when it is installed nowhere
    path = os.pathsep.join([os.getcwd(), *(entry for entry in sys.path if entry)])
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        pytest.fail(f"{where} could not be run through:\n{done.stderr[-3000:]}", pytrace=False)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture(scope="session")
def where(request: pytest.FixtureRequest) -> str:
    """MODULE:CLASS of the trader."""
    given = request.config.getoption("--trader", default=None)
    if given is None:
        pytest.fail("which trader? give --trader my.package.trader:MyTrader", pytrace=False)
    return str(given)


@pytest.fixture(scope="session")
def said(where: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the trader said in one run."""
    limits = request.config.getoption("--trader-constraints", default=None)
    return _run(where, limits, tmp_path_factory.mktemp("first"), PYTHONHASHSEED="1", TZ="UTC")


@pytest.fixture(scope="session")
def said_elsewhere(
    where: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What it said in another: other hash seed, time zone and folder."""
    limits = request.config.getoption("--trader-constraints", default=None)
    return _run(where, limits, tmp_path_factory.mktemp("second"), PYTHONHASHSEED="2", TZ="Asia/Tokyo")


@pytest.fixture(scope="session")
def descriptor(said: dict[str, Any]) -> TraderDescriptor:
    """Who the trader says it is."""
    return TraderDescriptor.model_validate(said["descriptor"])


def _named(case: dict[str, Any], proposal: str = "") -> str:
    return f"{case['symbol']}, market {case['mood']!r}, limits {case['limits']!r}" + (
        f", {proposal}" if proposal else ""
    )


def _decisions(said: dict[str, Any]) -> list[tuple[dict[str, Any], str, Decision]]:
    return [
        (case, name, Proposal.model_validate(proposal).decision)
        for case in said["cases"]
        for name, proposal in case["proposals"].items()
        if "with_position" not in name
    ]


def _after(said: dict[str, Any]) -> list[tuple[dict[str, Any], str, Decision]]:
    """What it said when a position of its own stood."""
    return [
        (case, name, Proposal.model_validate(proposal).decision)
        for case in said["cases"]
        for name, proposal in case["proposals"].items()
        if "with_position" in name
    ]


# who it is


def test_it_speaks_this_version_of_the_contract(descriptor: TraderDescriptor) -> None:
    assert descriptor.contract_version == CONTRACT_VERSION


def test_the_descriptor_is_complete(descriptor: TraderDescriptor) -> None:
    assert descriptor.trader_id > 0
    assert descriptor.name.strip() == descriptor.name
    assert 0 < len(descriptor.name) <= 80
    assert descriptor.summary.strip()
    assert descriptor.symbols
    assert len(set(descriptor.symbols)) == len(descriptor.symbols)
    assert list(descriptor.symbols) == [normalise(symbol) for symbol in descriptor.symbols], "write symbols in full"
    assert descriptor.timeframes
    assert set(descriptor.timeframes) <= set(TIMEFRAME_MS)
    assert 900 <= descriptor.monitoring_interval_s <= 1800


def test_the_descriptor_carries_the_profile(descriptor: TraderDescriptor) -> None:
    """`metadata`: created (ISO date), style, diversity_tags (comma-separated)."""
    missing = [key for key in ("created", "style", "diversity_tags") if not descriptor.metadata.get(key, "").strip()]
    assert not missing, f"metadata lacks {', '.join(missing)}"
    date.fromisoformat(descriptor.created)
    assert descriptor.diversity_tags
    assert all(descriptor.diversity_tags)


def test_the_descriptor_survives_json(descriptor: TraderDescriptor) -> None:
    assert TraderDescriptor.model_validate_json(descriptor.model_dump_json()) == descriptor


def test_requirements_are_within_reason(said: dict[str, Any], descriptor: TraderDescriptor) -> None:
    for symbol in descriptor.symbols:
        wanted = Requirements.model_validate(said["requirements"][symbol])
        assert wanted.primary == symbol
        for asked in wanted.candles.values():
            assert set(asked) <= set(TIMEFRAME_MS), "a time frame that no fetcher knows"
            assert all(0 < count <= MOST_BARS for count in asked.values())


# what it touches


def test_importing_it_loads_no_exchange_and_no_client(said: dict[str, Any]) -> None:
    assert said["heavy"] == []


def test_importing_it_touches_no_network(said: dict[str, Any]) -> None:
    assert said["touched_at_import"] == []


def test_asking_it_touches_neither_network_nor_files(said: dict[str, Any]) -> None:
    assert said["touched"] == []


# what it sees


def test_observe_changes_nothing_it_is_given(said: dict[str, Any]) -> None:
    assert [_named(case) for case in said["cases"] if not case["input_unchanged"]] == []


def test_observe_says_the_same_again(said: dict[str, Any]) -> None:
    assert [_named(case) for case in said["cases"] if not case["same_again"]] == []


def test_everything_is_the_same_on_another_machine(said: dict[str, Any], said_elsewhere: dict[str, Any]) -> None:
    """No clock, no randomness, no order of a set, no time zone."""
    for one, other in zip(said["cases"], said_elsewhere["cases"], strict=True):
        assert one == other, f"differs from run to run: {_named(one)}"


def test_the_context_is_of_this_trader_and_carries_its_hash(said: dict[str, Any], descriptor: TraderDescriptor) -> None:
    for case in said["cases"]:
        context = Context.model_validate(case["context"])
        assert context.trader_id == descriptor.trader_id, _named(case)
        assert context.symbol == case["symbol"], _named(case)
        assert context.constraints_hash == case["constraints_hash"], _named(case)
        assert context.context_hash == context.compute_hash(), f"{_named(case)}: end observe with .hashed()"


def test_readings_are_rounded_as_they_say(said: dict[str, Any]) -> None:
    for case in said["cases"]:
        for name, reading in Context.model_validate(case["context"]).readings.items():
            assert round(reading.value, reading.digits) == reading.value, f"{_named(case)}: {name}"


def test_context_and_proposal_survive_json(said: dict[str, Any]) -> None:
    for case in said["cases"]:
        context = Context.model_validate(case["context"])
        assert Context.model_validate_json(context.model_dump_json(by_alias=True)) == context, _named(case)
        for name, document in case["proposals"].items():
            proposal = Proposal.model_validate(document)
            assert Proposal.model_validate_json(proposal.model_dump_json()) == proposal, _named(case, name)


# what it proposes


def test_without_a_model_it_stands_aside_and_says_so(said: dict[str, Any]) -> None:
    for case, name, decision in _decisions(said):
        if name == "no_model":
            assert (decision.action, decision.abstained is None) == ("stand_aside", False), _named(case)


@pytest.mark.parametrize("reply", REPLIES)
def test_whatever_a_model_says_it_is_not_traded_on(said: dict[str, Any], reply: str) -> None:
    for case, name, decision in _decisions(said):
        assert name != reply or not decision.adds_risk, _named(case, name)


def test_without_data_it_takes_no_risk(said: dict[str, Any]) -> None:
    for case, name, decision in _decisions(said):
        assert case["mood"] != "nothing" or not decision.adds_risk, _named(case, name)


def test_it_decides_on_the_symbol_it_was_asked_about(said: dict[str, Any]) -> None:
    for case, name, decision in _decisions(said):
        assert decision.symbol == case["symbol"], _named(case, name)


def test_flat_it_neither_reduces_nor_exits(said: dict[str, Any]) -> None:
    for case, name, decision in _decisions(said):
        assert decision.action in ("enter", "hold", "stand_aside"), _named(case, name)


def test_what_it_cites_is_what_it_was_shown(said: dict[str, Any]) -> None:
    for case, name, decision in _decisions(said):
        readings = Context.model_validate(case["context"]).readings
        for piece in decision.evidence:
            assert piece.reading in readings, f"{_named(case, name)}: {piece.reading} was not shown"
            assert piece.value == Decimal(repr(readings[piece.reading].value)), f"{_named(case, name)}: {piece.reading}"
        for condition in decision.invalidation:
            assert condition.reading in readings, f"{_named(case, name)}: {condition.reading} was not shown"


def test_its_plans_keep_the_limits(said: dict[str, Any]) -> None:
    """The guard refuses what does not; a trader that keeps proposing it never trades."""
    for case, name, decision in _decisions(said):
        if decision.plan is not None:
            limits = parse_limits(case["values"], where=_named(case))
            assert broken(decision, limits) == [], _named(case, name)


def test_with_a_position_of_its_own_it_means_that_one(said: dict[str, Any]) -> None:
    """It reduces, exits or replaces what stands, and cites what it was shown then."""
    for case, name, decision in _after(said):
        readings = Context.model_validate(case["context_with_position"]).readings
        assert decision.pair_id in (None, OWN_PAIR), _named(case, name)
        assert all(piece.reading in readings for piece in decision.evidence), _named(case, name)
        if name.startswith("llm"):
            assert not decision.adds_risk, _named(case, name)


def broken(decision: Decision, limits: Limits) -> list[str]:
    """The limits a plan does not keep, of those that need no market to judge."""
    plan = decision.plan
    assert plan is not None
    enabled = {
        "gamma": True,
        "spread": limits.spread_pair_enabled,
        "funding": limits.funding_pair_enabled,
        "directional": limits.directional_enabled,
    }
    top = limits.directional_share_max if plan.kind == "directional" else limits.pair_margin_max
    low = Decimal(0) if plan.kind == "directional" else limits.pair_margin_min
    kept = {
        "kind switched off": enabled[plan.kind],
        "allowed_symbols": all(leg.symbol in limits.allowed_symbols for leg in plan.legs),
        "legs": len(plan.legs) == (1 if plan.kind == "directional" else 2),
        "weights": all(leg.weight > 0 for leg in plan.legs),
        "leverage": limits.leverage_min <= plan.leverage <= limits.leverage_max,
        "pair_margin": low <= plan.pair_margin_fraction <= top,
        "stop_loss": limits.stop_loss_min <= plan.stop_loss <= limits.stop_loss_max,
        "take_profit": limits.take_profit_min <= plan.take_profit <= limits.take_profit_max,
        "reward_risk": plan.take_profit >= limits.reward_risk_min * plan.stop_loss,
        "holding_hours": 0 < plan.max_holding_hours <= limits.holding_hours_max,
        "trailing_atr_multiple": 0 < plan.trailing_atr_multiple <= limits.trailing_atr_multiple,
        "confidence": decision.confidence >= limits.confidence_min,
    }
    return [name for name, holds in kept.items() if not holds]
