"""What the guard says, and the plan that follows from it."""

from typing import Literal

from pydantic import Field, JsonValue

from traders.contract.base import Fraction, Frozen, Millis, Money
from traders.contract.decision import Band, Decision, Side


class Finding(Frozen):
    """One rule's remark. `refuse` stops the decision, `amend` tightened it, `note` informs."""

    rule: str
    effect: Literal["refuse", "amend", "note"]
    observed: JsonValue
    limit: JsonValue
    unit: str
    message: str


class Leg(Frozen):
    """One leg to open: base units on the venue's step; `limit_price` caps the slippage of an IOC order."""

    leg_id: str
    venue: str
    symbol: str
    side: Side
    quantity: Money
    limit_price: Money


class Bracket(Frozen):
    """The pair bracket: prices on mark at which both legs close (domain.md section 7)."""

    upper: Money
    lower: Money


class ExecutionPlan(Frozen):
    """A permitted entry, exact. Stop and target are fractions of pair margin."""

    decision_id: str
    symbol: str
    pair_margin: Money
    leverage: int
    entry_price: Money
    legs: tuple[Leg, ...]
    bands: tuple[Band, ...]
    bracket: Bracket
    stop: Fraction
    target: Fraction
    expires_at: Millis


class Verdict(Frozen):
    """Outcome, what was permitted, and every finding, with the versions that produced it."""

    schema_: Literal["volgamma.verdict/1"] = Field(default="volgamma.verdict/1", alias="schema")
    outcome: Literal["approved", "amended", "refused"]
    decision: Decision | None
    plan: ExecutionPlan | None
    findings: tuple[Finding, ...]
    constraints_version: int
    constraints_hash: str
    guard_version: str
