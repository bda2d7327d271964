"""Long options hedged with the perpetual: greeks of the book, the hedge, and what it is worth after a move.

Here gamma is real and paid for with theta (domain.md section 2, options): a step earns 0.5 Gamma dS^2 + Theta dt, above
0 only when the price moves by more than the implied volatility says. Values by Black-76, interest on the perpetual and
its funding left out; money in quote currency, quantities in coins, times in years, float64.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from indicators.errors import IndicatorError
from indicators.options import (
    DAYS_A_YEAR,
    Greeks,
    black_76,
    break_even_move,
    hedge_to_edge,
    total,
    whalley_wilmott,
)


@dataclass(frozen=True, slots=True)
class OptionLeg:
    """`quantity` options of one coin each, below 0 when sold; `years` to expiry; implied `volatility` a year."""

    kind: Literal["call", "put"]
    strike: float
    years: float
    volatility: float
    quantity: float

    def greeks(self, future: float, passed: float = 0.0, rate: float = 0.0) -> Greeks:
        """Greeks of the leg at a price after `passed` years. Raises IndicatorError from its expiry on."""
        if passed >= self.years:
            raise IndicatorError(f"{self.kind} {self.strike} expires after {self.years} years, asked for {passed}")
        return black_76(self.kind, future, self.strike, self.years - passed, self.volatility, rate).scaled(
            self.quantity
        )

    def value(self, future: float, passed: float = 0.0, rate: float = 0.0) -> float:
        """Value of the leg; at expiry and after it what it then pays, without interest."""
        if passed < self.years:
            return self.greeks(future, passed, rate).price
        sign = 1.0 if self.kind == "call" else -1.0
        return self.quantity * max(0.0, sign * (future - self.strike))


@dataclass(frozen=True, slots=True)
class OptionGridRow:
    """P&L of options and perpetual together when price stands at `price` after `days`; `predicted`: by gamma, theta."""

    move: float
    price: float
    days: float
    options: float
    perpetual: float
    predicted: float

    @property
    def net(self) -> float:
        """Options and perpetual together, before the costs of hedging again."""
        return self.options + self.perpetual


@dataclass(frozen=True, slots=True)
class OptionSheet:
    """The book at `future`: greeks, coins of perpetual that make it neutral, no-hedge band, break-even daily move.

    `break_even_day` is None when gamma is not above 0: such a book never earns its theta back by moving.
    """

    future: float
    greeks: Greeks
    perpetual: float
    band: float
    to_trade: float
    break_even_day: float | None
    grid: tuple[OptionGridRow, ...]


def option_sheet(
    legs: Sequence[OptionLeg],
    future: float,
    *,
    held: float = 0.0,
    cost: float = 0.0005,
    risk_aversion: float = 1e-4,
    rate: float = 0.0,
    moves: Sequence[float] = (-0.08, -0.04, -0.02, 0.0, 0.02, 0.04, 0.08),
    days: float = 1.0,
) -> OptionSheet:
    """The sheet of `legs` hedged with the perpetual, of which `held` coins (+ long) are there already.

    `to_trade` brings the net delta back to the edge of the Whalley-Wilmott band; the grid is of the book fully hedged
    at `future`. Raises IndicatorError for no legs, and numbers that make no options.
    """
    if not legs:
        raise IndicatorError("no legs: an option book has at least one")
    for name, value in (("days", days), ("held", held)):
        if not math.isfinite(value) or (name == "days" and value < 0):
            raise IndicatorError(
                f"{name} is {value}; it must be a finite number" + (" of 0 or more" * (name == "days"))
            )
    for move in moves:
        if not -1 < move < math.inf:
            raise IndicatorError(f"move {move}: a price stays above 0, so a move is above -1")
    book = total(leg.greeks(future, 0.0, rate) for leg in legs)
    nearest = min(leg.years for leg in legs)
    band = whalley_wilmott(book.gamma, future, cost, risk_aversion, rate, nearest)
    value = sum(leg.value(future, 0.0, rate) for leg in legs)
    passed = days / DAYS_A_YEAR
    rows = []
    for move in moves:
        price = future * (1 + move)
        change = price - future
        rows.append(
            OptionGridRow(
                move=move,
                price=price,
                days=days,
                options=sum(leg.value(price, passed, rate) for leg in legs) - value,
                perpetual=-book.delta * change,
                predicted=0.5 * book.gamma * change * change + book.theta * passed,
            )
        )
    earns = book.gamma > 0 and book.theta_day <= 0
    return OptionSheet(
        future=future,
        greeks=book,
        perpetual=-book.delta,
        band=band,
        to_trade=hedge_to_edge(book.delta, held, band),
        break_even_day=break_even_move(book.gamma, -book.theta_day) if earns else None,
        grid=tuple(rows),
    )
