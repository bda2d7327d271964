"""Black-76 greeks and the Whalley-Wilmott hedging band (domain.md section 2, options).

Here gamma is real: long options hedged with the perpetual earn 0.5 Gamma dS^2 + Theta dt, which is positive only if
realised volatility exceeds implied. Times in years, rates and volatilities as fractions a year, float64.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from indicators.errors import IndicatorError

DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class Greeks:
    """Of one option on one coin: value and its derivatives by the futures price; theta in quote currency a *year*."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float

    @property
    def theta_day(self) -> float:
        """Theta a day (year / 365)."""
        return self.theta / DAYS_A_YEAR

    def scaled(self, quantity: float) -> "Greeks":
        """Of `quantity` options."""
        return Greeks(*(quantity * value for value in (self.price, self.delta, self.gamma, self.vega, self.theta)))


def black_76(
    kind: Literal["call", "put"], future: float, strike: float, years: float, volatility: float, rate: float = 0.0
) -> Greeks:
    """Greeks of a European option on a future. Raises IndicatorError unless all but `rate` are above 0."""
    for name, value in (("future", future), ("strike", strike), ("years", years), ("volatility", volatility)):
        if not (math.isfinite(value) and value > 0):
            raise IndicatorError(f"{name} is {value}; it must be a finite number above 0")
    if kind not in ("call", "put"):
        raise IndicatorError(f"kind is {kind!r}; use call or put")
    root = volatility * math.sqrt(years)
    d1 = math.log(future / strike) / root + root / 2
    d2 = d1 - root
    discount = math.exp(-rate * years)
    sign = 1.0 if kind == "call" else -1.0
    price = discount * sign * (future * _cdf(sign * d1) - strike * _cdf(sign * d2))
    gamma = discount * _pdf(d1) / (future * root)
    theta = rate * price - 0.5 * gamma * (volatility * future) ** 2
    return Greeks(
        price=price,
        delta=discount * sign * _cdf(sign * d1),
        gamma=gamma,
        vega=discount * future * _pdf(d1) * math.sqrt(years),
        theta=theta,
    )


def total(legs: Iterable[Greeks]) -> Greeks:
    """Greeks of a book: the sum of its legs (each already scaled by its signed quantity)."""
    price = delta = gamma = vega = theta = 0.0
    for leg in legs:
        price, delta, gamma = price + leg.price, delta + leg.delta, gamma + leg.gamma
        vega, theta = vega + leg.vega, theta + leg.theta
    return Greeks(price, delta, gamma, vega, theta)


def gamma_step_pnl(gamma: float, theta: float, move: float, years: float) -> float:
    """0.5 Gamma dS^2 + Theta dt: P&L of one delta-hedged step before costs (`theta` a year, `years` the step)."""
    return 0.5 * gamma * move * move + theta * years


def break_even_move(gamma: float, cost: float) -> float:
    """sqrt(2 cost / Gamma): the move at which gamma earns `cost` (theta of the step, or a hedge's fees).

    Raises IndicatorError unless gamma is above 0: a short or a pair of perpetuals has no such move.
    """
    if not gamma > 0:
        raise IndicatorError(f"gamma is {gamma}; only a long-gamma position earns its cost back by a move")
    if cost < 0:
        raise IndicatorError(f"cost is {cost}; pass what is paid as a positive amount")
    return math.sqrt(2 * cost / gamma)


def whalley_wilmott(
    gamma: float, spot: float, cost: float, risk_aversion: float, rate: float = 0.0, years: float = 0.0
) -> float:
    """Half-width H (in delta, coins) of the no-hedge band: (1.5 e^{-r tau} lambda S Gamma^2 / a)^{1/3}.

    `cost` lambda per unit of notional, `risk_aversion` a per unit of quote currency. Hedge back to the band's edge.
    """
    for name, value in (("spot", spot), ("risk_aversion", risk_aversion)):
        if not value > 0:
            raise IndicatorError(f"{name} is {value}; it must be above 0")
    if cost < 0:
        raise IndicatorError(f"cost is {cost}; it is 0 or more")
    return math.cbrt(1.5 * math.exp(-rate * years) * cost * spot * gamma * gamma / risk_aversion)


def hedge_to_edge(option_delta: float, held: float, band: float) -> float:
    """Coins of the perpetual to trade (+ buy) so that the net delta is back on the band's edge; 0 inside the band."""
    net = option_delta + held
    if abs(net) <= band:
        return 0.0
    return math.copysign(band, net) - net


def _cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _pdf(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
