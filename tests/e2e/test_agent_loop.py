"""A capable model asks before it answers: every call and result is journalled, replayed, and bounded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.replay.verify import verify
from tests.e2e import scripted_model
from tests.e2e.house import house
from traders.volatility_gamma.trader import VolatilityGamma

PREVIEW = {"margin_bp": 1500, "leverage": 5, "stop_bp": 800, "target_bp": 1200}


def asking(*calls: tuple[str, Any]) -> dict[str, Any]:
    """A completion that calls tools."""
    body = scripted_model.completion(None, "tool_calls")
    body["choices"][0]["message"]["tool_calls"] = [
        {
            "id": f"c{number}",
            "type": "function",
            "function": {"name": name, "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments)},
        }
        for number, (name, arguments) in enumerate(calls)
    ]
    return body


def said_by_tools(body: dict[str, Any]) -> list[Any]:
    return [json.loads(message["content"]) for message in body["messages"] if message["role"] == "tool"]


async def test_it_asks_the_guard_first_and_the_replay_asks_the_same(tmp_path: Path) -> None:
    heard: list[Any] = []

    def say(body: dict[str, Any]) -> Any:
        answers = said_by_tools(body)
        if not answers:
            assert {tool["function"]["name"] for tool in body["tools"]} == {
                "preview_plan",
                "series",
                "census",
                "explain",
            }
            return asking(
                ("preview_plan", {**PREVIEW, "stop_bp": 800, "target_bp": 1100}),
                ("explain", {"reading": "sol.1h.atr_ratio"}),
            )
        if len(answers) == 2:
            return asking(("preview_plan", PREVIEW))
        heard.extend(answers)
        return scripted_model.enter(body)

    async with scripted_model.scripted(say) as model, house(tmp_path, **model.environment) as h:
        report = await h.decide(policy="llm")
        assert (report.decision.action, report.decision.abstained) == ("enter", None)
        assert len(report.chosen.proposal.tool_calls) == 3 and report.chosen.proposal.attempts == 3
        bad, explained, good = heard
        # domain.md section 10: (.08, .11) is below 1.5 and refused, (.08, .12) passes; 15 % of 100,000 at 5x
        assert "reward_risk" in [finding["rule"] for finding in bad["findings"] if finding["effect"] == "refuse"]
        assert good["outcome"] in ("approved", "amended")
        assert good["pair_margin_usdt"] == pytest.approx(15_000) and good["notional_a_leg_usdt"] == pytest.approx(
            37_500, rel=1e-4
        )
        assert explained["value"] == report.context.value("sol.1h.atr_ratio")
        with h.store() as store:
            exported = store.journal.export_line(report.chosen.decision_id)
        assert [call["name"] for call in exported["record"]["proposal"]["tool_calls"]] == [
            "preview_plan",
            "explain",
            "preview_plan",
        ]
        assert (await verify(exported, VolatilityGamma())).drift is None
        exported["record"]["proposal"]["tool_calls"][0]["result"]["outcome"] = "approved"
        drift = (await verify(exported, VolatilityGamma())).drift
        assert drift is not None and "tool_calls" in drift.field


def endless(body: dict[str, Any]) -> Any:
    return asking(("series", {"timeframe": "1h", "field": "close", "n": 3}))


MISUSE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown tool": lambda body: asking(("place_order", {"side": "buy"})),
    "no JSON": lambda body: asking(("series", "{")),
    "no object": lambda body: asking(("series", "[1]")),
    "wrong arguments": lambda body: asking(("series", {"timeframe": "1h", "field": "close", "n": 10**9})),
    "a private name": lambda body: asking(("_candles", {"timeframe": "1h"})),
    "more than four at once": lambda body: asking(*[("explain", {"reading": "sol.1h.atr_ratio"})] * 5),
    "endless": endless,
}


@pytest.mark.parametrize("kind", MISUSE)
async def test_misuse_ends_in_standing_aside(tmp_path: Path, kind: str) -> None:
    async with scripted_model.scripted(MISUSE[kind]) as model, house(tmp_path, **model.environment) as h:
        report = await h.decide(policy="llm")
        assert (report.decision.action, report.decision.abstained) == ("stand_aside", "tool_loop")
        assert report.chosen.execution["status"] == "none"
        assert len(model.requests) == (5 if kind == "endless" else 1)
        with h.store() as store:
            exported = store.journal.export_line(report.chosen.decision_id)
        assert (await verify(exported, VolatilityGamma())).drift is None


async def test_a_server_without_tools_is_asked_without_them(tmp_path: Path) -> None:
    def say(body: dict[str, Any]) -> Any:
        return 400 if "tools" in body else scripted_model.enter(body)

    async with scripted_model.scripted(say) as model, house(tmp_path, **model.environment) as h:
        report = await h.decide(policy="llm", dry_run=True)
        assert report.decision.action == "enter"
        assert "tools" not in model.requests[-1]


@pytest.mark.parametrize(
    "environment", [{"VOLGAMMA_LLM_TOOLS": "off"}, {"VOLGAMMA_PROMPT_TEMPLATE": "compact"}], ids=["off", "compact"]
)
async def test_tools_are_not_offered_where_they_are_off(tmp_path: Path, environment: dict[str, str]) -> None:
    async with (
        scripted_model.scripted(scripted_model.enter) as model,
        house(tmp_path, **model.environment, **environment) as h,
    ):
        await h.decide(policy="llm", dry_run=True)
        assert all("tools" not in request for request in model.requests)


async def test_what_the_user_sets_is_sent_and_journalled(tmp_path: Path) -> None:
    wanted = {"temperature": "0.3", "seed": "5", "max_tokens": "900", "reasoning_effort": "low"}
    environment = {f"VOLGAMMA_LLM_{name.upper()}": value for name, value in wanted.items()}
    async with (
        scripted_model.scripted(scripted_model.enter) as model,
        house(tmp_path, **model.environment, **environment) as h,
    ):
        report = await h.decide(policy="llm", dry_run=True)
        sent = model.requests[0]
        assert (sent["temperature"], sent["seed"], sent["max_tokens"], sent["reasoning_effort"]) == (0.3, 5, 900, "low")
        with h.store() as store:
            exported = store.journal.export_line(report.chosen.decision_id)
        request = exported["record"]["proposal"]["requests"][0]
        assert (request["temperature"], request["reasoning_effort"]) == (0.3, "low")
        assert (await verify(exported, VolatilityGamma())).drift is None
