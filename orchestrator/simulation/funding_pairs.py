"""The two-venue funding tactic over a history: short where funding is high, long where it is low.

Looked at when funding has just settled at either venue, with rates that are known by then: whoever enters now has
missed the rates seen, and receives the next ones. An entry is the production guard's to permit.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from indicators.funding import venue_spread
from indicators.funding_pair import FundingPair, best_pair
from orchestrator.simulation.account import Account
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.funding_guard import Judged
from orchestrator.simulation.funding_position import FundingCycle, FundingPosition
from orchestrator.simulation.funding_venues import TwoVenues
from orchestrator.simulation.history import HOUR_MS
from traders.contract.constraints import ConstraintSet
from traders.contract.decision import Side
from traders.contract.portfolio import Portfolio

ZERO = Decimal(0)
SIDES: tuple[Side, Side] = ("long", "short")
#: Asks the guard about entering this pair now.
Judge = Callable[[str, int, FundingPair, Portfolio, bool], Judged]


@dataclass(frozen=True)
class Qualified:
    """A funding time whose spread was wide enough, and what the guard said (None: a pair was open already)."""

    symbol: str
    at: int
    found: FundingPair
    outcome: str | None
    refused_by: tuple[str, ...]
    opened: bool


@dataclass
class FundingRun:
    """What happened: `intervals` funding times at which both rates were known, `unknown` those at which not."""

    account: Account
    intervals: int = 0
    unknown: int = 0
    widest: Decimal = ZERO
    expired: int = 0
    refused_by: Counter[str] = field(default_factory=Counter)
    qualified: list[Qualified] = field(default_factory=list)
    cycles: list[FundingCycle] = field(default_factory=list)


class FundingTactic:
    """One play over one history, with an account of its own."""

    def __init__(
        self,
        markets: Sequence[TwoVenues],
        constraints: ConstraintSet,
        model: FillModel,
        capital: Decimal,
        span: tuple[int, int],
        judge: Judge,
    ) -> None:
        self._markets = {market.symbol: market for market in markets}
        self._limits, self._model, self._judge = constraints.limits, model, judge
        self._spans = {one.symbol: (max(span[0], one.span()[0]), min(span[1], one.span()[1])) for one in markets}
        self._open: dict[str, FundingPosition] = {}
        self._prices: dict[str, dict[str, Decimal]] = {one.symbol: {} for one in markets}
        self.run = FundingRun(Account(capital, constraints.limits.max_drawdown))

    def play(self) -> FundingRun:
        """To the end; what is open then is closed at the last prices."""
        settle_times = {
            symbol: frozenset(market.funding_times(*self._spans[symbol]).tolist())
            for symbol, market in self._markets.items()
        }
        steps = sorted(
            (int(at), symbol)
            for symbol, market in self._markets.items()
            for at in market.steps(*self._spans[symbol]).tolist()
        )
        for at, symbol in steps:
            settles = at in settle_times[symbol]
            if settles or symbol in self._open:
                self._step(self._markets[symbol], at, settles=settles)
        for symbol, position in list(self._open.items()):
            end = self._spans[symbol][1]
            self._closed(symbol, position, self._last_prices(self._markets[symbol], end), end, "end_of_data")
            self.run.account.note(end, self._unrealised())
        return self.run

    def _step(self, market: TwoVenues, at: int, *, settles: bool) -> None:
        bars = {venue: side.bar(at) for venue, side in market.sides.items()}
        prices = self._last_prices(market, at) | {venue: bar[0] for venue, bar in bars.items() if bar is not None}
        if len(prices) < len(bars):
            return  # a venue that has no price yet
        self._prices[market.symbol] = prices
        known = market.settlement(at) if settles else None
        position = self._open.get(market.symbol)
        if position is not None:
            self._pay(market, position, prices, at)
            self._follow(market, position, prices, bars, known.rates_8h if known else None, at)
        if settles:
            self._look(market, prices, at, None if known is None else known.rates_8h, held=position is not None,
                       tradable=None not in bars.values())  # fmt: skip
        if (position := self._open.get(market.symbol)) is not None:
            self._inside(market.symbol, position, prices, bars, at)
        self.run.account.note(at, self._unrealised())

    def _pay(self, market: TwoVenues, position: FundingPosition, prices: dict[str, Decimal], at: int) -> None:
        """Each leg at its own venue's funding times, on its own notional."""
        for side in SIDES:
            venue = position.legs[side].venue
            rate = market.sides[venue].paid_at(at)
            if rate is not None:
                position.settle(side, rate, self._mark(market, venue, prices[venue], at), at)

    def _follow(
        self,
        market: TwoVenues,
        position: FundingPosition,
        prices: dict[str, Decimal],
        bars: Mapping[str, tuple[Decimal, Decimal, Decimal] | None],
        rates: Mapping[str, Decimal] | None,
        at: int,
    ) -> None:
        """The bar's open: what ends the pair there."""
        symbol = market.symbol
        for side in SIDES:  # a leg beyond its liquidation price as the bar opens
            price = prices[position.legs[side].venue]
            if position.liquidated_at(side, price, price) is not None:
                return self._liquidated(symbol, position, side, prices[position.legs[_other(side)].venue], at)
        reason = self._exit_reason(position, prices, rates, at)
        if reason is not None and None not in bars.values():
            self._closed(symbol, position, prices, at, reason)
        return None

    def _inside(
        self,
        symbol: str,
        position: FundingPosition,
        prices: dict[str, Decimal],
        bars: Mapping[str, tuple[Decimal, Decimal, Decimal] | None],
        at: int,
    ) -> None:
        """The rest of the bar: extremes that reach a leg's liquidation price."""
        for side in SIDES:
            bar = bars[position.legs[side].venue]
            level = None if bar is None else position.liquidated_at(side, bar[2], bar[1])
            if level is not None:
                venue = position.legs[_other(side)].venue
                return self._liquidated(symbol, position, side, _nearest(level, bars[venue], prices[venue]), at)
        return None

    def _exit_reason(
        self, position: FundingPosition, prices: dict[str, Decimal], rates: Mapping[str, Decimal] | None, at: int
    ) -> str | None:
        if (reason := position.stop_or_target(prices)) is not None:
            return reason
        if at >= position.opened_at + int(position.plan.max_holding_hours * HOUR_MS):
            return "holding_time"
        if rates is None:
            return None
        spread = venue_spread(rates[position.legs["short"].venue], rates[position.legs["long"].venue])
        if spread < 0:
            return "spread_turned"
        return "spread_closed" if spread <= self._limits.funding_spread_exit else None

    def _look(
        self,
        market: TwoVenues,
        prices: dict[str, Decimal],
        at: int,
        rates: Mapping[str, Decimal] | None,
        *,
        held: bool,
        tradable: bool,
    ) -> None:
        """The spread at a funding time, and an entry where it is wide enough."""
        if rates is None:
            self.run.unknown += 1
            return
        self.run.intervals += 1
        account, limits = self.run.account, self._limits
        equity = account.wallet + self._unrealised()
        notional = max(equity, Decimal(1)) * limits.pair_margin_max * limits.leverage_min / 2
        found = best_pair(rates, notional, self._model.taker * self._model.cost_factor)
        if found is None:
            return
        self.run.widest = max(self.run.widest, found.spread_8h)
        if found.spread_8h < limits.funding_spread_enter:
            return
        if held:  # it is not asked about a second pair, nor about the one that has just ended
            self.run.qualified.append(Qualified(market.symbol, at, found, None, (), opened=False))
            return
        judged = self._judge(market.symbol, at, found, self._portfolio(at), account.latched_at is not None)
        self.run.refused_by.update(judged.refused_by)
        opened = False
        verdict = judged.verdict
        if verdict.plan is not None and verdict.decision is not None and verdict.decision.plan is not None:
            position = None
            if tradable:
                position = FundingPosition.open(
                    account, self._model, verdict.plan, verdict.decision.plan, found.spread_8h, prices, at
                )
            if position is None:
                self.run.expired += 1
            else:
                self._open[market.symbol] = position
                opened = True
        self.run.qualified.append(
            Qualified(market.symbol, at, found, verdict.outcome, judged.refused_by, opened=opened)
        )

    def _liquidated(self, symbol: str, position: FundingPosition, side: Side, price: Decimal, at: int) -> None:
        position.liquidate(side, price, at)
        self._end(symbol, position)

    def _closed(self, symbol: str, position: FundingPosition, prices: dict[str, Decimal], at: int, reason: str) -> None:
        position.close(prices, at, reason)
        self._end(symbol, position)

    def _end(self, symbol: str, position: FundingPosition) -> None:
        del self._open[symbol]
        self.run.cycles.append(position.cycle())

    def _portfolio(self, at: int) -> Portfolio:
        margin = sum((position.margin() for position in self._open.values()), ZERO)
        pairs = [position.seen(self._prices[symbol]) for symbol, position in self._open.items()]
        return self.run.account.portfolio(at, self._unrealised(), pairs, margin)

    def _unrealised(self) -> Decimal:
        return sum((one.unrealised(self._prices[symbol]) for symbol, one in self._open.items()), ZERO)

    def _last_prices(self, market: TwoVenues, at: int) -> dict[str, Decimal]:
        known = {venue: side.last(at) for venue, side in market.sides.items()}
        return {venue: price for venue, price in known.items() if price is not None}

    def _mark(self, market: TwoVenues, venue: str, price: Decimal, at: int) -> Decimal:
        """The venue's mark at a funding time where its history has one, else the price there."""
        mark = market.sides[venue].market.mark
        closed = 0 if mark is None else mark.closed_by(at)
        if mark is None or not closed or at - int(mark.time[closed - 1]) > 2 * mark.interval_ms:
            return price
        return Decimal(repr(float(mark.close[closed - 1])))


def _other(side: Side) -> Side:
    return "short" if side == "long" else "long"


def _nearest(level: Decimal, bar: tuple[Decimal, Decimal, Decimal] | None, known: Decimal) -> Decimal:
    """Where the leg that is left closes inside a bar: at the level at which the other was taken, or as near to it as
    its own venue came in that bar (without one, at its last price)."""
    return known if bar is None else min(max(level, bar[2]), bar[1])
