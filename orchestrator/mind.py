"""How the host lets a trader think: the model within its budget and behind its breaker, the rules on request.

The day's budget is checked before a question by what it may cost at most, and afterwards by what it did cost.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal

from orchestrator.account import budgets_left, month_cost
from orchestrator.breaker import Breaker
from orchestrator.desk import Desk
from orchestrator.stopped_model import StoppedModel
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import AbstainReason
from traders.contract.model import Model
from traders.contract.proposal import Proposal
from traders.contract.trader import Tools

ModelSource = Callable[[], AbstractAsyncContextManager[Model]]
#: Prompt and reply of one question at most, tokens: prompts are held below 1,500 and 3,500.
LARGEST = {"compact": 2_000, "full": 5_500}
_BREAKER = "llm_breaker"


async def think(
    desk: Desk,
    policy: Literal["llm", "rules"],
    open_model: ModelSource,
    context: Context,
    constraints: ConstraintSet,
    tools: Tools | None = None,
) -> tuple[Proposal, Proposal | None]:
    """(what counts, what the model said instead of it). The second is there only when the rules stood in for it."""
    if policy == "rules":
        return await desk.trader.propose(context, None, None, "rules"), None
    proposal = await _asked(desk, open_model, context, constraints, tools)
    if proposal.decision.abstained is None or desk.settings.on_llm_failure != "rules":
        return proposal, None
    instead = await desk.trader.propose(context, None, None, "rules")
    why = f"the model gave no usable answer ({proposal.decision.abstained}), the rules decided"
    return instead.model_copy(update={"error": why, "usage": proposal.usage}), proposal


async def _asked(
    desk: Desk, open_model: ModelSource, context: Context, constraints: ConstraintSet, tools: Tools | None
) -> Proposal:
    now, pause = desk.clock.now_ms(), int(desk.settings.llm_breaker_pause_s * 1000)
    breaker = read_breaker(desk)
    if not breaker.lets_through(now, pause):
        left = (pause - (now - (breaker.opened_at or now))) // 1000
        message = f"{breaker.failures} answers in a row failed; the model is asked again in {left} s"
        return await _stopped(desk, context, AbstainReason.BREAKER_OPEN, message)
    async with open_model() as model:
        spent = _spent(desk, constraints, context, model)
        if spent is not None:
            return await _stopped(desk, context, AbstainReason.BUDGET, spent)
        proposal = await desk.trader.propose(context, model, tools, "llm")
    after = breaker.after(proposal.decision.abstained, desk.clock.now_ms(), desk.settings.llm_breaker_failures)
    if after != breaker:
        document = {"failures": after.failures, "opened_at": after.opened_at}
        why = proposal.error or "answered"
        desk.store.state.set(_BREAKER, document, "host", why[:200], context.as_of)
    return proposal


def read_breaker(desk: Desk) -> Breaker:
    """The stored state; closed when none is stored."""
    stored = desk.store.state.get(_BREAKER)
    return Breaker() if stored is None else Breaker(stored.value["failures"], stored.value["opened_at"])


def _spent(desk: Desk, constraints: ConstraintSet, context: Context, model: Model) -> str | None:
    """Why the model may not be asked now, or None."""
    tokens, cost = budgets_left(desk, constraints, context.as_of)
    largest = LARGEST[model.template]
    if tokens < largest:
        return f"{max(0, tokens)} model tokens are left of this UTC day, a question may take {largest}"
    price = getattr(model, "cost_usd", None)
    dearest = price(largest, 0) if callable(price) else None
    if cost <= 0 or (dearest is not None and dearest > cost):
        return f"{max(cost, type(cost)(0)):.4f} USD are left of this UTC day's model budget"
    most = desk.settings.llm_cost_month
    if most is not None and month_cost(desk, constraints, context.as_of) + (dearest or 0.0) > most:
        return f"the model budget of this month, {most:g} USD, is used up"
    return None


async def _stopped(desk: Desk, context: Context, reason: AbstainReason, message: str) -> Proposal:
    return await desk.trader.propose(context, StoppedModel(reason, message), None, "llm")
