"""Which guard rules a history can answer. What it cannot is said, and waived only on request."""

from collections.abc import Mapping
from datetime import UTC, datetime

from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Rule
from orchestrator.risk_guard.rulebook import RULES
from orchestrator.simulation.history import Market

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


#: With candles of the mark price these are judged on what they ask for.
_ON_MARK = (RuleCode.MARK_LAST_DIVERGENCE, RuleCode.TRIGGER_PROTECT)


def rules_for(missing: str, markets: Mapping[str, Market] | None = None) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """The rules asked, and a line for each that a history cannot answer.

    `strict` keeps them all: they refuse what they cannot judge. `waive` leaves out those of NOT_EVALUABLE, for as long
    as the history lacks what they need. `markets` None: a history of candles and funding alone.
    """
    histories = list((markets or {}).values())
    marked = bool(histories) and all(market.mark is not None for market in histories)
    if missing == "strict":
        return RULES, tuple(f"{code.value}: needs {what}; refuses (strict)" for code, what in NOT_EVALUABLE.items())
    asked = tuple(rule for rule in RULES if rule.code not in NOT_EVALUABLE)
    return asked, (
        *(
            f"{code.value}: waived, the history lacks {what}{_except(code, histories)}"
            for code, what in NOT_EVALUABLE.items()
        ),
        *(f"{code.value}: judged on {what}" for code, what in MODELLED.items() if not (marked and code in _ON_MARK)),
    )


def with_interest(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The same rules, in their order, and the one on the age of open interest."""
    asked = {rule.code for rule in rules} | {RuleCode.POSITIONING_STALE}
    return tuple(rule for rule in RULES if rule.code in asked)


def _except(code: RuleCode, histories: list[Market]) -> str:
    spans = [market.crowd.interest_span for market in histories if market.crowd is not None]
    known = [span for span in spans if span is not None]
    if code is not RuleCode.POSITIONING_STALE or not known:
        return ""
    first, last = (
        datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")
        for at in (min(span[0] for span in known), max(span[1] for span in known))
    )
    return f" but from {first} to {last}"
