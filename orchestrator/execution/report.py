"""Results from what the venue says at the end of a piece of work."""

from collections.abc import Mapping
from decimal import Decimal

from orchestrator.execution.result import ExecutionResult, LegHeld, OrderLine, Status
from orchestrator.execution.session import Session
from orchestrator.execution.venue import Position, VenueError
from traders.contract.decision import Side

ZERO = Decimal(0)


def nothing_sent(reason: str) -> ExecutionResult:
    """No order left this machine."""
    return ExecutionResult(status="none", reason=reason)


async def held_result(
    session: Session, held: Mapping[Side, Position], *, protected: bool, reason: str | None = None
) -> ExecutionResult:
    """Legs are held."""
    legs = tuple(
        LegHeld(
            side=side,
            quantity=position.quantity,
            entry_price=position.entry_price,
            liquidation_price=position.liquidation_price,
        )
        for side, position in sorted(held.items())
    )
    return ExecutionResult(
        status="open",
        pair_id=session.pair_id,
        orders=await _orders(session),
        net_delta=net_delta(held),
        protected=protected,
        reason=reason,
        entry_price=sum((leg.entry_price for leg in legs), ZERO) / len(legs) if legs else None,
        legs=legs,
    )


async def flat_result(session: Session, status: Status, reason: str | None) -> ExecutionResult:
    """Nothing is held; `protected` says nothing about nothing."""
    return ExecutionResult(
        status=status,
        pair_id=session.pair_id,
        orders=await _orders(session),
        net_delta=ZERO,
        protected=None,
        reason=reason,
    )


async def unknown_result(session: Session, reason: str) -> ExecutionResult:
    """Not settled in time."""
    return ExecutionResult(
        status="unknown",
        pair_id=session.pair_id,
        orders=await _orders(session),
        net_delta=None,
        protected=False,
        reason=reason,
    )


def net_delta(held: Mapping[Side, Position]) -> Decimal:
    """(long - short)/(long + short) in quantity; 0 when flat."""
    long, short = (held[side].quantity if side in held else ZERO for side in ("long", "short"))
    return (long - short) / (long + short) if long + short else ZERO


async def _orders(session: Session) -> tuple[OrderLine, ...]:
    """The orders sent, with the fees of their fills; a fee that cannot be read now is None."""
    lines = tuple(session.lines.values())
    if not any(line.filled for line in lines):
        return lines
    try:
        fills = await session.venue.fills(session.symbol, session.started_at)
    except VenueError:
        return lines
    fees: dict[str, Decimal] = {}
    for fill in fills:
        fees[fill.exchange_order_id] = fees.get(fill.exchange_order_id, ZERO) + fill.fee
    return tuple(
        line.model_copy(update={"fee": fees.get(line.exchange_order_id or "")}) if line.filled else line
        for line in lines
    )
