"""What a piece of work is trying to reach, stored before its first order is.

A goal is an intent of kind ``goal`` that is never sent anywhere. As long as it is unresolved it counts among the
unresolved intents (so new risk is blocked), and after a crash `recover` reads from it what the work was about: to open
a pair (then it ends equal and protected, or flat), to bring legs down to given quantities, or to move the bracket.
"""

from typing import Literal

from orchestrator.execution.client_id import client_order_id
from orchestrator.execution.store import ExecutionStore, StoredIntent
from traders.contract.base import Frozen, Money
from traders.contract.decision import Side
from traders.contract.portfolio import OpenPair
from traders.contract.verdict import Bracket, ExecutionPlan

GOAL = "goal"
SIDES: tuple[Side, Side] = ("long", "short")


class Goal(Frozen):
    """`targets`: quantity a side is to have in the end (base units). `plan`: what an opening was permitted to do.

    `sides`: the legs it is made of; a directional position has one, and is whole with it.
    """

    goal: Literal["open", "close", "bracket"]
    pair_id: str
    decision_id: str
    symbol: str
    targets: dict[Side, Money]
    bracket: Bracket | None = None
    plan: ExecutionPlan | None = None
    reason: str = ""
    sides: tuple[Side, ...] = SIDES


class AlreadyStarted(Exception):
    """A decision is carried out once; its goal is in the store already."""


def declare(store: ExecutionStore, goal: Goal, at: int) -> str:
    """Store a goal; the id to resolve it by. Raises AlreadyStarted when an opening was declared before."""
    leg_id = f"goal-{goal.goal}"
    attempt = next_attempt(store, goal.decision_id, leg_id)
    if goal.goal == "open" and attempt > 1:
        raise AlreadyStarted(goal.decision_id)
    name = client_order_id(goal.decision_id, leg_id, attempt)
    store.orders.intend(name, goal.decision_id, leg_id, attempt, GOAL, goal, at)
    return name


def sides_of(pair: OpenPair) -> tuple[Side, ...]:
    """The sides a pair stands on: both, or the one of a directional position."""
    return tuple(side for side in SIDES if any(leg.side == side for leg in pair.legs))


def next_attempt(store: ExecutionStore, decision_id: str, leg_id: str) -> int:
    """One more than the highest attempt stored for a leg."""
    return 1 + max((i.attempt for i in store.orders.of_decision(decision_id) if i.leg_id == leg_id), default=0)


def read_goal(intent: StoredIntent) -> Goal:
    """The goal in an intent of kind `goal`."""
    return Goal.model_validate(intent.request)


def latest_bracket(store: ExecutionStore, decision_id: str) -> Bracket | None:
    """The bracket a pair is meant to have: the last one asked for, else that of the plan it was opened under."""
    opened: Bracket | None = None
    moved: tuple[int, Bracket] | None = None
    for intent in store.orders.of_decision(decision_id):
        if intent.kind != GOAL:
            continue
        goal = read_goal(intent)
        if goal.goal == "open":
            opened = goal.bracket
        elif goal.bracket is not None and (moved is None or intent.attempt > moved[0]):
            moved = (intent.attempt, goal.bracket)
    return opened if moved is None else moved[1]
