"""The account over time, as decisions saw it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from db.database import Database
from db.journal_search import Filter, JournalSearch
from db.state_repository import StateRepository
from traders.contract.limits import Limits

#: Decisions looked back at; a month at two symbols every half hour.
MOST_POINTS = 3_000


@dataclass(frozen=True)
class Point:
    """USDT at a time (UTC ms of the exchange)."""

    at: int
    equity: Decimal


@dataclass(frozen=True)
class Account:
    """Figures of one account. Drawdown and the day's loss are fractions of the high and of the day's start."""

    exchange: str
    points: tuple[Point, ...]
    equity: Decimal
    high: Decimal
    day_start: Decimal | None
    cash: Decimal
    trades_24h: int
    drawdown: Decimal
    drawdown_limit: Decimal
    daily_loss: Decimal | None
    daily_limit: Decimal
    latched: bool
    at: int

    @property
    def drawdown_used(self) -> Decimal:
        """Share of the drawdown limit that is used up; at most 1."""
        return min(Decimal(1), self.drawdown / self.drawdown_limit) if self.drawdown_limit else Decimal(1)

    @property
    def daily_used(self) -> Decimal:
        """Share of the daily limit that is used up; at most 1."""
        if self.daily_loss is None:
            return Decimal(0)
        return min(Decimal(1), max(Decimal(0), self.daily_loss) / self.daily_limit) if self.daily_limit else Decimal(1)


def account(database: Database, exchange: str, limits: Limits) -> Account | None:
    """The account as the newest decision saw it, with what came before; None before the first decision."""
    newest: dict[str, Any] | None = None
    points: list[Point] = []
    for one in JournalSearch(database).documents("portfolio", Filter(exchange=exchange), MOST_POINTS):
        newest = newest or {**one.document, "at": one.started_at}
        points.append(Point(one.started_at, Decimal(one.document["equity"])))
    if newest is None:
        return None
    equity = Decimal(newest["equity"])
    state = StateRepository(database)
    high = max(Decimal(newest["equity_high"]), state.equity_high(exchange) or equity)
    start = Decimal(newest["day_start_equity"])
    return Account(
        exchange=exchange,
        points=tuple(reversed(points)),
        equity=equity,
        high=high,
        day_start=start,
        cash=Decimal(newest["cash"]),
        trades_24h=int(newest["trades_24h"]),
        drawdown=1 - equity / high if high else Decimal(0),
        drawdown_limit=limits.max_drawdown,
        daily_loss=1 - equity / start if start else None,
        daily_limit=limits.daily_loss_max,
        latched=state.drawdown_latched(exchange),
        at=newest["at"],
    )
