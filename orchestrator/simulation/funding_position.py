"""One coin held at two venues, long at one and short at the other, from its entry to flat (domain.md sections 4, 10).

No ladder and no rebalancer: such a pair has neither delta nor gamma to rebalance. Each leg fills at its own venue's
price, pays and receives funding there, and has an isolated margin of its own there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from indicators.delta_neutral_hedge import liquidation_price, pair_funding
from orchestrator.simulation.account import Account
from orchestrator.simulation.fill_model import TIERS, FillModel
from traders.contract.decision import PairPlan, Side
from traders.contract.portfolio import OpenPair, PairLeg
from traders.contract.verdict import ExecutionPlan

ZERO = Decimal(0)
Prices = Mapping[str, Decimal]


@dataclass(frozen=True)
class VenueLeg:
    """One leg. `entry` is the price it filled at, USDT; `quantity` in base units, 0 once it is closed."""

    venue: str
    side: Side
    quantity: Decimal
    entry: Decimal

    @property
    def sign(self) -> int:
        """+1 long, -1 short."""
        return 1 if self.side == "long" else -1

    def liquidation(self, leverage: int) -> Decimal:
        """Mark price at which its own isolated margin is used up (domain.md section 7)."""
        notional = self.quantity * self.entry
        tier = next((tier for tier in TIERS if notional <= tier.notional_cap), TIERS[-1])
        rate, amount = tier.maintenance_margin_rate, tier.maintenance_amount
        return liquidation_price(self.side, self.entry, self.quantity, notional / leverage, rate, amount)


@dataclass(frozen=True)
class FundingCycle:
    """What became of one pair, USDT. `gross` before slippage and fees; funding of each leg, received positive."""

    symbol: str
    decision_id: str
    short_venue: str
    long_venue: str
    opened_at: int
    closed_at: int
    spread_entry: Decimal
    notional: Decimal
    pair_margin: Decimal
    reason: str
    payments: int
    gross: Decimal
    slippage: Decimal
    fees: Decimal
    funding_short: Decimal
    funding_long: Decimal

    @property
    def funding(self) -> Decimal:
        """Of both legs."""
        return self.funding_short + self.funding_long

    @property
    def net(self) -> Decimal:
        """After slippage, fees and funding."""
        return self.gross - self.slippage - self.fees + self.funding


class FundingPosition:
    """An open pair. Prices are by venue, USDT; rates are of the venue's own interval."""

    def __init__(
        self, account: Account, model: FillModel, execution: ExecutionPlan, plan: PairPlan, spread: Decimal, at: int
    ) -> None:
        self._account, self._model, self._execution = account, model, execution
        self.plan, self.symbol, self.opened_at = plan, execution.symbol, at
        self.pair_margin, self._spread = execution.pair_margin, spread
        self.legs: dict[Side, VenueLeg] = {}
        self._entries: dict[Side, VenueLeg] = {}
        self._funding: dict[Side, Decimal] = {"long": ZERO, "short": ZERO}
        self._fees = self._slippage = self._realised = ZERO
        self._payments = 0
        self.reason: str | None = None
        self._closed_at = at

    @classmethod
    def open(
        cls,
        account: Account,
        model: FillModel,
        execution: ExecutionPlan,
        plan: PairPlan,
        spread: Decimal,
        prices: Prices,
        at: int,
    ) -> "FundingPosition | None":
        """Fill both legs, each at its venue; None when a price has left its leg's limit: nothing is opened then."""
        made = cls(account, model, execution, plan, spread, at)
        filled = []
        for leg in execution.legs:
            price = model.fill_price(prices[leg.venue], leg.quantity, buys=leg.side == "long")
            if (price > leg.limit_price) if leg.side == "long" else (price < leg.limit_price):
                return None
            filled.append((VenueLeg(leg.venue, leg.side, leg.quantity, price), prices[leg.venue]))
        for own, wanted in filled:
            made.legs[own.side] = made._entries[own.side] = own
            made._book(own, own.entry, wanted, at, opens=True)
        account.trades.append(at)
        return made

    @property
    def flat(self) -> bool:
        """Whether nothing is left."""
        return all(leg.quantity == 0 for leg in self.legs.values())

    def settle(self, side: Side, rate: Decimal, mark: Decimal, at: int) -> None:
        """A funding time of one leg's venue: its whole notional at mark pays or receives."""
        leg = self.legs[side]
        amount = pair_funding(leg.sign * leg.quantity, mark, rate)
        self._account.funding(at, self.symbol, amount, account=leg.venue)
        self._funding[side] += amount
        self._payments += 1

    def unrealised(self, prices: Prices) -> Decimal:
        """At each venue's price, before the cost of closing."""
        return sum((leg.sign * leg.quantity * (prices[leg.venue] - leg.entry) for leg in self.legs.values()), ZERO)

    def value(self, prices: Prices) -> Decimal:
        """Liquidation value: all that was paid and received, and what closing at these prices would bring."""
        so_far = self._realised - self._fees + self._funding["long"] + self._funding["short"]
        for leg in self.legs.values():
            price = self._closing_price(leg, prices[leg.venue])
            so_far += leg.sign * leg.quantity * (price - leg.entry) - self._model.fee(leg.quantity, price)
        return so_far

    def margin(self) -> Decimal:
        """Isolated margin of what is left, USDT."""
        return sum((leg.quantity * leg.entry for leg in self.legs.values()), ZERO) / self.plan.leverage

    def stop_or_target(self, prices: Prices) -> str | None:
        """Whether the pair is worth its stop or its target, shares of the pair margin."""
        share = self.value(prices) / self.pair_margin
        if share >= self.plan.take_profit:
            return "target"
        return "stop" if share <= -self.plan.stop_loss else None

    def liquidated_at(self, side: Side, low: Decimal, high: Decimal) -> Decimal | None:
        """The leg's liquidation price when prices between `low` and `high` reach it."""
        level = self.legs[side].liquidation(self.plan.leverage)
        return level if (low <= level if side == "long" else high >= level) else None

    def liquidate(self, side: Side, other_price: Decimal, at: int) -> None:
        """The venue takes one leg with its whole margin, without a fee; the other is closed at once."""
        leg = self.legs[side]
        gone = leg.entry * (1 - leg.sign / Decimal(self.plan.leverage))
        self._close(side, gone, gone, at, liquidated=True)
        other = self.legs["short" if side == "long" else "long"]
        self._close(other.side, self._closing_price(other, other_price), other_price, at)
        self.reason, self._closed_at = "liquidation", at

    def close(self, prices: Prices, at: int, reason: str) -> None:
        """Close both legs, each at its venue."""
        for leg in list(self.legs.values()):
            self._close(leg.side, self._closing_price(leg, prices[leg.venue]), prices[leg.venue], at)
        self.reason, self._closed_at = reason, at

    def seen(self, prices: Prices) -> OpenPair:
        """The pair as a portfolio shows it."""
        execution = self._execution
        ids = {leg.side: leg.leg_id for leg in execution.legs}
        return OpenPair(
            pair_id=execution.decision_id,
            decision_id=execution.decision_id,
            kind="funding",
            symbol=self.symbol,
            opened_at=self.opened_at,
            entry_price=execution.entry_price,
            legs=tuple(
                PairLeg(
                    leg_id=ids[leg.side],
                    venue=leg.venue,
                    symbol=self.symbol,
                    side=leg.side,
                    quantity=leg.quantity,
                    entry_price=leg.entry,
                )
                for leg in self.legs.values()
            ),
            pair_margin=self.pair_margin,
            leverage=self.plan.leverage,
            plan=self.plan,
            net_delta=ZERO,
            cycle_pnl=(self.value(prices) / self.pair_margin).quantize(Decimal("1e-9")),
        )

    def cycle(self) -> FundingCycle:
        """The record of a pair that is flat."""
        notionals = [leg.quantity * leg.entry for leg in self._entries.values()]
        return FundingCycle(
            symbol=self.symbol,
            decision_id=self._execution.decision_id,
            short_venue=self.legs["short"].venue,
            long_venue=self.legs["long"].venue,
            opened_at=self.opened_at,
            closed_at=self._closed_at,
            spread_entry=self._spread,
            notional=max(notionals),
            pair_margin=self.pair_margin,
            reason=self.reason or "closed",
            payments=self._payments,
            gross=self._realised + self._slippage,
            slippage=self._slippage,
            fees=self._fees,
            funding_short=self._funding["short"],
            funding_long=self._funding["long"],
        )

    def _closing_price(self, leg: VenueLeg, price: Decimal) -> Decimal:
        return self._model.fill_price(price, leg.quantity, buys=leg.side == "short")

    def _close(self, side: Side, price: Decimal, wanted: Decimal, at: int, *, liquidated: bool = False) -> None:
        leg = self.legs[side]
        if leg.quantity > 0:
            self._book(leg, price, wanted, at, opens=False, free=liquidated)
        self.legs[side] = replace(leg, quantity=ZERO)

    def _book(
        self, leg: VenueLeg, price: Decimal, wanted: Decimal, at: int, *, opens: bool, free: bool = False
    ) -> None:
        fee = ZERO if free else self._model.fee(leg.quantity, price)
        gain = ZERO if opens else leg.sign * leg.quantity * (price - leg.entry)
        self._account.fill(
            at, self.symbol, leg.side, price, leg.quantity, fee, opens=opens, gain=gain, account=leg.venue
        )
        self._realised += gain
        self._fees += fee
        self._slippage += abs(price - wanted) * leg.quantity
