"""Past decisions under other limits, another policy or another model, on the very same inputs. Touches nothing stored.

The context is observed again under the other limits; the decision is the recorded one, unless another policy or model
is asked; the guard judges it against the quote that was recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from orchestrator.errors import HostError
from orchestrator.replay.recording import Recording
from orchestrator.risk_guard.review import review
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Decision
from traders.contract.model import Model
from traders.contract.trader import Trader
from traders.contract.verdict import Verdict


@dataclass(frozen=True)
class Side:
    """How a decision came out. `pair_margin` in USDT, None unless orders would have been sent."""

    action: str
    regime: str
    outcome: str
    refused_by: tuple[str, ...]
    pair_margin: Decimal | None


@dataclass(frozen=True)
class Compared:
    """A decision as it was and as it would be; `skipped` says why there was nothing to compare."""

    decision_id: str
    symbol: str = ""
    before: Side | None = None
    after: Side | None = None
    skipped: str | None = None

    @property
    def changed(self) -> bool:
        """Whether action, outcome, refusing rules or size differ."""
        return self.before != self.after

    @property
    def stopped(self) -> tuple[str, ...]:
        """Rules that refuse now and did not."""
        if self.before is None or self.after is None:
            return ()
        return tuple(rule for rule in self.after.refused_by if rule not in self.before.refused_by)

    @property
    def freed(self) -> tuple[str, ...]:
        """Rules that refused and do not now."""
        if self.before is None or self.after is None:
            return ()
        return tuple(rule for rule in self.before.refused_by if rule not in self.after.refused_by)


async def what_if(
    recording: Recording,
    trader: Trader,
    other: Callable[[ConstraintSet], ConstraintSet],
    policy: Literal["llm", "rules"] | None = None,
    model: Model | None = None,
) -> Compared:
    """Compare one recorded decision. `policy` None keeps what was decided; "llm" asks `model`. Raises HostError."""
    then, constraints = recording.verdict, recording.constraints
    if then is None or recording.proposal is None or recording.context is None or constraints is None:
        return Compared(recording.decision_id, skipped="it ended before a verdict")
    if recording.quote is None or recording.switches is None:
        return Compared(recording.decision_id, skipped="the quote it was judged by was not recorded")
    now = other(constraints)
    context = _context(recording, recording.context, trader, now)
    if policy is None:
        decision = recording.proposal.decision
    else:
        decision = (await trader.propose(context, model, None, policy)).decision
    verdict = review(decision, context, recording.quote, recording.switches, now)
    return Compared(
        recording.decision_id,
        context.symbol,
        _side(recording.proposal.decision, recording.context, then),
        _side(decision, context, verdict),
    )


def _context(recording: Recording, recorded: Context, trader: Trader, now: ConstraintSet) -> Context:
    if recording.snapshot is None or recording.portfolio is None:
        raise HostError(
            "not_recorded",
            f"decision {recording.decision_id} has no stored snapshot, so it cannot be seen under other limits",
            "leave it out, or export it again with its snapshot",
        )
    if now.hash == recorded.constraints_hash:
        return recorded
    return trader.observe(recording.snapshot, recording.portfolio, now)


def _side(decision: Decision, context: Context, verdict: Verdict) -> Side:
    return Side(
        action=decision.action.value,
        regime=context.regime.value,
        outcome=verdict.outcome,
        refused_by=tuple(finding.rule for finding in verdict.findings if finding.effect == "refuse"),
        pair_margin=None if verdict.plan is None else verdict.plan.pair_margin,
    )
