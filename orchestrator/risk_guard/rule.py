"""What a rule is: a small pure function of a case that says nothing, or one remark.

A rule has one code and one usual effect. Its scope says which decisions it looks at: `entry` means an `enter`, or a
`rebalance` that loosens the standing plan; `any` means every decision. `kinds` narrows it to some kinds of pair. A
`volatility` rule binds every pair, and of the positions of one leg those of the volatility trader: another trader's
regime is its own affair.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import JsonValue

from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from traders.contract.decision import Decision
from traders.contract.verdict import Finding

Effect = Literal["refuse", "amend", "note"]
Scope = Literal["entry", "any"]


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says. `decision` replaces the decision judged from here on (effect `amend` only)."""

    effect: Effect
    message: str
    observed: JsonValue = None
    limit: JsonValue = None
    unit: str = ""
    decision: Decision | None = None

    def finding(self, code: RuleCode) -> Finding:
        """The remark under its rule's name."""
        return Finding(
            rule=code.value,
            effect=self.effect,
            observed=self.observed,
            limit=self.limit,
            unit=self.unit,
            message=self.message,
        )


Judge = Callable[[Case], Remark | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the list. `judge` may raise only for input that no arithmetic can digest; the engine then refuses."""

    code: RuleCode
    effect: Effect
    scope: Scope
    kinds: frozenset[str] | None
    judge: Judge
    volatility: bool

    def applies(self, entry_kind: str | None, *, volatile: bool = True) -> bool:
        """Whether this rule looks at a decision at all; the arguments are `Case.entry_kind` and `Case.volatile`."""
        if self.scope == "any":
            return True
        if self.volatility and not volatile:
            return False
        return entry_kind is not None and (self.kinds is None or entry_kind in self.kinds)


def rule(
    code: RuleCode,
    effect: Effect = "refuse",
    *,
    scope: Scope = "entry",
    kinds: tuple[str, ...] | None = None,
    volatility: bool = False,
) -> Callable[[Judge], Rule]:
    """Turn a function into a rule."""

    def made(judge: Judge) -> Rule:
        return Rule(code, effect, scope, None if kinds is None else frozenset(kinds), judge, volatility)

    return made


def refuse(message: str, observed: JsonValue = None, limit: JsonValue = None, unit: str = "") -> Remark:
    """A remark that stops the decision."""
    return Remark("refuse", message, observed, limit, unit)


def note(message: str, observed: JsonValue = None, limit: JsonValue = None, unit: str = "") -> Remark:
    """A remark that only informs."""
    return Remark("note", message, observed, limit, unit)


def amend(
    message: str,
    observed: JsonValue = None,
    limit: JsonValue = None,
    unit: str = "",
    *,
    decision: Decision | None = None,
) -> Remark:
    """A remark that tightens: the decision itself, or (without one) what follows from it."""
    return Remark("amend", message, observed, limit, unit, decision)


def unavailable(what: str, limit: JsonValue = None, unit: str = "") -> Remark:
    """The refusal of an entry whose input is not there."""
    return Remark("refuse", f"{what} is unavailable", None, limit, unit)


def num(value: Decimal | float) -> JsonValue:
    """A fraction, ratio or reading for a finding: a JSON number (text where no JSON number can carry it)."""
    number = float(value)
    return number if math.isfinite(number) else str(value)


def money(value: Decimal) -> str:
    """A price, quantity or amount for a finding: plain decimal text, as `traders.contract.base.Money` writes it."""
    text = format(value.normalize(), "f")
    return "0" if text == "-0" else text


def pct(value: Decimal | float) -> str:
    """A fraction for people: per cent, four significant digits."""
    return f"{float(value) * 100:.4g} %"
