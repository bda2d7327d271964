"""Plays a recorded decision again, offline, and says where it first differs.

Three steps, each from what was stored before it: snapshot -> context (`observe`), context -> proposal (`propose` with
the recorded replies), quote -> verdict (`review`). Identical means that the same code on the same inputs says the same,
to the last digit. Versions of guard and code may differ; that is noted, and is no drift by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from orchestrator.next_ladder import NEXT_LADDER
from orchestrator.replay.difference import Difference, difference_by_fields, first_difference
from orchestrator.replay.recorded_model import RecordedModel
from orchestrator.replay.recording import Recording, RecordingError, read_recording
from orchestrator.tools import DecisionTools
from traders.contract.context import Context
from traders.contract.decision import AbstainReason
from traders.contract.proposal import Proposal
from traders.contract.trader import Tools, Trader
from traders.contract.verdict import Verdict

if TYPE_CHECKING:
    from orchestrator.risk_guard.bench import Bench

Start = Literal["snapshot", "context"]
Template = Literal["compact", "full"]
#: The parts of a proposal that follow from the context and the replies. `prompt_version` is noted, not compared: it
#: covers templates that this decision may not have used; what was sent is compared word by word.
_PROPOSAL = ("decision", "policy", "prompt_hash", "tool_calls")
#: The parts of a verdict that follow from its inputs; `guard_version` is noted, not compared.
_VERDICT = ("outcome", "findings", "decision", "plan", "constraints_version", "constraints_hash")


@dataclass(frozen=True)
class Drift:
    """The first field that differs, as a dotted path, with both values."""

    decision_id: str
    field: str
    recorded: Any
    recomputed: Any


@dataclass(frozen=True)
class Checked:
    """One decision played again: `drift` is None when identical; `skipped` says why there was nothing to play."""

    decision_id: str
    drift: Drift | None = None
    skipped: str | None = None
    notes: tuple[str, ...] = ()


async def verify(
    document: Mapping[str, Any], trader: Trader, start: Start = "snapshot", versions: Mapping[str, str] | None = None
) -> Checked:
    """Play one bundle document with `record`. A part that is damaged or missing in the middle is a drift.

    `versions` are those of the program running now; recorded ones that differ are noted.
    Raises RecordingError when the document is no recorded decision at all.
    """
    decision_id = _decision_id(document)
    try:
        recording = read_recording(document, snapshot=start == "snapshot" or not _by_rules(document))
    except RecordingError as error:
        return Checked(decision_id, Drift(decision_id, error.field, error.message, None))
    if recording.context is None:
        return Checked(decision_id, skipped="no context was recorded: the decision ended before it saw the market")
    notes = _version_notes(recording, versions or {})
    found = await _replayed(recording, trader, start, notes)
    drift = None if found is None else Drift(decision_id, found.field, found.recorded, found.recomputed)
    return Checked(decision_id, drift, notes=tuple(notes))


async def _replayed(recording: Recording, trader: Trader, start: Start, notes: list[str]) -> Difference | None:
    context = recording.context
    assert context is not None
    bench = _bench(recording, context)
    intact = context.context_hash == context.compute_hash() if bench is None else bench.context_intact
    if not intact:
        return Difference("context.context_hash", context.context_hash, context.compute_hash())
    if start == "snapshot" and (found := _observed(recording, context, trader)):
        return found
    if recording.proposal is None:
        return None  # it ended there, as recorded
    if found := await _proposed(recording, recording.proposal, context, trader, notes):
        return found
    if recording.verdict is None:
        return None
    return _reviewed(recording, recording.proposal, recording.verdict, bench)


def _observed(recording: Recording, context: Context, trader: Trader) -> Difference | None:
    snapshot, portfolio, constraints = recording.snapshot, recording.portfolio, recording.constraints
    if snapshot is None or portfolio is None or constraints is None:
        missing = next(name for name in ("snapshot", "portfolio", "constraints") if getattr(recording, name) is None)
        return Difference(missing, None, "needed to recompute the context")
    try:
        again = trader.observe(snapshot, portfolio, constraints)
    except Exception as error:  # a trader is a plugin: what it raises is a finding, not the end of the check
        return Difference("context", context.context_hash, f"observe raised {type(error).__name__}: {error}")
    computed = again.compute_hash()
    if computed == context.context_hash and again.context_hash in ("", computed):
        return None  # every field is the same: the recorded hash has just been found true
    old, new = _json(context), _json(again)
    recorded_hash = old.pop("context_hash")
    new.pop("context_hash")
    return first_difference(old, new, "context") or first_difference(
        recorded_hash, again.context_hash or computed, "context.context_hash"
    )


async def _proposed(
    recording: Recording, proposal: Proposal, context: Context, trader: Trader, notes: list[str]
) -> Difference | None:
    if proposal.policy == "llm" and not proposal.requests and proposal.decision.abstained is not None:
        return None  # the host never asked (budget, breaker): there is no request to play again
    if proposal.model == NEXT_LADDER:
        return None  # the plan of the ladder before: no policy was asked; the verdict on it is checked all the same
    first: Difference | None = None
    for template in _templates(recording, proposal):
        model = None if proposal.policy == "rules" else _recorded_model(proposal, template)
        try:
            tools = None if model is None else _tools(recording, context)
            again = await trader.propose(context, model, tools, proposal.policy)
        except Exception as error:  # as above
            return Difference("proposal", None, f"propose raised {type(error).__name__}: {error}")
        found = None if model is None else model.unasked()
        if found is None:
            if again.prompt_version != proposal.prompt_version:
                notes.append(_note("prompt", proposal.prompt_version, again.prompt_version))
            return difference_by_fields(_json(proposal), _json(again), "proposal", _PROPOSAL)
        first = first or found
    return first


def _by_rules(document: Mapping[str, Any]) -> bool:
    """Whether no model was asked: the rules are offered no tools, and so see nothing but the context."""
    proposal = document["record"].get("proposal")
    return isinstance(proposal, Mapping) and proposal.get("policy") == "rules"


def _tools(recording: Recording, context: Context) -> Tools | None:
    """The tools as they were on offer to the model, made of the recording."""
    if recording.snapshot is None or recording.constraints is None:
        return None
    return DecisionTools(recording.snapshot, context, recording.constraints)


def _recorded_model(proposal: Proposal, template: Template) -> RecordedModel:
    failure: tuple[AbstainReason, str] | None = None
    if len(proposal.replies) < len(proposal.requests):
        reason = proposal.decision.abstained or AbstainReason.MODEL_UNAVAILABLE
        failure = (reason, proposal.error or str(reason))
    return RecordedModel(proposal.model or "recorded", template, proposal.requests, proposal.replies, failure)


def _templates(recording: Recording, proposal: Proposal) -> tuple[Template, ...]:
    """Which prompt the model carried: as journalled, else told by the prompt version, else whichever fits."""
    known: tuple[Template, ...] = ("full", "compact")
    told = f"{recording.versions.get('template', '')} {proposal.prompt_version or ''}"
    for template in known:
        if template in told:
            return (template,)
    return known


def _bench(recording: Recording, context: Context) -> "Bench | None":
    """The guard's bench, which hashes the context once for us and for it; None where a part of it was not recorded."""
    from orchestrator.risk_guard.bench import Bench

    quote, switches, constraints = recording.quote, recording.switches, recording.constraints
    if recording.verdict is None or quote is None or switches is None or constraints is None:
        return None
    return Bench(context, quote, switches, constraints)


def _reviewed(recording: Recording, proposal: Proposal, verdict: Verdict, bench: "Bench | None") -> Difference | None:
    from orchestrator.risk_guard.review import judge

    if bench is None:
        missing = next(name for name in ("quote", "switches", "constraints") if getattr(recording, name) is None)
        return Difference(missing, None, "needed to recompute the verdict")
    return difference_by_fields(_json(verdict), _json(judge(proposal.decision, bench)), "verdict", _VERDICT)


def _version_notes(recording: Recording, versions: Mapping[str, str]) -> list[str]:
    notes = [
        _note(name, recording.versions[name], now)
        for name, now in sorted(versions.items())
        if name != "guard" and recording.versions.get(name, now) != now
    ]
    if recording.verdict is not None:
        from orchestrator.risk_guard.review import GUARD_VERSION

        if recording.verdict.guard_version != GUARD_VERSION:
            notes.append(_note("guard", recording.verdict.guard_version, GUARD_VERSION))
    return notes


def _note(name: str, recorded: Any, now: Any) -> str:
    return f"recorded with {name} {recorded}, played again with {name} {now}"


def _decision_id(document: Mapping[str, Any]) -> str:
    record = document.get("record")
    if isinstance(record, Mapping) and isinstance(record.get("decision_id"), str):
        return str(record["decision_id"])
    raise RecordingError("record", "the document carries no journal record")


def _json(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True)
