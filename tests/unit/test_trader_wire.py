"""The reply that is asked for, and the decision it becomes."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.trader_samples import FakeModel, context, open_pair, reply
from traders.contract.base import content_hash
from traders.contract.context import Context
from traders.contract.decision import Action, Band, Condition, Evidence, LegPlan, PairPlan
from traders.volatility_gamma.catalogue import catalogue, key_readings, shown
from traders.volatility_gamma.llm_policy import MAX_TOKENS, first_request, propose
from traders.volatility_gamma.strict_json import problems_of
from traders.volatility_gamma.wire import Shape, citable, shape, to_decision

D = Decimal
ENTER: dict[str, Any] = {
    "reasoning": "Volatility expands\nfrom a quiet base.",
    "action": "enter",
    "regime": "low_vol_expanding",
    "confidence_percent": 62,
    "margin_bp": 1725,
    "leverage": 6,
    "stop_bp": 700,
    "target_bp": 1100,
    "holding_hours": 36,
    "bands": "standing",
    "evidence": [{"reading": "sol.1h.atr_ratio", "value": "1.8123"}],
    "invalidation": [{"reading": "sol.1h.atr_ratio", "op": "lt", "value": "1.45"}],
}
OPEN: dict[str, Any] = {
    "reasoning": "Nothing has changed.",
    "action": "hold",
    "regime": "low_vol_expanding",
    "confidence_percent": 70,
    "reduce_percent": 50,
    "stop_bp": 500,
    "target_bp": 900,
    "holding_hours": 12,
    "evidence": [{"reading": "sol.1h.atr_ratio", "value": "1.8123"}],
    "invalidation": [],
}


def asked(situation: Context, size: Any = "compact") -> Shape:
    found = shape(situation, size)
    assert found is not None
    return found


def walk_schemas(schema: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return [schema, *(found for item in inner for found in walk_schemas(item))]


@pytest.mark.parametrize("size", ["compact", "full"])
@pytest.mark.parametrize("situation", [context(), context(open_pair())], ids=["flat", "open"])
def test_the_schema_is_strict_and_bounded(situation: Context, size: Any) -> None:
    """Decoders honour enums, integer bounds and lengths; so nothing else is used, and nothing is left open."""
    schema = asked(situation, size).schema
    assert next(iter(schema["properties"])) == "reasoning"
    for item in walk_schemas(schema):
        kind = item["type"]
        assert kind in ("object", "array", "integer", "string")
        if kind == "object":
            assert item["additionalProperties"] is False and item["required"] == list(item["properties"])
        elif kind == "array":
            assert 0 <= item["minItems"] <= item["maxItems"] <= 8
        elif kind == "integer":
            assert item["minimum"] <= item["maximum"]
        else:
            assert item.get("enum") or item["maxLength"] <= 400


def test_flat_offers_entering_and_standing_aside() -> None:
    found = asked(context())
    assert found.actions == (Action.ENTER, Action.STAND_ASIDE)
    properties = found.schema["properties"]
    assert (properties["margin_bp"]["minimum"], properties["margin_bp"]["maximum"]) == (1500, 2000)
    assert (properties["leverage"]["minimum"], properties["leverage"]["maximum"]) == (5, 8)
    assert (properties["stop_bp"]["minimum"], properties["stop_bp"]["maximum"]) == (200, 800)
    assert (properties["target_bp"]["minimum"], properties["target_bp"]["maximum"]) == (500, 1500)
    assert properties["holding_hours"]["maximum"] == 48


def test_bounds_follow_the_limits_and_never_round_outwards() -> None:
    limits = {"leverage_max": 6, "stop_loss_max": 0.07999, "pair_margin_min": 0.15001}
    properties = asked(context(limits=limits)).schema["properties"]
    assert properties["leverage"]["maximum"] == 6
    assert properties["stop_bp"]["maximum"] == 799 and properties["margin_bp"]["minimum"] == 1501


def test_an_open_pair_offers_no_entry() -> None:
    found = asked(context(open_pair()))
    assert found.actions == (Action.HOLD, Action.REDUCE, Action.EXIT, Action.REBALANCE)
    assert "margin_bp" not in found.schema["properties"] and "leverage" not in found.schema["properties"]
    assert found.schema["properties"]["stop_bp"]["maximum"] == 800


def test_a_rebalance_can_only_tighten() -> None:
    tight = open_pair().plan.model_copy(update={"stop_loss": D("0.05"), "max_holding_hours": D(20)})
    properties = asked(context(open_pair(plan=tight))).schema["properties"]
    assert properties["stop_bp"]["maximum"] == 500 and properties["holding_hours"]["maximum"] == 20
    tighter = tight.model_copy(update={"stop_loss": D("0.01")})
    assert Action.REBALANCE not in asked(context(open_pair(plan=tighter))).actions


def test_a_leg_of_another_pair_on_this_symbol_counts_as_open() -> None:
    other = open_pair(symbol="AVAX/USDT:USDT", kind="spread")
    assert Action.ENTER not in asked(context(other)).actions


def test_only_readings_that_are_shown_can_be_cited() -> None:
    situation = context(missing=("1h.vix_proxy", "book.imbalance"))
    assert citable(situation, "compact") == tuple(
        name for name in key_readings("sol") if name not in ("sol.1h.vix_proxy", "sol.book.imbalance")
    )
    assert set(citable(situation, "full")) == set(situation.readings)
    assert len(key_readings("sol")) < 30


def test_without_any_reading_nothing_is_asked() -> None:
    empty = context(missing=tuple(name.removeprefix("sol.") for name in catalogue("sol")))
    assert shape(empty, "compact") is None


async def test_without_any_reading_the_model_is_not_called() -> None:
    model = FakeModel()
    proposal = await propose(context(missing=tuple(n.removeprefix("sol.") for n in catalogue("sol"))), model)
    assert proposal.decision.action is Action.STAND_ASIDE and model.asked == [] and proposal.attempts == 0
    assert proposal.prompt_hash is None


def test_an_entry() -> None:
    decision = to_decision(json.dumps(ENTER), context(), "compact")
    assert decision.plan == PairPlan(
        kind="gamma",
        legs=(
            LegPlan(venue="paper", symbol="SOL/USDT:USDT", side="long", weight=D(1)),
            LegPlan(venue="paper", symbol="SOL/USDT:USDT", side="short", weight=D(1)),
        ),
        pair_margin_fraction=D("0.1725"),
        leverage=6,
        bands=(
            Band(move=D("0.02"), leg="losing", fraction=D("0.5")),
            Band(move=D("0.04"), leg="both", fraction=D(1)),
        ),
        rehedge="none",
        reversal_rule="opposite_band",
        stop_loss=D("0.07"),
        take_profit=D("0.11"),
        trailing_atr_multiple=D(3),
        max_holding_hours=D(36),
        reopen=False,
    )
    assert decision.evidence == (Evidence(reading="sol.1h.atr_ratio", value=D("1.8123")),)
    assert decision.invalidation == (Condition(reading="sol.1h.atr_ratio", op="lt", value=D("1.45")),)
    assert decision.confidence == D("0.62") and decision.abstained is None
    assert decision.rationale == "Volatility expands from a quiet base."


def test_tightened_bands_are_the_ladder_times_the_factor() -> None:
    decision = to_decision(json.dumps(ENTER | {"bands": "tightened"}), context(), "compact")
    assert decision.plan is not None
    assert [band.move for band in decision.plan.bands] == [D("0.015"), D("0.03")]


def test_standing_aside_ignores_the_plan_numbers() -> None:
    decision = to_decision(json.dumps(ENTER | {"action": "stand_aside"}), context(), "compact")
    assert decision.action is Action.STAND_ASIDE and decision.plan is None and decision.abstained is None


@pytest.mark.parametrize("action", ["hold", "exit"])
def test_holding_and_leaving(action: str) -> None:
    decision = to_decision(json.dumps(OPEN | {"action": action}), context(open_pair()), "compact")
    assert decision.action == action and decision.pair_id == "pair-1"
    assert decision.plan is None and decision.reduce_fraction is None


def test_reducing() -> None:
    decision = to_decision(json.dumps(OPEN | {"action": "reduce", "reduce_percent": 35}), context(open_pair()), "full")
    assert decision.reduce_fraction == D("0.35") and decision.pair_id == "pair-1"


def test_a_rebalance_changes_stop_target_and_time_of_the_standing_plan_and_nothing_else() -> None:
    pair = open_pair()
    decision = to_decision(json.dumps(OPEN | {"action": "rebalance"}), context(pair), "compact")
    assert decision.plan == pair.plan.model_copy(
        update={"stop_loss": D("0.05"), "take_profit": D("0.09"), "max_holding_hours": D(12)}
    )


@pytest.mark.parametrize("size", ["compact", "full"])
def test_every_value_that_is_shown_can_be_quoted_exactly(size: Any) -> None:
    """What the prompt prints, parsed back, is the reading: so a faithful quote is grounded for the guard."""
    situation = context(book__depth_usdt=6_123_456.0, price__basis=-0.000003, funding__rate_8h=1e-08)
    found = asked(situation, size)
    for name in found.readings:
        text = shown(situation.readings[name].value)
        quoted = ENTER | {"evidence": [{"reading": name, "value": text}]}
        cited = to_decision(json.dumps(quoted), situation, size).evidence[0]
        assert cited.value == D(repr(situation.readings[name].value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5.0, "5"),
        (100.0, "100"),
        (1e-08, "0.00000001"),
        (-2.5, "-2.5"),
        (1e15, "1" + "0" * 15),
    ],
)
def test_numbers_are_shown_plainly(value: float, text: str) -> None:
    assert shown(value) == text


def test_the_validator_names_the_place() -> None:
    schema = asked(context()).schema
    broken = ENTER | {"leverage": 50, "evidence": [{"reading": "sol.1h.macd", "value": "1"}], "size": 1}
    broken = {key: value for key, value in broken.items() if key != "bands"}
    assert problems_of(broken, schema) == [
        '"size" is not a known key',
        "bands is missing",
        "leverage must be from 5 to 8, not 50",
        'evidence[0].reading must be one of the listed words, not "sol.1h.macd"',
    ]


async def test_the_repair_names_every_error_and_quotes_the_reply() -> None:
    bad = json.dumps(ENTER | {"leverage": 50, "stop_bp": 0, "reasoning": "a" * 190})
    model = FakeModel(bad, json.dumps(ENTER))
    proposal = await propose(context(), model)
    assert proposal.decision.action is Action.ENTER and proposal.attempts == 2
    *_, said, repair = model.asked[1].messages
    assert said.role == "assistant" and said.content.startswith('"{"reasoning": "aaa') and len(said.content) < 320
    assert "leverage must be from 5 to 8, not 50" in repair.content
    assert "stop_bp must be from 200 to 800, not 0" in repair.content
    assert all(key in repair.content for key in ENTER)
    assert proposal.error is not None and "leverage" in proposal.error


async def test_the_proposal_records_everything() -> None:
    model = FakeModel("nonsense", json.dumps(ENTER))
    situation = context()
    proposal = await propose(situation, model)
    assert proposal.requests == tuple(model.asked) and proposal.replies[0].text == "nonsense"
    assert (proposal.usage.prompt_tokens, proposal.usage.completion_tokens) == (2000, 200)
    assert proposal.usage.cost_usd is None and proposal.model == "fake-1" and proposal.policy == "llm"
    first = first_request(situation, asked(situation), "compact")
    assert proposal.prompt_hash == content_hash(first.model_dump(mode="json")) and model.asked[0] == first
    assert proposal.prompt_version is not None and proposal.prompt_version.startswith("compact-")
    assert (first.temperature, first.seed, first.max_tokens) == (0, 7, MAX_TOKENS["compact"])


async def test_a_partial_token_count_is_no_count() -> None:
    model = FakeModel(reply("nonsense", prompt_tokens=None), json.dumps(ENTER))
    usage = (await propose(context(), model)).usage
    assert usage.prompt_tokens is None and usage.completion_tokens == 200


async def test_a_model_with_prices_says_the_cost() -> None:
    class Priced(FakeModel):
        def cost_usd(self, prompt: int, completion: int) -> float:
            return prompt / 1000 + completion

    usage = (await propose(context(), Priced(json.dumps(ENTER)))).usage
    assert usage.cost_usd == 101.0
