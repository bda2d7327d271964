"""Orders that were permitted and not sent: what a dry run, a shadow run and a market that is only read record."""

from typing import Literal

from pydantic import JsonValue

from orchestrator.decide_report import NO_EXECUTION, Candidate
from traders.contract.verdict import ExecutionPlan

Mode = Literal["dry_run", "reads_only", "shadow"]


def not_sent(chosen: Candidate, mode: Mode, reason: str | None = None) -> dict[str, JsonValue]:
    """The pinned `execution` document with `mode`, and the orders as they would have left (`status` not_sent)."""
    found: dict[str, JsonValue] = {**NO_EXECUTION, "status": "dry_run", "mode": mode}
    if reason is not None:
        found["reason"] = reason
    if chosen.verdict.plan is not None:
        found["orders"] = [*_entries(chosen.verdict.plan), *_brackets(chosen.verdict.plan)]
    return found


def _entries(plan: ExecutionPlan) -> list[JsonValue]:
    return [
        _order(leg.leg_id, "entry", "buy" if leg.side == "long" else "sell", leg.side, str(leg.quantity))
        | {"limit_price": str(leg.limit_price)}
        for leg in plan.legs
    ]


def _brackets(plan: ExecutionPlan) -> list[JsonValue]:
    """Both edges of both legs: each closes its whole leg."""
    edges = {"upper": str(plan.bracket.upper), "lower": str(plan.bracket.lower)}
    return [
        _order(leg.leg_id, "bracket", "sell" if leg.side == "long" else "buy", leg.side, str(leg.quantity))
        | {"edge": edge, "trigger_price": price}
        for leg in plan.legs
        for edge, price in edges.items()
    ]


def _order(leg_id: str, kind: str, side: str, position_side: str, quantity: str) -> dict[str, JsonValue]:
    return {
        "leg_id": leg_id,
        "kind": kind,
        "client_order_id": None,
        "exchange_order_id": None,
        "side": side,
        "position_side": position_side,
        "quantity": quantity,
        "filled": "0",
        "average": None,
        "fee": None,
        "status": "not_sent",
    }
