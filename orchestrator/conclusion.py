"""The end of a decision: what was permitted is carried out, whole, and the journal is told how it went."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from pydantic import JsonValue

from orchestrator.claims import Order
from orchestrator.decide_report import NO_EXECUTION, Candidate
from orchestrator.desk import Desk
from orchestrator.execution.venue import VenueError
from orchestrator.going_on import done_before
from orchestrator.hands import acting, carry_out_verdict, taken
from orchestrator.version import code_version
from orchestrator.would_be import not_sent
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Action


def acts(candidate: Candidate) -> bool:
    """Whether a candidate is permitted and changes anything."""
    quiet = (Action.HOLD, Action.STAND_ASIDE)
    return candidate.verdict.outcome != "refused" and candidate.proposal.decision.action not in quiet


async def execute(
    desk: Desk, order: Order, context: Context, constraints: ConstraintSet, chosen: Candidate
) -> dict[str, JsonValue]:
    """Do what was permitted, or say why it is not done. The pinned `execution` document; raises nothing of a venue."""
    if not acts(chosen):
        return dict(NO_EXECUTION)
    if order.dry_run:
        return not_sent(chosen, "dry_run")
    if desk.shadow:
        return not_sent(chosen, "shadow", "a shadow run: the decision is judged and recorded, no order is sent")
    if desk.reads_only:
        reason = f"{desk.exchange_name} is read without keys: the decision is judged and recorded, no order is sent"
        return not_sent(chosen, "reads_only", reason)
    entering = desk.shared and chosen.verdict.decision is not None and chosen.verdict.decision.action is Action.ENTER
    if entering and done_before(desk, chosen) is None and (why := taken(desk, context.symbol)) is not None:
        return {**NO_EXECUTION, "reason": why}  # known before anybody is asked to let go of the symbol
    async with acting(desk, context.symbol):
        if order.adopt and (done := done_before(desk, chosen)) is not None:
            return done
        try:
            done = await _to_its_end(carry_out_verdict(desk, context, constraints, chosen))
            return {**done, "paper_fills": True} if desk.paper_fills else done
        except VenueError as error:
            # orders may have left: the next decision's recovery finds out, and until then no new risk is taken
            return {**NO_EXECUTION, "status": "unknown", "reason": f"{desk.exchange_name} does not answer: {error}"}


async def _to_its_end(work: Coroutine[Any, Any, dict[str, JsonValue]]) -> dict[str, JsonValue]:
    """Orders are carried out whole: an interruption in between would leave one leg alone, so it waits, and is spent."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if task.cancelled() or me is None:
                raise
            me.uncancel()
        except VenueError:
            break
    return task.result()


def finish(desk: Desk, item: Candidate, context: Context, constraints: ConstraintSet) -> None:
    """The last entries of a decision in the journal."""
    journal, proposal, verdict = desk.store.journal, item.proposal, item.verdict
    journal.record(item.decision_id, "execution", item.execution)
    journal.record(item.decision_id, "timings", item.timings_ms)
    versions: Mapping[str, Any] = {
        "code": code_version(),
        "guard": verdict.guard_version,
        "constraints": constraints.version,
        "constraints_hash": constraints.hash,
        "prompt": proposal.prompt_version,
    }
    journal.record(item.decision_id, "versions", versions)
    pair_id = item.execution.get("pair_id")
    journal.finish(
        item.decision_id,
        "finished",
        {
            "finished_at": context.as_of + item.timings_ms.get("total", 0),
            "model": proposal.model,
            "action": proposal.decision.action.value,
            "outcome": verdict.outcome,
            "refused_rules": tuple(finding.rule for finding in verdict.findings if finding.effect == "refuse"),
            "execution_status": str(item.execution["status"]),
            "pair_id": None if pair_id is None else str(pair_id),
            "context_hash": context.context_hash,
            "constraints_version": constraints.version,
            "guard_version": verdict.guard_version,
            "code_version": code_version(),
            "prompt_tokens": proposal.usage.prompt_tokens,
            "completion_tokens": proposal.usage.completion_tokens,
            "cost_usd": proposal.usage.cost_usd,
            "error": proposal.error,
        },
    )
