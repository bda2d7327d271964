"""An open pair along its market: one bar, one hour, or to its end."""

from decimal import Decimal

from orchestrator.simulation.cursor import Cursor
from orchestrator.simulation.history import HOUR_MS
from orchestrator.simulation.position import Position
from traders.contract.history import Survey


def move(path: Cursor, position: Position) -> None:
    """Funding, time, liquidation and prices of the bar at the cursor; the cursor stays."""
    at, (open_, high, low, close), before = path.opens, path.bar, path.previous
    rate = path.funding_at(at)
    path.previous = close
    late = at >= position.ride.state.rules.deadline
    if rate is None and not late and position.quiet(min(low, before), max(high, before)):
        return
    first, highest, lowest, last = (Decimal(repr(price)) for price in (open_, high, low, close))
    if rate is not None:
        position.funding(Decimal(repr(rate)), first, at)
    position.begin_bar(first, at)
    position.bar(Decimal(repr(before)), (first, highest, lowest, last), at)


def tell_hour(survey: Survey, symbol: str, path: Cursor, position: Position, at: int) -> None:
    """What the hour that has just closed says; funding that settles now is paid before anybody can act on its rate."""
    price, due = Decimal(repr(path.previous)), path.funding_at(at)
    if due is not None:
        position.funding(Decimal(repr(due)), price, at)
    settled = path.settled(at)
    rate_8h = None if settled is None else Decimal(repr(settled)) * 8 / Decimal(repr(path.funding_hours))
    position.closed_bar(survey.bar(symbol, at), rate_8h, price, at)


def to_the_end(survey: Survey, symbol: str, path: Cursor, position: Position) -> tuple[int, bool]:
    """Until the pair is flat, or the history ends and the rest is closed at its last price: (when, whether flat)."""
    at = path.opens
    while not position.flat and not path.over:
        at = path.closes
        move(path, position)
        path.advance()
        if at % HOUR_MS == 0:
            tell_hour(survey, symbol, path, position, at)
    if position.flat:
        return at, True
    position.exit_wanted = "end_of_data"
    position.begin_bar(Decimal(repr(path.previous)), at)
    return at, False
