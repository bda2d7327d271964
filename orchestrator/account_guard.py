"""Limits of the account, over all its traders: each trader's own limits see only its own positions.

Sums count every open position of the account and every opening that is under way, this one included. An opening is
stored before its first order leaves and the sums are read after that, so that two processes that open at once see each
other: then one or both stay out, and never both go in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.desk import Desk
from orchestrator.execution.goal import GOAL, Goal, read_goal
from orchestrator.settings import Settings
from traders.contract.arithmetic import in_one_arithmetic
from traders.contract.portfolio import OpenPair

ZERO = Decimal(0)


@dataclass(frozen=True)
class AccountLimits:
    """Multiples of the account's equity: margin of all positions, gross notional of all, and of one symbol."""

    margin_max: Decimal
    gross_max: Decimal
    symbol_max: Decimal

    @classmethod
    def of(cls, settings: Settings) -> "AccountLimits":
        """As set."""
        given = (settings.account_margin_max, settings.account_gross_max, settings.account_symbol_max)
        return cls(*(Decimal(repr(value)) for value in given))


@dataclass(frozen=True)
class Exposure:
    """Of an account, USDT at entry prices."""

    margin: Decimal
    gross: Decimal
    by_symbol: dict[str, Decimal]


@in_one_arithmetic
def exposure(pairs: Iterable[OpenPair], openings: Iterable[Goal]) -> Exposure:
    """What stands and what is being opened. An opening whose pair stands already counts once."""
    margin, by_symbol = ZERO, dict[str, Decimal]()
    standing = set()
    for pair in pairs:
        standing.add(pair.pair_id)
        margin += pair.pair_margin
        for leg in pair.legs:
            by_symbol[leg.symbol] = by_symbol.get(leg.symbol, ZERO) + leg.quantity * leg.entry_price
    for goal in openings:
        if goal.plan is None or goal.pair_id in standing:
            continue
        margin += goal.plan.pair_margin
        for planned in goal.plan.legs:
            by_symbol[planned.symbol] = by_symbol.get(planned.symbol, ZERO) + planned.quantity * planned.limit_price
    return Exposure(margin, sum(by_symbol.values(), ZERO), by_symbol)


def beyond(limits: AccountLimits, held: Exposure, equity: Decimal) -> str | None:
    """Which limit of the account the sums break, or None. Without equity nothing is allowed."""
    if equity <= 0:
        return f"the account's equity is {equity}: nothing can be opened on it"
    checks = [
        ("margin", held.margin, limits.margin_max, "account_margin_max"),
        ("gross notional", held.gross, limits.gross_max, "account_gross_max"),
        *(
            (f"gross notional of {symbol}", amount, limits.symbol_max, "account_symbol_max")
            for symbol, amount in sorted(held.by_symbol.items())
        ),
    ]
    for name, amount, most, key in checks:
        if amount > most * equity:
            return (
                f"{name} of all traders in this account would be {amount:.2f} USDT, "
                f"{key} allows {most * equity:.2f} ({most} x equity)"
            )
    return None


def no_room(desk: Desk, equity: Decimal) -> str | None:
    """Why the opening that was just stored must not go on, or None. Errors of the store propagate: it does not then."""
    rows = desk.store.orders.everyones_unresolved()
    openings = [goal for row in rows if row.kind == GOAL and (goal := read_goal(row)).goal == "open"]
    held = exposure(desk.store.pairs.everyones(desk.exchange_name), openings)
    return beyond(AccountLimits.of(desk.settings), held, equity)
