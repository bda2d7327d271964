"""The next ladder of a cycle: what it would be, and what stands against it (domain.md section 3, re-open). Pure.

The plan is that of the ladder before, at the new price, with what is left of its time. It is proposed without a model
and then judged by the guard like any entry (fresh data, regime, signals, depth, costs, trades of the day), which is
stricter than domain.md asks. What the guard cannot know is looked at here: what the cycle has come to so far.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from data_fetchers.symbols import prefix_of
from indicators.delta_neutral_hedge import one_ladder
from orchestrator.rebalancer.exits import holds
from orchestrator.rebalancer.state import PairState
from traders.contract.context import Context
from traders.contract.decision import Action, Decision, Evidence, stand_aside
from traders.contract.portfolio import OpenPair
from traders.contract.proposal import Proposal

#: In a proposal's place of the model: neither a model nor a policy was asked.
NEXT_LADDER = "next_ladder"
_HOUR_MS = 3_600_000
_LEAST_MS = 6 * _HOUR_MS


@dataclass(frozen=True)
class EndedLadder:
    """A ladder that closed where another may follow. `net` is what it came to, USDT."""

    pair: OpenPair
    decision: Decision
    state: PairState
    net: Decimal

    @property
    def carried(self) -> Decimal:
        """What the cycle has come to so far, USDT."""
        return self.state.carried + self.net


def next_ladder(ended: EndedLadder, context: Context) -> Proposal:
    """The proposal: an entry with the plan of the ladder before, or standing aside with all that is against it."""
    against = obstacles(ended, context)
    if against:
        decision = stand_aside(context.symbol, f"the cycle ends: {'; '.join(against)}")
        return Proposal(decision=decision, policy="rules", model=NEXT_LADDER)
    left = Decimal(ended.state.rules.deadline - context.as_of) / _HOUR_MS
    plan = ended.pair.plan.model_copy(update={"max_holding_hours": left.quantize(Decimal("0.01"), ROUND_DOWN)})
    decision = Decision(
        action=Action.ENTER,
        symbol=context.symbol,
        regime=context.regime,
        plan=plan,
        invalidation=ended.decision.invalidation,
        evidence=_as_shown_now(ended.decision.evidence, context),
        confidence=ended.decision.confidence,
        rationale=f"ladder {ended.state.ladder + 1} of a cycle that has come to {ended.carried:.2f} USDT",
    )
    return Proposal(decision=decision, policy="rules", model=NEXT_LADDER)


def obstacles(ended: EndedLadder, context: Context) -> tuple[str, ...]:
    """Why the cycle ends here, as far as the cycle itself says; empty: the guard may judge."""
    state, rules = ended.state, ended.state.rules
    found = []
    ratio = context.value(f"{prefix_of(context.symbol)}.1h.atr_ratio")
    if ratio is None or rules.collapse_level is None or Decimal(repr(ratio)) <= rules.collapse_level:
        found.append(f"ATR ratio {ratio} is not above the collapse level {rules.collapse_level}")
    if rules.deadline - context.as_of < _LEAST_MS:
        found.append(f"{(rules.deadline - context.as_of) / _HOUR_MS:.1f} h of the holding time are left, 6 are needed")
    worst = one_ladder(
        ended.pair.plan.bands, state.entry, state.long.opened, state.pair_margin, rules.cost, rules.reversal_rule
    ).worst_fraction
    result = ended.carried / state.pair_margin
    if result <= worst - rules.stop:
        found.append(f"the cycle stands at {result:.4f} of pair margin: one more ladder may lose {worst:.4f}")
    for condition in rules.invalidation:
        value = context.value(condition.reading)
        if value is None or holds(condition, Decimal(repr(value))):
            found.append(f"invalidation: {condition.reading} is {value} ({condition.op} {condition.value} ends it)")
    if not _as_shown_now(ended.decision.evidence, context):
        found.append("nothing that the plan rested on is shown any more")
    return tuple(found)


def _as_shown_now(evidence: tuple[Evidence, ...], context: Context) -> tuple[Evidence, ...]:
    """The readings that the first ladder rested on, as they are now."""
    shown = ((item.reading, context.value(item.reading)) for item in evidence)
    return tuple(Evidence(reading=name, value=Decimal(repr(value))) for name, value in shown if value is not None)
