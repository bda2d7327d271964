"""How a policy does on stored contexts: valid, grounded, stable, in agreement with the rules, permitted; at what cost.

Nothing is executed and nothing stored: the same contexts, quotes and constraints for every policy, judged by the
production guard. It says nothing of what a decision earns: for that, `replay outcome` and `simulate`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.replay.recording import Recording
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.review import review
from traders.contract.model import Model
from traders.contract.proposal import Proposal
from traders.contract.trader import Trader


@dataclass(frozen=True)
class Answer:
    """One policy's answer to one context. `refused_by` are the guard's refusing rules."""

    decision_id: str
    action: str
    abstained: str | None
    outcome: str
    refused_by: tuple[str, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    latency_ms: int | None

    @property
    def valid(self) -> bool:
        """Whether an answer came that could be used as it was."""
        return self.abstained is None

    @property
    def grounded(self) -> bool:
        """Whether what it cites is what was shown."""
        return self.valid and RuleCode.UNGROUNDED.value not in self.refused_by


def judgeable(recording: Recording) -> bool:
    """Whether a recording holds all that a verdict needs."""
    parts = (recording.context, recording.quote, recording.switches, recording.constraints)
    return all(part is not None for part in parts)


async def answer(recording: Recording, trader: Trader, policy: Literal["llm", "rules"], model: Model | None) -> Answer:
    """Ask and judge. `recording` must be `judgeable`."""
    context, quote, switches = recording.context, recording.quote, recording.switches
    if context is None or quote is None or switches is None or recording.constraints is None:
        raise ValueError(f"{recording.decision_id} holds no quote to be judged by")
    proposal = await trader.propose(context, model, None, policy)
    verdict = review(proposal.decision, context, quote, switches, recording.constraints)
    decision = proposal.decision
    return Answer(
        decision_id=recording.decision_id,
        action=decision.action.value,
        abstained=None if decision.abstained is None else decision.abstained.value,
        outcome=verdict.outcome,
        refused_by=tuple(finding.rule for finding in verdict.findings if finding.effect == "refuse"),
        prompt_tokens=proposal.usage.prompt_tokens,
        completion_tokens=proposal.usage.completion_tokens,
        cost_usd=proposal.usage.cost_usd,
        latency_ms=_latency(proposal),
    )


def score(answers: Sequence[Sequence[Answer]], rules: Sequence[Answer]) -> dict[str, Any]:
    """One policy's row. `answers` holds a list of repeats for each context, in the order of `rules`."""
    flat = [one for repeats in answers for one in repeats]
    same = [one.action == rule.action for repeats, rule in zip(answers, rules, strict=True) for one in repeats]
    entries = [one for one in flat if one.action == "enter"]
    return {
        "answers": len(flat),
        "valid": _share([one.valid for one in flat]),
        "grounded": _share([one.grounded for one in flat]),
        "agrees_with_rules": _share(same),
        "stable": _mean([_modal(repeats) for repeats in answers if len(repeats) > 1]),
        "actions": dict(Counter(one.action for one in flat).most_common()),
        "abstained": dict(Counter(one.abstained for one in flat if one.abstained).most_common()),
        "entries": len(entries),
        "entries_permitted": sum(one.outcome != "refused" for one in entries),
        "refused_by": dict(Counter(rule for one in flat for rule in one.refused_by).most_common()),
        "prompt_tokens": _mean([one.prompt_tokens for one in flat]),
        "completion_tokens": _mean([one.completion_tokens for one in flat]),
        "cost_usd": _total([one.cost_usd for one in flat]),
        "latency_ms": _mean([one.latency_ms for one in flat]),
    }


def _latency(proposal: Proposal) -> int | None:
    return sum(reply.latency_ms for reply in proposal.replies) if proposal.replies else None


def _modal(repeats: Sequence[Answer]) -> float:
    """Share of the repeats that chose the most frequent action."""
    return Counter(one.action for one in repeats).most_common(1)[0][1] / len(repeats)


def _share(flags: Sequence[bool]) -> float | None:
    return round(sum(flags) / len(flags), 6) if flags else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 6) if known else None


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 8) if known else None
