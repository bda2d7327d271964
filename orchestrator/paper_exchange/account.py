"""One account: wallet, positions by side, margin, and the rows of trades and income that explain every cent."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from orchestrator.paper_exchange.contracts import CONTRACTS, bracket_of
from orchestrator.paper_exchange.errors import no_margin

PositionSide = Literal["LONG", "SHORT", "BOTH"]
ZERO = Decimal(0)
CENT8 = Decimal("1e-8")


def money(value: Decimal) -> Decimal:
    """The venue keeps eight decimals."""
    return value.quantize(CENT8)


@dataclass
class Position:
    """`quantity` is signed: longs positive, shorts negative. `margin` is the isolated wallet, USDT."""

    symbol: str
    side: PositionSide
    quantity: Decimal = ZERO
    entry: Decimal = ZERO
    margin: Decimal = ZERO
    updated: int = 0
    isolated: bool = False

    def unrealised(self, mark: Decimal) -> Decimal:
        """P&L at mark, USDT."""
        return self.quantity * (mark - self.entry)

    def bankruptcy(self) -> Decimal:
        """The price at which the isolated margin is lost, to the eight decimals the venue keeps."""
        return money(self.entry - self.margin / self.quantity)

    def liquidation(self) -> Decimal | None:
        """Isolated liquidation price: (E q -+ M -+ cum) / (q (1 -+ mmr)) for a long or a short; None when crossed."""
        q = abs(self.quantity)
        if q == 0 or not self.isolated:
            return None
        tier = bracket_of(q * self.entry)
        if self.quantity > 0:
            return max(ZERO, (self.entry * q - self.margin - tier.cum) / (q * (1 - tier.rate)))
        return (self.entry * q + self.margin + tier.cum) / (q * (1 + tier.rate))


@dataclass
class SymbolSettings:
    """What the account has set for one symbol."""

    leverage: int = 20
    margin_type: Literal["ISOLATED", "CROSSED"] = "CROSSED"


@dataclass(frozen=True)
class Owed:
    """Funding to be charged once its rate is settled: what was held at a funding time, and the mark of then."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    at: int
    mark: Decimal


@dataclass
class Account:
    """Everything the venue keeps for one account. Amounts in USDT."""

    wallet: Decimal
    deposit: Decimal
    hedge: bool = False
    settings: dict[str, SymbolSettings] = field(default_factory=lambda: {name: SymbolSettings() for name in CONTRACTS})
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    income: list[dict[str, Any]] = field(default_factory=list)
    next_id: int = 1000
    #: Tells this account from any other; drawn when it is opened, and no part of what the venue's dialect answers.
    name: str = ""

    def new_id(self) -> int:
        """The next unique number."""
        self.next_id += 1
        return self.next_id

    def position(self, symbol: str, side: PositionSide) -> Position:
        """The position of a side, made when needed."""
        return self.positions.setdefault((symbol, side), Position(symbol, side))

    def open_positions(self) -> list[Position]:
        """Those that hold something."""
        return [position for position in self.positions.values() if position.quantity]

    def unrealised(self, marks: dict[str, Decimal]) -> Decimal:
        """All positions at mark."""
        return sum((p.unrealised(marks[p.symbol]) for p in self.open_positions()), ZERO)

    def initial_margin(self) -> Decimal:
        """Margin bound by positions."""
        return sum((self._bound(p) for p in self.open_positions()), ZERO)

    def available(self, marks: dict[str, Decimal]) -> Decimal:
        """Free for new margin: the wallet less what is bound; losses of cross positions count, gains do not."""
        crossed = [p for p in self.open_positions() if self.settings[p.symbol].margin_type == "CROSSED"]
        loss = min(ZERO, sum((p.unrealised(marks[p.symbol]) for p in crossed), ZERO))
        return max(ZERO, self.wallet - self.initial_margin() + loss)

    def require_margin(
        self, position: Position, quantity: Decimal, price: Decimal, fee_rate: Decimal, marks: dict[str, Decimal]
    ) -> None:
        """What opens must be covered by free margin, fees included. Raises Refusal; nothing has changed."""
        opening = abs(quantity) if position.quantity * quantity >= 0 else abs(quantity) - abs(position.quantity)
        if opening <= 0:
            return
        needed = opening * price / self.settings[position.symbol].leverage + abs(quantity) * price * fee_rate
        if self.available(marks) < needed:
            raise no_margin()

    def apply_fill(
        self,
        position: Position,
        quantity: Decimal,
        price: Decimal,
        fee_rate: Decimal,
        now: int,
        order: dict[str, Any],
        maker: bool,
    ) -> None:
        """Book a fill of signed `quantity`; the margin was checked before."""
        held = position.quantity
        closing = ZERO if held * quantity >= 0 else min(abs(quantity), abs(held)).copy_sign(quantity)
        opening = quantity - closing
        fee = money(abs(quantity) * price * fee_rate)
        leverage = self.settings[position.symbol].leverage
        needed = abs(opening) * price / leverage
        realised = money(-closing * (price - position.entry)) if closing else ZERO
        if closing:
            share = abs(closing) / abs(held)
            position.margin = money(position.margin * (1 - share))
            position.quantity = held + closing
            if position.quantity == 0:
                position.entry = position.margin = ZERO
        if opening:
            total = position.quantity + opening
            position.entry = (position.quantity * position.entry + opening * price) / total
            position.quantity = total
            position.isolated = self.settings[position.symbol].margin_type == "ISOLATED"
            if position.isolated:
                position.margin += money(needed)
        position.updated = now
        self.wallet += realised - fee
        self._record(position, quantity, price, fee, realised, now, order, maker)

    def settle_funding(
        self, position: Position, rate: Decimal, mark: Decimal, now: int, held: Decimal | None = None
    ) -> None:
        """A long pays rate x mark x quantity, a short receives it (and the other way for a negative rate).

        `held`: the quantity at the funding time where the rate came later.
        """
        amount = money(-(position.quantity if held is None else held) * mark * rate)
        self.wallet += amount
        if position.isolated and position.quantity:
            position.margin = max(ZERO, position.margin + amount)
        self._income("FUNDING_FEE", position.symbol, amount, now, "")

    def liquidate(self, position: Position, now: int, order: dict[str, Any]) -> None:
        """The position goes at its bankruptcy price: the isolated margin is lost, and no more."""
        lost, quantity = -position.margin, position.quantity
        price = position.bankruptcy()
        self.wallet += lost
        position.quantity = position.entry = position.margin = ZERO
        position.updated = now
        self._record(position, -quantity, price, ZERO, lost, now, order, maker=False)

    def fees_paid(self) -> Decimal:
        """All commissions, USDT."""
        return -sum((Decimal(row["income"]) for row in self.income if row["incomeType"] == "COMMISSION"), ZERO)

    def funding_paid(self) -> Decimal:
        """Net funding paid (received is negative), USDT."""
        return -sum((Decimal(row["income"]) for row in self.income if row["incomeType"] == "FUNDING_FEE"), ZERO)

    def _bound(self, position: Position) -> Decimal:
        settings = self.settings[position.symbol]
        if settings.margin_type == "ISOLATED":
            return position.margin
        return abs(position.quantity) * position.entry / settings.leverage

    def _record(
        self,
        position: Position,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        realised: Decimal,
        now: int,
        order: dict[str, Any],
        maker: bool,
    ) -> None:
        trade_id = self.new_id()
        buy = quantity > 0
        self.trades.append(
            {
                "buyer": buy,
                "commission": str(fee),
                "commissionAsset": "USDT",
                "id": trade_id,
                "maker": maker,
                "orderId": order["orderId"],
                "price": format(price, "f"),
                "qty": str(abs(quantity)),
                "quoteQty": str(money(abs(quantity) * price)),
                "realizedPnl": str(realised),
                "side": "BUY" if buy else "SELL",
                "positionSide": position.side,
                "symbol": position.symbol,
                "time": now,
            }
        )
        if realised:
            self._income("REALIZED_PNL", position.symbol, realised, now, str(trade_id))
        if fee:
            self._income("COMMISSION", position.symbol, -fee, now, str(trade_id))

    def _income(self, kind: str, symbol: str, amount: Decimal, now: int, trade_id: str) -> None:
        self.income.append(
            {
                "symbol": symbol,
                "incomeType": kind,
                "income": str(amount),
                "asset": "USDT",
                "info": kind,
                "time": now,
                "tranId": self.new_id(),
                "tradeId": trade_id,
            }
        )
