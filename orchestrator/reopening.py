"""Opening the next ladder of a cycle: a decision of its own, journalled, judged by the guard, and carried out."""

from contextlib import AbstractAsyncContextManager
from decimal import Decimal

from pydantic import JsonValue

from orchestrator.claims import Order
from orchestrator.decision_id import decision_id
from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.journey import decide
from orchestrator.next_ladder import EndedLadder, next_ladder
from orchestrator.pair_book import load_state, remember_cycle
from traders.contract.decision import Decision
from traders.contract.model import Model
from traders.contract.verdict import Verdict


async def reopen(desk: Desk, pair_id: str) -> str:
    """Try to follow a closed ladder by another; one line on what became of it. Raises HostError as `decide` does."""
    ended = _ended(desk, pair_id)
    symbol, number = ended.pair.symbol, ended.state.ladder + 1
    now, suffix = await desk.venue.server_time(), f"ladder{number}"
    name = decision_id(desk.trader.descriptor.trader_id, symbol, now, suffix)
    # before any order: whoever brings an interrupted opening to its end has to know what it goes on from
    remember_cycle(desk, name, ended.carried, number, now)
    trigger: dict[str, JsonValue] = {"reopens": pair_id, "carried": str(ended.carried), "ladder": number}
    order = Order(
        symbol=symbol,
        policy="rules",
        due=now,
        suffix=suffix,
        trigger=trigger,
        propose=lambda context: next_ladder(ended, context),
    )
    report = await decide(desk, order, _nobody)
    status = str(report.chosen.execution["status"])
    if status == "open":
        text = f"ladder {number} of the cycle, {ended.carried:.2f} USDT so far: {report.chosen.decision_id}"
        desk.store.pairs.event(pair_id, report.chosen.decision_id, "reopened", {"text": text}, now, trades=0)
        return f"{symbol}: reopened: {text}"
    refused = [finding.rule for finding in report.chosen.verdict.findings if finding.effect == "refuse"]
    why = ", ".join(refused) or str(report.chosen.execution.get("reason") or report.decision.rationale)
    desk.store.pairs.event(pair_id, report.chosen.decision_id, "not_reopened", {"text": why}, now, trades=0)
    return f"{symbol}: not_reopened: {why}"


def _ended(desk: Desk, pair_id: str) -> EndedLadder:
    stored, state = desk.store.pairs.get(pair_id), load_state(desk, pair_id)
    verdict = Verdict.model_validate(desk.store.journal.load(stored.pair.decision_id).document("verdict"))
    decision: Decision | None = verdict.decision
    if state is None or decision is None or stored.closed_at is None:
        raise HostError("not_ended", f"pair {pair_id} has no ladder that ended", "nothing to do: the cycle ends here")
    return EndedLadder(stored.pair, decision, state, Decimal(str(stored.result["net"])))


def _nobody() -> AbstractAsyncContextManager[Model]:
    raise HostError("no_model", "the next ladder of a cycle asks no model", "report this as a defect")
