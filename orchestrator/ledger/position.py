"""One position side at average cost, exact: costs are kept as fractions, so that nothing is lost between fills."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True)
class SidePosition:
    """What is open on one side: quantity (base units) and what it cost (USDT)."""

    side: Literal["long", "short"]
    quantity: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)

    def opened(self, quantity: Decimal, price: Decimal) -> "SidePosition":
        """More of it."""
        more = Fraction(quantity)
        return SidePosition(self.side, self.quantity + more, self.cost + more * Fraction(price))

    def closed(self, quantity: Decimal, price: Decimal) -> tuple["SidePosition", Fraction]:
        """Less of it, and the realised P&L (USDT, before fees). Raises ValueError when that much is not open."""
        less = Fraction(quantity)
        if less > self.quantity:
            raise ValueError(f"{quantity} is closed, {plain(self.quantity)} is open")
        share = self.cost * less / self.quantity
        gain = less * Fraction(price) - share
        left = SidePosition(self.side, self.quantity - less, self.cost - share)
        return left, gain if self.side == "long" else -gain

    def unrealised(self, mark: Decimal) -> Fraction:
        """USDT at a mark price, before the cost of closing."""
        gain = self.quantity * Fraction(mark) - self.cost
        return gain if self.side == "long" else -gain


def plain(value: Fraction, digits: int = 8) -> Decimal:
    """A fraction as a decimal of at most `digits` places, half to even, without trailing zeros."""
    scaled = round(value * 10**digits)
    found = Decimal(scaled).scaleb(-digits)
    return Decimal(0) if scaled == 0 else Decimal(format(found.normalize(), "f"))
