"""What a pair has earned and cost so far, from the venue's own trades and income: the same after any interruption."""

from dataclasses import dataclass
from decimal import Decimal

from orchestrator.desk import Desk
from orchestrator.execution.venue import Fill, Income
from traders.contract.portfolio import OpenPair

ZERO = Decimal(0)
FUNDING = "FUNDING_FEE"
#: How far this machine's reckoning of exchange time may be ahead.
EARLY_MS = 60_000


@dataclass(frozen=True)
class PairMoney:
    """USDT since the pair was opened. `funding` is signed: received is positive; `rows` are its payments."""

    realised: Decimal
    fees: Decimal
    funding: Decimal
    rows: tuple[Income, ...] = ()

    @property
    def net(self) -> Decimal:
        """After fees and funding."""
        return self.realised - self.fees + self.funding

    def document(self) -> dict[str, str]:
        """Decimal strings, as stored with a closed pair."""
        names = ("realised", "fees", "funding", "net")
        return {name: format(getattr(self, name), "f") for name in names}


async def pair_money(desk: Desk, pair: OpenPair) -> PairMoney:
    """Everything booked on the pair's symbols for it. Raises VenueError."""
    fills, income = await pair_rows(desk, pair)
    funding = tuple(row for row in income if row.kind == FUNDING)
    return PairMoney(
        realised=sum((fill.realized for fill in fills), ZERO),
        fees=sum((fill.fee for fill in fills), ZERO),
        funding=sum((row.amount for row in funding), ZERO),
        rows=funding,
    )


async def pair_rows(desk: Desk, pair: OpenPair) -> tuple[list[Fill], list[Income]]:
    """The pair's trades, and the income on its symbols since it was opened. Raises VenueError.

    It begins with the first fill of an order of its own opening: one pair a symbol is open at a time, and times are not
    enough to tell it from the pair before (`opened_at` is this machine's reckoning of exchange time).
    """
    intents = desk.store.orders.of_decision(pair.decision_id)
    ours = {row.report["exchange_order_id"] for row in intents if row.report and "exchange_order_id" in row.report}
    fills: list[Fill] = []
    rows: list[Income] = []
    for symbol in dict.fromkeys(leg.symbol for leg in pair.legs):
        found = sorted(await desk.venue.fills(symbol, max(0, pair.opened_at - EARLY_MS)), key=_order)
        first = next((n for n, fill in enumerate(found) if fill.exchange_order_id in ours), None)
        fills += [fill for fill in found if fill.time >= pair.opened_at] if first is None else found[first:]
        rows += await desk.venue.income(symbol, pair.opened_at)
    return fills, [row for row in rows if row.time >= pair.opened_at]


def _order(fill: Fill) -> tuple[int, int, str]:
    """By time, then by the venue's own numbering."""
    return fill.time, int(fill.trade_id) if fill.trade_id.isdecimal() else 0, fill.trade_id
