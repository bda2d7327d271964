"""What the account holds: the venue's truth for amounts, the database's memory for what belongs together."""

from collections.abc import Iterable
from decimal import Decimal

from orchestrator.execution.venue import Balance, Fill, Income, Position
from traders.contract.arithmetic import in_one_arithmetic
from traders.contract.portfolio import OpenPair, PairLeg, Portfolio

DAY_MS = 86_400_000


@in_one_arithmetic
def pair_state(
    pair: OpenPair,
    positions: Iterable[Position],
    fills: Iterable[Fill],
    income: Iterable[Income],
    taker: Decimal,
    carried: Decimal = Decimal(0),
) -> OpenPair:
    """A stored pair brought up to date: quantities, signed net delta, and cycle P&L of pair margin.

    Cycle P&L as in domain.md section 3: realised + unrealised at mark - fees + funding received - the estimated
    cost of closing what is open. `fills` and `income` are those of the pair's symbols since it was opened, `carried`
    is what the earlier ladders of its cycle came to.
    """
    held = {(position.symbol, position.side): position for position in positions}
    legs: list[PairLeg] = []
    signed = gross = unrealised = Decimal(0)
    for leg in pair.legs:
        position = held.get((leg.symbol, leg.side))
        quantity = position.quantity if position else Decimal(0)
        legs.append(leg.model_copy(update={"quantity": quantity}))
        if position is None:
            continue
        sign = 1 if leg.side == "long" else -1
        signed += sign * quantity * position.mark_price
        gross += quantity * position.mark_price
        unrealised += sign * quantity * (position.mark_price - position.entry_price)
    realised = sum((fill.realized - fill.fee for fill in fills), Decimal(0))
    funding = sum((row.amount for row in income if row.kind == "FUNDING_FEE"), Decimal(0))
    result = carried + realised + unrealised + funding - gross * taker
    return pair.model_copy(
        update={
            "legs": tuple(legs),
            "net_delta": (signed / gross).quantize(Decimal("1e-9")) if gross else Decimal(0),
            "cycle_pnl": (result / pair.pair_margin).quantize(Decimal("1e-9")) if pair.pair_margin else Decimal(0),
        }
    )


def build_portfolio(
    balance: Balance,
    pairs: Iterable[OpenPair],
    *,
    equity_high: Decimal,
    day_start_equity: Decimal,
    trades_24h: int,
) -> Portfolio:
    """Account totals and the pairs."""
    open_pairs = tuple(pairs)
    return Portfolio(
        equity=balance.equity,
        equity_high=equity_high,
        day_start_equity=day_start_equity,
        cash=balance.available,
        trades_24h=trades_24h,
        directional_margin=sum((pair.pair_margin for pair in open_pairs if pair.kind == "directional"), Decimal(0)),
        pairs=open_pairs,
    )
