"""What only a venue's own dialect can find in the way of a plan: permissions, kind of account, limits of its stops."""

from dataclasses import dataclass

from orchestrator.execution.codes import PreflightCode


@dataclass(frozen=True)
class Problem:
    """One obstacle: a stable code, what is wrong, and exactly what to do."""

    code: PreflightCode
    message: str
    remedy: str


@dataclass(frozen=True)
class Traits:
    """How a venue differs where execution must know it."""

    #: One resting order a leg that holds stop and take-profit together: the venue takes no second close-all order.
    paired_bracket: bool = False
    #: The venue may still carry out a request this long after it was signed, s: only then is "does not exist" final.
    #: 0: less than `ExecutionLimits.absent_after_s` in any case.
    absent_after_s: float = 0
    #: An answer to an order says that it was received and nothing else: what became of it is looked up.
    only_receives: bool = False


def key_problems(*, may_trade: bool, may_withdraw: bool, venue: str) -> tuple[Problem, ...]:
    """What is wrong with an API key: it must trade, and must not be able to take the money away."""
    found: list[Problem] = []
    if not may_trade:
        found.append(
            Problem(
                PreflightCode.PERMISSION,
                f"the {venue} key may not trade perpetuals",
                "make a key with permission to trade contracts and to hold positions, without withdrawals",
            )
        )
    if may_withdraw:
        found.append(
            Problem(
                PreflightCode.WITHDRAWAL,
                f"the {venue} key may withdraw; a key that leaks would empty the account",
                "make a key without permission to withdraw",
            )
        )
    return tuple(found)
