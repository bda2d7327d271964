"""Closing positions that are not ours, where the user asked for that. Ours beside them keep what they have."""

from collections.abc import Mapping
from decimal import Decimal

from orchestrator.clock import Clock
from orchestrator.execution.close_pair import carry_to
from orchestrator.execution.goal import SIDES, Goal
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.execution.report import nothing_sent
from orchestrator.execution.result import ExecutionResult
from orchestrator.execution.session import Session
from orchestrator.execution.store import ExecutionStore
from orchestrator.execution.venue import Venue, VenueError
from traders.contract.decision import Side


async def close_foreign(
    symbol: str,
    kept: Mapping[Side, Decimal],
    venue: Venue,
    store: ExecutionStore,
    clock: Clock,
    limits: ExecutionLimits,
) -> ExecutionResult:
    """Close what is held on a symbol beyond `kept` (base units a side). Statuses as `close_pair`.

    The work is a goal like any other: an interruption leaves it to recovery.
    """
    name = f"foreign:{symbol}"
    session = Session(venue, store, clock, limits, decision_id=name, pair_id=name, symbol=symbol)
    try:
        await session.start()
        contract = (await venue.leg_quote(symbol)).contract
    except VenueError as error:
        return nothing_sent(f"the venue could not be read, nothing was closed: {error}")
    goal = Goal(
        goal="close",
        pair_id=name,
        decision_id=name,
        symbol=symbol,
        targets={side: kept.get(side, Decimal(0)) for side in SIDES},
        reason="foreign_position",
        sides=tuple(side for side in SIDES if side in kept) or SIDES,
    )
    return await carry_to(session, goal, contract)
