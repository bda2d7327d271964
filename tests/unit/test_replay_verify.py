"""A recorded decision is played again to the last digit, and every kind of drift is found and named."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.replay.recording import RecordingError
from orchestrator.replay.verify import Drift, verify
from orchestrator.risk_guard.review import GUARD_VERSION
from tests.guard_scenario import permitted
from tests.recorded_entry import ID, Policy, constraints_document, recorded
from tests.tiny_trader import SayingModel, TinyTrader
from traders.contract.base import content_hash
from traders.contract.decision import AbstainReason
from traders.contract.model import Model, ModelFailed


async def drift(line: dict[str, Any], trader: TinyTrader, **more: Any) -> Drift:
    checked = await verify(line, trader, **more)
    assert checked.drift is not None
    assert checked.drift.decision_id == ID
    return checked.drift


@pytest.mark.parametrize("start", ["snapshot", "context"])
@pytest.mark.parametrize(
    ("policy", "model"),
    [
        ("rules", None),
        ("llm", SayingModel("yes")),
        ("llm", SayingModel("yes", "full")),
        ("llm", SayingModel("no")),
        ("llm", SayingModel(None, failure=ModelFailed(AbstainReason.MODEL_TIMEOUT, "60 s passed"))),
    ],
)
async def test_the_same_code_says_the_same(tmp_path: Path, policy: Policy, model: Model | None, start: Any) -> None:
    line = await recorded(tmp_path, policy, model)
    checked = await verify(line, TinyTrader(), start, {"code": "0.1.0", "guard": GUARD_VERSION})
    assert (checked.drift, checked.skipped, checked.notes) == (None, None, ())


async def test_another_reading_is_named_with_both_values(tmp_path: Path) -> None:
    found = await drift(await recorded(tmp_path), TinyTrader(factor=1.001))
    assert (found.field, found.recorded, found.recomputed) == ("context.readings.sol.price.last.value", 120.0, 120.12)


async def test_from_the_context_a_changed_reading_is_not_looked_at(tmp_path: Path) -> None:
    line = await recorded(tmp_path)
    assert (await verify(line, TinyTrader(factor=1.001), "context")).drift is None
    line["record"]["snapshot"] = line["record"]["portfolio"] = None
    assert (await verify(line, TinyTrader(), "context")).drift is None


async def test_another_prompt_is_drift_and_the_reply_is_not_given_to_it(tmp_path: Path) -> None:
    line = await recorded(tmp_path, "llm", SayingModel("yes"))
    found = await drift(line, TinyTrader(question="please enter at {price}?"))
    assert found.field == "request.0.messages.0.content"
    assert found.recorded.startswith("enter at 120.0?")
    assert found.recomputed.startswith("please enter at 120.0?")


async def test_a_question_more_or_less_than_recorded_is_drift(tmp_path: Path) -> None:
    line = await recorded(tmp_path, "llm", SayingModel("no"))
    line["record"]["proposal"]["prompt_version"] = "compact-1"
    found = await drift(line, TinyTrader(ask_again=True))
    assert (found.field, found.recorded) == ("request.1", None)
    line["record"]["proposal"]["requests"] *= 2
    line["record"]["proposal"]["replies"] *= 2
    found = await drift(line, TinyTrader())
    assert (found.field, found.recomputed) == ("request.1", None)


async def test_a_failure_hidden_as_standing_aside_is_still_drift(tmp_path: Path) -> None:
    """The trader turns a miss into stand_aside; what was recorded is stand_aside too."""
    gone = SayingModel(None, failure=ModelFailed(AbstainReason.MODEL_UNAVAILABLE, "gone"))
    line = await recorded(tmp_path, "llm", gone)
    assert (await drift(line, TinyTrader(question="{price}?"))).field.startswith("request.0")


async def test_another_decision_is_named(tmp_path: Path) -> None:
    for policy, model in (("rules", None), ("llm", SayingModel("yes"))):
        line = await recorded(tmp_path / policy, policy, model)  # type: ignore[arg-type]
        found = await drift(line, TinyTrader(confidence="0.7"))
        assert (found.field, found.recorded, found.recomputed) == ("proposal.decision.confidence", 0.6, 0.7)


async def test_another_verdict_is_named(tmp_path: Path) -> None:
    line = await recorded(tmp_path)
    line["record"]["verdict"]["outcome"] = "refused"
    found = await drift(line, TinyTrader())
    assert (found.field, found.recorded, found.recomputed) == ("verdict.outcome", "refused", "approved")
    line = await recorded(tmp_path / "again")
    line["record"]["verdict"]["plan"]["legs"][0]["quantity"] = "416.67"
    assert (await drift(line, TinyTrader())).field == "verdict.plan.legs.0.quantity"


async def test_a_switch_changed_after_the_fact_is_found(tmp_path: Path) -> None:
    line = await recorded(tmp_path)
    line["switches"]["kill"] = True
    assert (await drift(line, TinyTrader())).field == "verdict.outcome"


async def test_other_versions_are_noted_and_no_drift(tmp_path: Path) -> None:
    line = await recorded(tmp_path)
    line["record"]["verdict"]["guard_version"] = "0"
    line["record"]["proposal"]["prompt_version"] = "0"
    checked = await verify(line, TinyTrader(), "snapshot", {"code": "0.2.0", "unheard": "1"})
    assert checked.drift is None
    assert checked.notes == (
        "recorded with code 0.1.0, played again with code 0.2.0",
        f"recorded with guard 0, played again with guard {GUARD_VERSION}",
        "recorded with prompt 0, played again with prompt None",
    )


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        (lambda d: d["context"]["readings"]["sol.price.last"].update(value=119.0), "context.context_hash"),
        (lambda d: d["context"].update(extra=1), "context.extra"),
        (lambda d: d["record"].update(snapshot=None), "snapshot"),
        (lambda d: d["record"].update(portfolio=None), "portfolio"),
        (lambda d: d["record"].update(constraints=None), "constraints"),
        (lambda d: d["record"]["constraints"].update(hash="0"), "constraints.hash"),
        (lambda d: d["record"]["constraints"]["values"].pop(), "constraints"),
        (lambda d: d["record"]["constraints"].pop("values"), "constraints.values"),
        (lambda d: d["record"]["snapshot"].pop("venue"), "snapshot.venue"),
        (lambda d: d.update(quote=None), "quote"),
        (lambda d: d.update(switches=None), "switches"),
    ],
)
async def test_a_damaged_or_missing_part_is_drift(tmp_path: Path, damage: Any, field: str) -> None:
    line = await recorded(tmp_path)
    damage(line)
    assert (await drift(line, TinyTrader())).field == field


async def test_a_trader_that_raises_is_drift_and_not_the_end(tmp_path: Path) -> None:
    def breaks() -> None:
        raise KeyError("bandwidth")

    found = await drift(await recorded(tmp_path), TinyTrader(breaks=breaks))
    assert (found.field, found.recomputed) == ("context", "observe raised KeyError: 'bandwidth'")


async def test_a_decision_that_saw_nothing_is_skipped_and_says_so(tmp_path: Path) -> None:
    line = await recorded(tmp_path)
    line["context"] = None
    checked = await verify(line, TinyTrader())
    assert checked.drift is None
    assert "no context" in str(checked.skipped)


async def test_a_decision_that_ended_before_the_verdict_is_played_as_far_as_it_goes(tmp_path: Path) -> None:
    line = await recorded(tmp_path)
    line["record"]["verdict"] = line["quote"] = line["switches"] = None
    assert (await verify(line, TinyTrader())).drift is None
    assert (await drift(line, TinyTrader(confidence="0.7"))).field == "proposal.decision.confidence"
    line["record"]["proposal"] = None
    assert (await verify(line, TinyTrader(confidence="0.7"))).drift is None
    assert (await drift(line, TinyTrader(factor=2))).field == "context.readings.sol.price.last.value"


async def test_a_stored_constraint_set_will_do_for_the_export_document(tmp_path: Path) -> None:
    line = await recorded(tmp_path)
    line["record"]["constraints"] = permitted().constraints.model_dump(mode="json")
    assert (await verify(line, TinyTrader())).drift is None
    changed = copy.deepcopy(line)
    changed["record"]["constraints"]["limits"]["leverage_max"] = 6
    assert (await drift(changed, TinyTrader())).field == "constraints.hash"


@pytest.mark.parametrize("document", [{}, {"record": None}, {"record": {}}, {"record": {"decision_id": 5}}])
async def test_something_else_is_no_recording(document: dict[str, Any]) -> None:
    with pytest.raises(RecordingError, match="no journal record"):
        await verify(document, TinyTrader())


def test_replay_loads_nothing_that_can_reach_a_network() -> None:
    code = (
        "import sys, orchestrator.replay.verify, orchestrator.risk_guard.review;"
        "bad = [m for m in ('ccxt', 'openai', 'httpx2', 'aiohttp', 'sqlalchemy', 'pandas') if m in sys.modules];"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_constraints_document_of_this_test_is_the_pinned_one() -> None:
    document = constraints_document()
    assert content_hash([[row["key"], row["unit"], row["value"]] for row in document["values"]]) == document["hash"]


async def test_constraints_that_are_no_json_are_named(tmp_path: Path) -> None:
    line = await recorded(tmp_path)
    line["record"]["constraints"]["values"][0]["value"] = float("nan")
    assert (await drift(line, TinyTrader())).field == "constraints"
