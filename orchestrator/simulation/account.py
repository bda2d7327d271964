"""The simulated account: wallet, margin, equity high, day's start, trades of the last 24 h, and every ledger row."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from orchestrator.ledger.rows import Row
from traders.contract.portfolio import OpenPair, Portfolio

DAY_MS = 86_400_000


@dataclass
class Account:
    """Money in USDT, times UTC ms. The drawdown latch stays once it is set: a person would have to lift it."""

    wallet: Decimal
    max_drawdown: Decimal
    high: Decimal = Decimal(0)
    day: int = -1
    day_start: Decimal = Decimal(0)
    latched_at: int | None = None
    trades: deque[int] = field(default_factory=deque)
    rows: list[Row] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)

    def fill(
        self,
        at: int,
        symbol: str,
        side: Literal["long", "short"],
        price: Decimal,
        quantity: Decimal,
        fee: Decimal,
        *,
        opens: bool,
        gain: Decimal = Decimal(0),
        account: str = "",
    ) -> None:
        """Book one fill; `gain` is what closing it realised, `account` the venue where there are several."""
        buys = opens is (side == "long")
        self.wallet += gain - fee
        number = str(len(self.rows) + 1)
        self.rows.append(
            Row(number, at, "fill", symbol, fee, side, "buy" if buys else "sell", price, quantity, account)
        )

    def funding(self, at: int, symbol: str, amount: Decimal, account: str = "") -> None:
        """Book a funding payment, received positive."""
        self.wallet += amount
        self.rows.append(Row(str(len(self.rows) + 1), at, "funding", symbol, amount, account=account))

    def note(self, at: int, unrealised: Decimal) -> None:
        """Take note of the equity at a time."""
        equity = self.wallet + unrealised
        if at // DAY_MS != self.day:
            self.day, self.day_start = at // DAY_MS, equity
        self.high = max(self.high, equity)
        if self.latched_at is None and self.high > 0 and 1 - equity / self.high >= self.max_drawdown:
            self.latched_at = at
        self.curve.append((at, float(equity)))

    def portfolio(self, at: int, unrealised: Decimal, pairs: Iterable[OpenPair], margin: Decimal) -> Portfolio:
        """As the guard and the trader see it; `margin` is held by open legs."""
        self.note(at, unrealised)
        while self.trades and self.trades[0] <= at - DAY_MS:
            self.trades.popleft()
        open_pairs = tuple(pairs)
        return Portfolio(
            equity=self.wallet + unrealised,
            equity_high=self.high,
            day_start_equity=self.day_start,
            cash=self.wallet - margin,
            trades_24h=len(self.trades),
            directional_margin=sum((p.pair_margin for p in open_pairs if p.kind == "directional"), Decimal(0)),
            pairs=open_pairs,
        )
