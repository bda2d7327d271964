"""What became of a trader's last decisions on a symbol: facts of journal and ledger, never a model's words."""

from decimal import Decimal
from typing import Any

from orchestrator.desk import Desk
from traders.contract.portfolio import PastDecision

MOST = 4
#: How far back decisions are looked through for runs of the same.
_ENTRIES = 60


def recall(desk: Desk, symbol: str, before: int) -> tuple[PastDecision, ...]:
    """The last decisions, newest first; a run of the same is one, with how often it came. Times UTC ms."""
    trader_id = desk.trader.descriptor.trader_id
    entries = desk.store.journal.entries(limit=_ENTRIES, symbol=symbol, trader_id=trader_id, status="finished")
    found: list[PastDecision] = []
    for entry in entries:
        if entry.started_at >= before or entry.action is None or entry.exchange != desk.exchange_name:
            continue
        net, ended_by = _earned(desk, entry.pair_id) if entry.action == "enter" else (None, None)
        one = PastDecision(
            at=entry.started_at,
            action=entry.action,
            outcome=entry.outcome or "refused",
            refused_by=entry.refused_rules[:4],
            executed=entry.execution_status or "none",
            net=net,
            ended_by=ended_by,
        )
        if found and _same(found[-1], one):
            found[-1] = found[-1].model_copy(update={"times": found[-1].times + 1})
        elif len(found) == MOST:
            break
        else:
            found.append(one)
    return tuple(found)


def _same(a: PastDecision, b: PastDecision) -> bool:
    """Whether two decisions in a row say the same and did nothing."""
    keys = ("action", "outcome", "refused_by", "executed")
    return a.executed == "none" and all(getattr(a, key) == getattr(b, key) for key in keys)


def _earned(desk: Desk, pair_id: str | None) -> tuple[Decimal | None, str | None]:
    """Net of the pair that a decision opened, once it is flat, and what ended it."""
    if pair_id is None:
        return None, None
    closed = {pair.pair.pair_id: pair for pair in desk.store.pairs.closed_pairs(desk.exchange_name)}.get(pair_id)
    if closed is None:
        return None, None
    result: Any = closed.result
    net = result.get("net") if isinstance(result, dict) else None
    return None if net is None else Decimal(str(net)), closed.reason
