"""Which guard rules a history can answer. What it cannot is said, and waived only on request."""

from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Rule
from orchestrator.risk_guard.rulebook import RULES

#: Rules whose input a candle and funding history does not hold, and what is missing.
NOT_EVALUABLE: dict[RuleCode, str] = {
    RuleCode.POSITIONING_STALE: "open interest",
    RuleCode.BASIS: "the index price",
}
#: Rules that see the fill model instead of a recorded book or price: they fire, but on an assumption.
MODELLED: dict[RuleCode, str] = {
    RuleCode.DEPTH: "the modelled book",
    RuleCode.SLIPPAGE: "the modelled book",
    RuleCode.BOOK_STALE: "the modelled book",
    RuleCode.MARK_LAST_DIVERGENCE: "the last price standing for the mark",
    RuleCode.TRIGGER_PROTECT: "the last price standing for the mark",
    RuleCode.PRICE_MOVED: "a policy that takes no time",
    RuleCode.CLOCK_DRIFT: "exchange time itself",
}


def rules_for(missing: str) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """The rules asked, and a line for each that a history cannot answer.

    `strict` keeps them all: they refuse what they cannot judge. `waive` leaves out those of NOT_EVALUABLE.
    """
    if missing == "strict":
        return RULES, tuple(f"{code.value}: needs {what}; refuses (strict)" for code, what in NOT_EVALUABLE.items())
    asked = tuple(rule for rule in RULES if rule.code not in NOT_EVALUABLE)
    return asked, (
        *(f"{code.value}: waived, the history lacks {what}" for code, what in NOT_EVALUABLE.items()),
        *(f"{code.value}: judged on {what}" for code, what in MODELLED.items()),
    )
