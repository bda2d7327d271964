"""Whatever a model says instead of an answer: the trader stands aside and says why. Nothing is guessed or raised."""

import json
from typing import Any

import pytest

from tests.trader_samples import FakeModel, context, failed, open_pair, reply
from traders.contract.decision import AbstainReason, Action
from traders.contract.model import ModelReply
from traders.volatility_gamma.llm_policy import propose
from traders.volatility_gamma.strict_json import MAX_CHARACTERS

GOOD: dict[str, Any] = {
    "reasoning": "Volatility expands from a quiet base.",
    "action": "enter",
    "regime": "low_vol_expanding",
    "confidence_percent": 62,
    "margin_bp": 1500,
    "leverage": 5,
    "stop_bp": 800,
    "target_bp": 1200,
    "holding_hours": 48,
    "bands": "standing",
    "evidence": [{"reading": "sol.1h.atr_ratio", "value": "1.8123"}],
    "invalidation": [{"reading": "sol.1h.atr_ratio", "op": "lt", "value": "1.45"}],
}
TEXT = json.dumps(GOOD)


def but(**changes: Any) -> str:
    return json.dumps(GOOD | changes)


def without(key: str) -> str:
    return json.dumps({name: value for name, value in GOOD.items() if name != key})


def raw(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


#: No field takes any of these.
WRONG: dict[str, Any] = {"null": None, "an object": {"value": 5}, "a list of lists": [[]], "a long text": "x" * 5000}
NOISE = {
    "a brace": "}",
    "an order": "BUY NOW ",
    "a number": "5 ",
    "an apology": "Sorry, here it is: ",
    "a fence": "```json\n",
    "another object": '{"action": "enter"} ',
    "a null byte": "\x00",
    "markup": "<answer>",
}

HOSTILE: dict[str, str] = {
    "empty": "",
    "spaces": " \n\t ",
    "prose": "I would enter now, the market looks great!",
    "prose before": f"Here is my decision: {TEXT}",
    "prose after": f"{TEXT}\nLet me know if you need more.",
    "fenced": f"```json\n{TEXT}\n```",
    "fenced without a language": f"```\n{TEXT}\n```",
    "thinking first": f"<think>the ratio is high</think>{TEXT}",
    "thinking never ended": f"<think>{TEXT}",
    "two objects": TEXT + TEXT,
    "two objects on lines": f"{TEXT}\n{TEXT}",
    "object and comma": f"{TEXT},",
    "list around it": f"[{TEXT}]",
    "json in a string": json.dumps(TEXT),
    "null": "null",
    "true": "true",
    "a number": "42",
    "a string": '"enter"',
    "empty object": "{}",
    "empty list": "[]",
    "cut in the middle": TEXT[: len(TEXT) // 2],
    "last brace gone": TEXT[:-1],
    "byte order mark": f"\ufeff{TEXT}",
    "single quotes": TEXT.replace('"', "'"),
    "trailing comma": TEXT[:-1] + ",}",
    "comment": TEXT[:-1] + "/* sure */}",
    "yaml": "action: enter\nleverage: 5",
    "python": str(GOOD),
    "tool call": '{"name": "enter_position", "arguments": {"leverage": 5}}',
    "nested in answer": json.dumps({"answer": GOOD}),
    "deep nesting": "[" * 9000 + "]" * 9000,
    "deep object": '{"a":' * 3000 + "1" + "}" * 3000,
    "very long": but(reasoning="x" * (MAX_CHARACTERS + 1)),
    "NaN leverage": raw('"leverage": 5', '"leverage": NaN'),
    "infinite leverage": raw('"leverage": 5', '"leverage": Infinity'),
    "minus infinity": raw('"stop_bp": 800', '"stop_bp": -Infinity'),
    "exponent": raw('"leverage": 5', '"leverage": 5e0'),
    "exponent to infinity": raw('"leverage": 5', '"leverage": 1e999'),
    "fraction": raw('"leverage": 5', '"leverage": 5.0'),
    "huge integer": raw('"leverage": 5', f'"leverage": {"9" * 5000}'),
    "nineteen digits": raw('"leverage": 5', f'"leverage": {"1" * 19}'),
    "leading zero": raw('"leverage": 5', '"leverage": 05'),
    "plus sign": raw('"leverage": 5', '"leverage": +5'),
    "hexadecimal": raw('"leverage": 5', '"leverage": 0x5'),
    "underscore": raw('"margin_bp": 1500', '"margin_bp": 1_500'),
    "arabic digits": raw('"leverage": 5', '"leverage": \u0665'),
    "number as text": but(leverage="5"),
    "boolean for a number": but(leverage=True),
    "null for a number": but(stop_bp=None),
    "list for a number": but(leverage=[5]),
    "leverage too high": but(leverage=9),
    "leverage too low": but(leverage=4),
    "leverage 125": but(leverage=125),
    "negative margin": but(margin_bp=-1500),
    "margin as a fraction of equity": raw('"margin_bp": 1500', '"margin_bp": 0.15'),
    "margin above the limit": but(margin_bp=2001),
    "stop too wide": but(stop_bp=801),
    "target too far": but(target_bp=1501),
    "holding for ever": but(holding_hours=49),
    "no holding": but(holding_hours=0),
    "confidence 101": but(confidence_percent=101),
    "confidence below 0": but(confidence_percent=-1),
    "unknown action": but(action="buy"),
    "action of an open pair": but(action="exit"),
    "action in capitals": but(action="ENTER"),
    "action with a space": but(action="enter "),
    "cyrillic action": but(action="\u0435nter"),
    "action list": but(action=["enter"]),
    "unknown regime": but(regime="moon"),
    "unknown bands": but(bands="none"),
    "extra key": but(notional=1_000_000),
    "extra plan": but(plan={"kind": "directional"}),
    "key of another state": but(reduce_percent=50),
    "key in capitals": raw('"leverage"', '"Leverage"'),
    "cyrillic key": raw('"leverage"', '"l\u0435verage"'),
    "same key twice": TEXT[:-1] + ', "leverage": 8}',
    "same inner key twice": raw('"value": "1.8123"', '"value": "1.8123", "value": "9"'),
    "same key by escape": TEXT[:-1] + ', "\\u006ceverage": 8}',
    "proto key": but(__proto__={"leverage": 8}),
    **{f"without {key}": without(key) for key in GOOD},
    **{f"{key} is {name}": but(**{key: value}) for key in GOOD for name, value in WRONG.items()},
    **{f"cut at {place}": TEXT[:place] for place in range(7, len(TEXT) - 1, len(TEXT) // 24)},
    **{f"{name} in front": f"{noise}{TEXT}" for name, noise in NOISE.items()},
    **{f"{name} behind": f"{TEXT}{noise}" for name, noise in NOISE.items()},
    "no evidence": but(evidence=[]),
    "too much evidence": but(evidence=GOOD["evidence"] * 4),
    "evidence as an object": but(evidence=GOOD["evidence"][0]),
    "evidence as text": but(evidence=["sol.1h.atr_ratio"]),
    "evidence of an unknown reading": but(evidence=[{"reading": "sol.1h.macd", "value": "1"}]),
    "evidence of another symbol": but(evidence=[{"reading": "btc.1h.atr_ratio", "value": "1"}]),
    "evidence with a path": but(evidence=[{"reading": "../../etc/passwd", "value": "1"}]),
    "evidence number bare": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": 1}]),
    "evidence with a unit": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "1.8123 ratio"}]),
    "evidence in per cent": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "181.23%"}]),
    "evidence with a comma": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "1,8123"}]),
    "evidence with exponent": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "1e400"}]),
    "evidence NaN": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "NaN"}]),
    "evidence infinity": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "inf"}]),
    "evidence empty": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": ""}]),
    "evidence too long": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "1." + "8" * 20}]),
    "evidence too large": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "9" * 16}]),
    "evidence in full-width digits": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "\uff11.\uff18"}]),
    "evidence in arabic digits": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "\u0661.\u0668"}]),
    "evidence with newline": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "1.8123\n"}]),
    "evidence with an extra key": but(evidence=[{"reading": "sol.1h.atr_ratio", "value": "1", "op": "lt"}]),
    "invalidation with unknown op": but(invalidation=[{"reading": "sol.1h.atr_ratio", "op": "eq", "value": "1"}]),
    "invalidation with code": but(
        invalidation=[{"reading": "sol.1h.atr_ratio", "op": "lt", "value": "__import__('os')"}]
    ),
    "too many invalidations": but(invalidation=GOOD["invalidation"] * 3),
    "reasoning too long": but(reasoning="x" * 201),
    "reasoning clears the screen": but(reasoning="\x1b[2J fine"),
    "reasoning with a null": but(reasoning="a\x00b"),
    "reasoning turns text around": but(reasoning="\u202eenter"),
    "reasoning of hidden characters": but(reasoning="a\u200bb"),
    "reasoning with half a pair": raw("quiet", "\\ud800"),
    "raw control character": raw("quiet", "\x07"),
    "raw newline in a string": raw("quiet", "\n"),
    "reasoning is a number": but(reasoning=5),
    "reasoning is null": but(reasoning=None),
}


def test_there_are_many_and_the_good_one_is_good() -> None:
    assert len(HOSTILE) >= 200


async def test_the_reply_they_are_all_made_from_is_accepted() -> None:
    model = FakeModel(TEXT)
    proposal = await propose(context(), model)
    assert proposal.decision.action is Action.ENTER and len(model.asked) == 1


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_text_is_never_acted_on(text: str) -> None:
    model = FakeModel(text, text)
    proposal = await propose(context(), model)
    decision = proposal.decision
    assert decision.action is Action.STAND_ASIDE and decision.plan is None
    assert decision.abstained in (AbstainReason.EMPTY, AbstainReason.NOT_JSON, AbstainReason.INVALID)
    assert len(model.asked) == 2 and proposal.attempts == 2 and len(proposal.replies) == 2
    assert proposal.error and proposal.replies[0].text == text
    assert model.asked[1].messages[:2] == model.asked[0].messages
    assert all(message.content.isascii() for message in model.asked[1].messages[2:])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("empty", AbstainReason.EMPTY),
        ("fenced", AbstainReason.NOT_JSON),
        ("two objects", AbstainReason.NOT_JSON),
        ("cut in the middle", AbstainReason.NOT_JSON),
        ("NaN leverage", AbstainReason.INVALID),
        ("leverage too high", AbstainReason.INVALID),
        ("same key twice", AbstainReason.INVALID),
    ],
)
async def test_the_reason_is_told_apart(name: str, reason: AbstainReason) -> None:
    proposal = await propose(context(), FakeModel(HOSTILE[name], HOSTILE[name]))
    assert proposal.decision.abstained is reason


@pytest.mark.parametrize(
    ("answer", "reason", "asked"),
    [
        (reply(TEXT, finish_reason="length"), AbstainReason.TRUNCATED, 2),
        (reply(TEXT, finish_reason="content_filter"), AbstainReason.REFUSAL, 1),
        (reply(TEXT, finish_reason="tool_calls"), AbstainReason.INVALID, 2),
        (reply(TEXT, finish_reason=""), AbstainReason.INVALID, 2),
        (reply("", refusal="I cannot help with trading."), AbstainReason.REFUSAL, 1),
        (reply(TEXT, refusal="no"), AbstainReason.REFUSAL, 1),
    ],
)
async def test_a_good_text_that_ended_badly_is_not_used(answer: ModelReply, reason: AbstainReason, asked: int) -> None:
    """How a reply ended comes first: a complete object in a cut or refused reply is still no answer."""
    model = FakeModel(answer, answer)
    proposal = await propose(context(), model)
    assert proposal.decision.action is Action.STAND_ASIDE and proposal.decision.abstained is reason
    assert len(model.asked) == asked


@pytest.mark.parametrize("reason", [AbstainReason.MODEL_UNAVAILABLE, AbstainReason.MODEL_TIMEOUT])
async def test_a_model_that_does_not_answer(reason: AbstainReason) -> None:
    model = FakeModel(failed(reason))
    proposal = await propose(context(), model)
    assert proposal.decision.abstained is reason and len(model.asked) == 1
    assert proposal.replies == () and proposal.attempts == 1 and proposal.error == "nobody there"
    assert proposal.prompt_hash is not None and proposal.usage.prompt_tokens is None


async def test_a_failure_during_the_repair_keeps_the_first_reply() -> None:
    proposal = await propose(context(), FakeModel("nonsense", failed(AbstainReason.MODEL_TIMEOUT)))
    assert proposal.decision.abstained is AbstainReason.MODEL_TIMEOUT
    assert [item.text for item in proposal.replies] == ["nonsense"] and proposal.attempts == 2


@pytest.mark.parametrize("text", ["", "nonsense", TEXT, but(action="stand_aside")])
async def test_an_open_pair_is_left_alone_by_nonsense(text: str) -> None:
    """A reply for another state is no reply: standing aside leaves the pair to its bands, stops and bracket."""
    proposal = await propose(context(open_pair()), FakeModel(text, text))
    assert proposal.decision.action is Action.STAND_ASIDE and proposal.decision.abstained is not None
