"""One row of the ledger: a fill or a funding payment, under the venue's id."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True)
class Row:
    """`time` UTC ms. `amount` in USDT: of a fill the fee paid (negative: rebate), of funding the signed receipt.

    `position_side`, `side`, `price` (USDT) and `quantity` (base units) belong to fills. `row_id` is unique within an
    account; `where` says where the row was read, for messages.
    """

    row_id: str
    time: int
    kind: Literal["fill", "funding"]
    symbol: str
    amount: Decimal
    position_side: Literal["long", "short"] | None = None
    side: Literal["buy", "sell"] | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None
    account: str = ""
    where: str = ""

    @property
    def facts(self) -> tuple[object, ...]:
        """Everything the venue said."""
        return (
            self.time, self.kind, self.symbol, self.amount, self.position_side, self.side, self.price, self.quantity,
            self.account,
        )  # fmt: skip
