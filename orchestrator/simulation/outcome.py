"""What each past decision would have earned: its pair along the candles that followed, through the real rebalancer.

An entry that the guard permitted is followed as it was permitted. One that it refused is followed as if the refusing
rules had been silent, at the size the others would have left it: that is what the refusal cost, or saved.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from orchestrator.replay.recording import Recording
from orchestrator.risk_guard.review import review
from orchestrator.risk_guard.rulebook import RULES
from orchestrator.simulation.account import Account
from orchestrator.simulation.cursor import Cursor
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.follow import to_the_end
from orchestrator.simulation.history import Market
from orchestrator.simulation.position import Cycle, Position, several
from traders.contract.decision import Action, Decision
from traders.contract.history import Survey
from traders.contract.verdict import ExecutionPlan

#: A decision whose price lies further than this outside the candles around it is of another market.
_SAME_PRICE = 0.003


@dataclass(frozen=True)
class Label:
    """What followed a decision. `cycle` None: `why` says why nothing was followed. `complete`: it ended by itself."""

    decision_id: str
    symbol: str
    policy: str
    model: str | None
    prompt_version: str | None
    action: str
    outcome: str
    refused_by: tuple[str, ...]
    regime: str
    cycle: Cycle | None = None
    complete: bool = False
    why: str = ""

    @property
    def taken(self) -> bool:
        """Whether the guard let it through."""
        return self.outcome != "refused" and self.action == Action.ENTER.value

    @property
    def net(self) -> Decimal | None:
        """USDT after all costs."""
        return None if self.cycle is None else self.cycle.net


def follow(recording: Recording, markets: dict[str, Market], survey: Survey, model: FillModel) -> Label | None:
    """Label one recorded decision; None when it never came to a verdict."""
    proposal, verdict, context = recording.proposal, recording.verdict, recording.context
    if proposal is None or verdict is None or context is None:
        return None
    head = Label(
        decision_id=recording.decision_id,
        symbol=context.symbol,
        policy=recording.policy,
        model=proposal.model,
        prompt_version=proposal.prompt_version,
        action=proposal.decision.action.value,
        outcome=verdict.outcome,
        refused_by=tuple(finding.rule for finding in verdict.findings if finding.effect == "refuse"),
        regime=context.regime.value,
    )
    if proposal.decision.action is not Action.ENTER:
        return replace(head, why="it proposed no entry")
    permitted = (verdict.decision, verdict.plan)
    decision, plan = permitted if verdict.outcome != "refused" else _as_if(recording, head.refused_by)
    if decision is None or plan is None or recording.constraints is None or recording.quote is None:
        return replace(head, why="it cannot be sized, even without the rules that refused it")
    market = markets.get(context.symbol)
    if market is None:
        return replace(head, why="the folder has no candles of it")
    if several(plan):
        return replace(head, why="its legs are of several perpetuals; the simulator follows one price")
    path = Cursor(market, 0, 2**62)
    path.seek(recording.quote.taken_at)
    if path.over or path.opens - recording.quote.taken_at > 2 * path.interval:
        return replace(head, why="the candles do not reach that time")
    price, seen = Decimal(repr(path.bar[0])), _span(market, recording.quote.taken_at)
    if not seen[0] * (1 - _SAME_PRICE) <= float(plan.entry_price) <= seen[1] * (1 + _SAME_PRICE):
        between = f"between {seen[0]:g} and {seen[1]:g}"
        return replace(head, why=f"the candles are {between} then, the decision saw {plan.entry_price}: another market")
    account = Account(Decimal(0), Decimal(1))
    shifted = _at_price(plan, price)
    opened = Position.open(account, model, decision, shifted, context, recording.constraints, price, path.opens)
    if opened is None:
        return replace(head, why="the price had left the limit of a leg")
    path.previous = path.bar[0]
    ended, complete = to_the_end(survey, context.symbol, path, opened)
    return replace(head, cycle=opened.cycle(ended), complete=complete)


def _span(market: Market, at: int) -> tuple[float, float]:
    """Lowest and highest price of the bar that holds a time and of its neighbours."""
    bars = market.bars[market.path]
    near = slice(max(0, bars.closed_by(at) - 1), bars.closed_by(at) + 2)
    return float(bars.low[near].min()), float(bars.high[near].max())


def _as_if(recording: Recording, refused_by: tuple[str, ...]) -> tuple[Decision | None, ExecutionPlan | None]:
    """The decision as the other rules would have permitted it."""
    proposal, context, quote = recording.proposal, recording.context, recording.quote
    switches, constraints = recording.switches, recording.constraints
    if proposal is None or context is None or quote is None or switches is None or constraints is None:
        return None, None
    silent = tuple(rule for rule in RULES if rule.code.value not in refused_by)
    verdict = review(proposal.decision, context, quote, switches, constraints, rules=silent)
    return verdict.decision, verdict.plan


def _at_price(plan: ExecutionPlan, price: Decimal) -> ExecutionPlan:
    """The plan with its limits moved along to the price of the candles: quote and candle may differ by a little."""
    shift = price / plan.entry_price
    legs = tuple(leg.model_copy(update={"limit_price": leg.limit_price * shift}) for leg in plan.legs)
    return plan.model_copy(update={"legs": legs})


def document(labels: Iterable[Label], model: FillModel) -> dict[str, Any]:
    """JSON: a row each, and what refusals cost (positive) or saved (negative) by rule, regime, model and prompt."""
    rows = list(labels)
    followed = [label for label in rows if label.cycle is not None]
    refused = [label for label in followed if not label.taken]
    taken = [label for label in followed if label.taken]
    return {
        "schema": "volgamma.replay_outcome/1",
        "checked": len(rows),
        "taken": _sum(taken),
        "refused": _sum(refused),
        "refused_by_rule": _groups((rule, label) for label in refused for rule in label.refused_by),
        "by_regime": _groups((label.regime, label) for label in followed),
        "by_policy": _groups((label.model or label.policy, label) for label in followed),
        "by_prompt": _groups((label.prompt_version or "-", label) for label in followed),
        "decisions": [_row(label) for label in rows],
        "fill_model": {"taker": float(model.taker), "spread": float(model.spread), "depth_usdt": str(model.depth_usdt)},
    }


def _groups(pairs: Iterable[tuple[str, Label]]) -> dict[str, Any]:
    found: dict[str, list[Label]] = defaultdict(list)
    for name, label in pairs:
        found[name].append(label)
    return {name: _sum(labels) for name, labels in sorted(found.items())}


def _sum(labels: list[Label]) -> dict[str, Any]:
    nets = [label.net for label in labels if label.net is not None]
    return {
        "entries": len(nets),
        "net": _money(sum(nets, Decimal(0))),
        "winners": sum(net > 0 for net in nets),
    }


def _row(label: Label) -> dict[str, Any]:
    cycle = label.cycle
    return {
        "decision_id": label.decision_id,
        "symbol": label.symbol,
        "policy": label.policy,
        "model": label.model,
        "action": label.action,
        "outcome": label.outcome,
        "refused_by": list(label.refused_by),
        "regime": label.regime,
        "taken": label.taken,
        "net": None if cycle is None else _money(cycle.net),
        "gross": None if cycle is None else _money(cycle.gross),
        "ended_by": None if cycle is None else cycle.reason,
        "hours": None if cycle is None else round((cycle.closed_at - cycle.opened_at) / 3_600_000, 2),
        "complete": label.complete,
        "why": label.why or None,
    }


def _money(value: Decimal) -> str:
    return format(value.quantize(Decimal("1e-8")), "f")
