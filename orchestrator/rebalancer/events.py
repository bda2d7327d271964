"""What can happen to a pair, and what the rebalancer may ask for in answer."""

from typing import Literal

from traders.contract.base import Fraction, Frozen, Millis, Money
from traders.contract.decision import Side


class Tick(Frozen):
    """The mark price at an exchange time."""

    at: Millis
    mark: Money


class Filled(Frozen):
    """A close order of ours traded. `fee` is what was paid."""

    at: Millis
    side: Side
    quantity: Money
    price: Money
    fee: Money


class FundingSettled(Frozen):
    """A funding payment, signed: received is positive."""

    at: Millis
    amount: Money


class BarClosed(Frozen):
    """Readings of the last closed 1h bar; None where unavailable. `funding_rate_8h` is the predicted rate.

    `bar` is when that bar closed: told twice, it counts once. None: every event is a new bar.
    """

    at: Millis
    bar: Millis | None = None
    atr_ratio: Fraction | None
    funding_rate_8h: Fraction | None
    readings: dict[str, Fraction]


class LegGone(Frozen):
    """A leg is found closed without the keeper's doing: by the bracket at the exchange, by hand, or by the venue."""

    at: Millis
    side: Side
    price: Money
    why: Literal["closed", "bracket", "liquidated", "auto_deleveraged"]


class Kill(Frozen):
    """The kill switch was thrown with --flatten, or somebody else (`reason`) wants the pair to end."""

    at: Millis
    reason: str = "kill"


Event = Tick | Filled | FundingSettled | BarClosed | LegGone | Kill


class CloseLeg(Frozen):
    """Close `quantity` of one leg at market, capped by what the venue says is there."""

    side: Side
    quantity: Money
    reason: str


class MoveBracket(Frozen):
    """Move one price of the resting pair bracket."""

    edge: Literal["upper", "lower"]
    price: Money


class Alert(Frozen):
    """Something a person should know."""

    name: str
    message: str


class Ended(Frozen):
    """The pair is flat. `may_reopen`: the plan allows another ladder after such an end."""

    reason: str
    may_reopen: bool


Command = CloseLeg | MoveBracket | Alert | Ended
