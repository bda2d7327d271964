"""No text at all makes the trader do what was not asked for."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trader_samples import FakeModel, context, open_pair
from traders.contract.context import Context
from traders.contract.decision import Action, Decision
from traders.volatility_gamma.llm_policy import propose
from traders.volatility_gamma.strict_json import WireError
from traders.volatility_gamma.wire import shape, to_decision

SITUATIONS = [context(), context(open_pair())]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that satisfy the schema."""
    kind = schema["type"]
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if kind == "array":
        return st.lists(fitting(schema["items"]), min_size=schema["minItems"], max_size=schema["maxItems"])
    if kind == "object":
        return st.fixed_dictionaries({name: fitting(inner) for name, inner in schema["properties"].items()})
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "pattern" in schema:
        return st.decimals(-99_999, 99_999, places=4).map(lambda value: format(value, "f"))
    return st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=schema["maxLength"])


def within(decision: Decision, situation: Context) -> None:
    """Whatever was decided lies within the limits that the schema was made from."""
    limits, plan = situation.limits, decision.plan
    asked = shape(situation, "compact")
    assert asked is not None and decision.action in asked.actions
    assert (plan is not None) == (decision.action in (Action.ENTER, Action.REBALANCE))
    if plan is not None:
        assert limits.leverage_min <= plan.leverage <= limits.leverage_max
        assert limits.pair_margin_min <= plan.pair_margin_fraction <= limits.pair_margin_max
        assert limits.stop_loss_min <= plan.stop_loss <= limits.stop_loss_max
        assert limits.take_profit_min <= plan.take_profit <= limits.take_profit_max
        assert 0 < plan.max_holding_hours <= limits.holding_hours_max
        assert plan.kind == "gamma" and plan.rehedge == "none" and not plan.reopen
    assert all(item.reading in situation.readings for item in decision.evidence)


@given(st.sampled_from(SITUATIONS), st.text() | JSON.map(lambda value: json.dumps(value)))
@settings(max_examples=150, deadline=None)
def test_any_text_is_an_abstention(situation: Context, text: str) -> None:
    proposal = asyncio.run(propose(situation, FakeModel(text, text)))
    assert proposal.decision.action is Action.STAND_ASIDE and proposal.decision.abstained is not None
    assert proposal.decision.plan is None


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_fitting_reply_is_a_decision_within_the_limits(data: st.DataObject) -> None:
    situation = data.draw(st.sampled_from(SITUATIONS))
    asked = shape(situation, "compact")
    assert asked is not None
    reply = data.draw(fitting(asked.schema))
    within(to_decision(json.dumps(reply), situation, "compact"), situation)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_one_thing_replaced_is_refused_or_still_within_the_limits(data: st.DataObject) -> None:
    situation = data.draw(st.sampled_from(SITUATIONS))
    asked = shape(situation, "compact")
    assert asked is not None
    reply = data.draw(fitting(asked.schema))
    key = data.draw(st.sampled_from(sorted(reply)) | st.text(max_size=5))
    try:
        decision = to_decision(json.dumps(reply | {key: data.draw(JSON)}), situation, "compact")
    except WireError:
        return
    within(decision, situation)
