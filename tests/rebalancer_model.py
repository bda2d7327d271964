"""What a pair of legs holds, is asked for and has earned, counted from events alone: no ladder, no phases."""

from dataclasses import dataclass, field
from decimal import Decimal

from traders.contract.decision import Side

SIDES: tuple[Side, Side] = ("long", "short")
ZERO = Decimal(0)


@dataclass
class Model:
    """`asked` is what orders under way still have to do, `since` the exchange time (ms) of the last asking.

    `paid` is fees less funding received. Money in USDT.
    """

    held: dict[Side, Decimal]
    entry: Decimal
    asked: dict[Side, Decimal] = field(default_factory=dict)
    since: int | None = None
    earned: Decimal = ZERO
    paid: Decimal = ZERO
    killed: bool = False
    ended: bool = False

    def sold(self, side: Side, quantity: Decimal, price: Decimal) -> None:
        """Lots leave a leg; more than there are cannot."""
        quantity = min(quantity, self.held[side])
        self.held[side] -= quantity
        self.asked[side] = max(ZERO, self.asked.get(side, ZERO) - quantity)
        self.earned += quantity * (price - self.entry) * (1 if side == "long" else -1)

    @property
    def under_way(self) -> bool:
        return any(self.asked.values())

    def worth(self, mark: Decimal, cost: Decimal) -> Decimal:
        """What closing everything at a mark would leave (domain.md section 3, cycle P&L)."""
        long, short = self.held["long"], self.held["short"]
        open_now = (long - short) * (mark - self.entry) - (long + short) * mark * cost
        return self.earned - self.paid + open_now
