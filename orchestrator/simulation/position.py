"""One simulated pair from its entry to flat: quantities and money through the production rebalancer."""

from dataclasses import dataclass
from decimal import Decimal

from indicators.delta_neutral_hedge import liquidation_price, pair_funding, pi_gross
from orchestrator.errors import HostError
from orchestrator.execution.result import ExecutionResult, LegHeld
from orchestrator.pair_book import new_pair, new_state
from orchestrator.rebalancer.events import BarClosed, FundingSettled, Kill
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.simulation.account import Account
from orchestrator.simulation.fill_model import TIERS, FillModel, contract_rules
from orchestrator.simulation.path import Ride, jump, liquidated, through_bar, told
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Decision, Side
from traders.contract.history import BarReadings, Held
from traders.contract.portfolio import OpenPair
from traders.contract.verdict import ExecutionPlan

_SIDES: tuple[Side, Side] = ("long", "short")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Cycle:
    """What became of one pair or position. Money in USDT; `gross` before slippage and fees; `reached` bands.

    `notional` of one leg at its entry; `side`: of a position of one leg, None for a pair.
    """

    symbol: str
    decision_id: str
    regime: str
    opened_at: int
    closed_at: int
    entry: Decimal
    notional: Decimal
    pair_margin: Decimal
    reason: str
    reached: int
    gross: Decimal
    slippage: Decimal
    fees: Decimal
    funding: Decimal
    #: Gross of the ladder at its intended prices, where it ended at one: its last band, or the reversal.
    predicted: Decimal | None = None
    side: Side | None = None

    @property
    def net(self) -> Decimal:
        """After slippage, fees and funding."""
        return self.gross - self.slippage - self.fees + self.funding


class Position:
    """An open pair. `low` and `high` are the prices between which nothing can happen."""

    def __init__(self, account: Account, model: FillModel, pair: OpenPair, ride: Ride, regime: str) -> None:
        self._account, self._model = account, model
        self.pair, self.ride, self._regime = pair, ride, regime
        self._booked = 0
        self._funding = ZERO
        self._paid_until = pair.opened_at
        self._slippage = ZERO
        self.exit_wanted: str | None = None
        self.low, self.high = 0.0, 0.0
        self._first_reason: str | None = None

    @classmethod
    def open(
        cls,
        account: Account,
        model: FillModel,
        decision: Decision,
        plan: ExecutionPlan,
        context: Context,
        constraints: ConstraintSet,
        price: Decimal,
        at: int,
    ) -> "Position | None":
        """Fill every leg at `price`; None when the price has left the limit of a leg: nothing is opened then.

        Raises HostError for legs of several perpetuals: one price is not the price of both.
        """
        if several(plan):
            raise HostError(
                "not_simulated",
                f"{plan.decision_id} has legs of several perpetuals; the simulator follows one price",
                "funding pairs are played with --second; other such pairs are not simulated",
            )
        held = []
        for leg in plan.legs:
            filled = model.fill_price(price, leg.quantity, buys=leg.side == "long")
            if (filled > leg.limit_price) if leg.side == "long" else (filled < leg.limit_price):
                return None
            held.append(LegHeld(side=leg.side, quantity=leg.quantity, entry_price=filled))
        result = ExecutionResult(
            status="open", pair_id=plan.decision_id, net_delta=ZERO, protected=True, entry_price=price, legs=tuple(held)
        )
        pair = new_pair(decision, plan, context, result, plan.legs[0].venue, at)
        rules = contract_rules(plan.symbol)
        state = new_state(pair, decision, constraints, model.taker * model.cost_factor, rules.step)
        # the ladder hangs at the price the pair was opened at
        made = cls(account, model, pair, Ride(state.model_copy(update={"entry": price})), context.regime.value)
        for own in held:
            fee = model.fee(own.quantity, own.entry_price)
            account.fill(at, plan.symbol, own.side, own.entry_price, own.quantity, fee, opens=True)
            made._slippage += abs(own.entry_price - price) * own.quantity
        account.trades.append(at)
        made.look()
        return made

    @property
    def flat(self) -> bool:
        """Whether nothing is left."""
        return self.ride.state.phase is Phase.FLAT

    def unrealised(self, price: Decimal) -> Decimal:
        """At a price, before the cost of closing."""
        return self.ride.state.unrealised(price)

    def margin(self) -> Decimal:
        """Isolated margin of what is left, USDT."""
        state = self.ride.state
        notional = state.long.left * state.long.average + state.short.left * state.short.average
        return notional / self.pair.leverage

    def profit(self, price: Decimal) -> Decimal:
        """Liquidation value of the cycle, USDT."""
        return self.ride.value(price)

    def held(self, price: Decimal) -> Held:
        """What a survey is told of it."""
        state, pair = self.ride.state, self.pair
        leg = pair.pair_margin * pair.leverage / len(pair.legs)
        rate = pair.funding_rate_entry
        return Held(
            in_profit=self.profit(price) > 0,
            net_share=float((state.long.left - state.short.left) * price / leg) if leg else 0.0,
            entered_on_funding=pair.entered_on_funding,
            funding_rate_entry=None if rate is None else float(rate),
        )

    def seen(self, price: Decimal) -> OpenPair:
        """The pair as a portfolio shows it."""
        state = self.ride.state
        legs = tuple(leg.model_copy(update={"quantity": state.leg(leg.side).left}) for leg in self.pair.legs)
        return self.pair.model_copy(
            update={
                "legs": legs,
                "bands_hit": state.bands_hit,
                "net_delta": state.net_delta.quantize(Decimal("1e-9")),
                "cycle_pnl": (self.profit(price) / self.pair.pair_margin).quantize(Decimal("1e-9")),
            }
        )

    def look(self) -> None:
        """Work out anew between which prices nothing can happen."""
        if self.flat:
            return
        state = self.ride.state
        here = state.best if state.best is not None else state.entry
        around = [float(level) for level in self.ride.levels]
        now = float(here)
        self.low = max((level for level in around if level < now), default=0.0)
        self.high = min((level for level in around if level > now), default=float("inf"))
        if state.phase is Phase.UP:
            self.high = min(self.high, now)
        elif state.phase is Phase.DOWN:
            self.low = max(self.low, now)

    def quiet(self, low: float, high: float) -> bool:
        """Whether a bar with these extremes cannot make the rebalancer act."""
        return self.low < low and high < self.high and self.exit_wanted is None

    def funding(self, rate: Decimal, price: Decimal, at: int) -> None:
        """A funding time while the pair is open; equal legs of one venue receive and pay the same.

        Each time is taken once. What settles at the very time of the opening was settled before it.
        """
        if at <= self._paid_until:
            return
        self._paid_until = at
        state = self.ride.state
        net = state.long.left - state.short.left
        if net == 0:
            return
        amount = pair_funding(net, price, rate)
        self._account.funding(at, self.pair.symbol, amount)
        self._funding += amount
        self._take(told(self.ride, FundingSettled(at=at, amount=amount), price, at, self._model))

    def begin_bar(self, price: Decimal, at: int) -> None:
        """A bar opens: what was decided at the close before is done, legs may be liquidated, time may be over."""
        if self.flat:
            return
        if self.exit_wanted is not None:
            self._first_reason = self._first_reason or self.exit_wanted
            self._take(told(self.ride, Kill(at=at), price, at, self._model))
            return
        for side in _SIDES:
            if self.ride.state.leg(side).left > 0 and self._liquidates(side, price):
                self._liquidate(side, price, at)
        if at >= self.ride.state.rules.deadline and not self.flat:
            self._take(jump(self.ride, price, at, self._model))

    def bar(self, previous: Decimal, bar: tuple[Decimal, Decimal, Decimal, Decimal], at: int) -> None:
        """One bar in which something may happen; nothing does to a pair that is flat."""
        before = self.ride.state.bands_hit
        self._take(through_bar(self.ride, previous, bar, at, self._model))
        if before == 0 and self.ride.state.bands_hit > 0 and any(f.reason == "band_1" for f in self.ride.fills):
            self._account.trades.append(at)

    def closed_bar(self, readings: BarReadings, rate: Decimal | None, price: Decimal, at: int) -> None:
        """The hour's readings, for invalidation, collapse and adverse funding."""
        event = BarClosed(
            at=at,
            bar=readings.closed_at,
            atr_ratio=readings.atr_ratio,
            funding_rate_8h=rate,
            readings=dict(readings.readings),
        )
        self._take(told(self.ride, event, price, at, self._model))

    def cycle(self, at: int) -> Cycle:
        """The record of a pair that is flat."""
        state = self.ride.state
        return Cycle(
            symbol=self.pair.symbol,
            decision_id=self.pair.decision_id,
            regime=self._regime,
            opened_at=self.pair.opened_at,
            closed_at=at,
            entry=state.entry,
            notional=max(state.long.opened, state.short.opened) * state.entry,
            pair_margin=self.pair.pair_margin,
            reason=self._first_reason or state.reason or "closed",
            reached=state.bands_hit,
            gross=state.realised + self._slippage,
            slippage=self._slippage,
            fees=state.fees,
            funding=self._funding,
            predicted=_predicted(state, self._first_reason or state.reason),
            side=self.pair.legs[0].side if len(self.pair.legs) == 1 else None,
        )

    def _take(self, ride: Ride) -> None:
        self.ride = ride
        state = ride.state
        for fill in ride.fills[self._booked :]:
            sign = 1 if fill.side == "long" else -1
            gain = sign * fill.quantity * (fill.price - state.leg(fill.side).average)
            self._account.fill(
                fill.at, self.pair.symbol, fill.side, fill.price, fill.quantity, fill.fee, opens=False, gain=gain
            )
            self._slippage += abs(fill.price - fill.wanted) * fill.quantity
        self._booked = len(ride.fills)
        self.look()

    def _liquidates(self, side: Side, price: Decimal) -> bool:
        leg = self.ride.state.leg(side)
        notional = leg.left * leg.average
        tier = next((tier for tier in TIERS if notional <= tier.notional_cap), TIERS[-1])
        at = liquidation_price(
            side,
            leg.average,
            leg.left,
            notional / self.pair.leverage,
            tier.maintenance_margin_rate,
            tier.maintenance_amount,
        )
        return price <= at if side == "long" else price >= at

    def _liquidate(self, side: Side, price: Decimal, at: int) -> None:
        """The leg's whole margin is lost: the price at which that is so is booked, without a fee."""
        leg = self.ride.state.leg(side)
        sign = 1 if side == "long" else -1
        gone = leg.average * (1 - sign / Decimal(self.pair.leverage))
        gain = sign * leg.left * (gone - leg.average)
        self._account.fill(at, self.pair.symbol, side, gone, leg.left, ZERO, opens=False, gain=gain)
        self._first_reason = self._first_reason or "liquidation"
        self._take(liquidated(self.ride, side, gone, price, at, self._model))


def several(plan: ExecutionPlan) -> bool:
    """Whether the legs are not all of one perpetual."""
    return len({(leg.venue, leg.symbol) for leg in plan.legs}) > 1


def _predicted(state: PairState, reason: str | None) -> Decimal | None:
    """Pi at the last band; at the reversal after the first band what its closed share loses on the way back.

    A position of one leg is no ladder: nothing is predicted of it.
    """
    if state.one_leg:
        return None
    bands, notional = state.rules.bands, state.long.opened * state.entry
    if reason == "last_band" and state.bands_hit == len(bands):
        return pi_gross(bands, notional)
    if reason == "reversal" and state.bands_hit == 1:
        first = bands[0]
        back = {"entry": ZERO, "opposite_band": first.move, "none": bands[-1].move}[state.rules.reversal_rule]
        return -notional * first.fraction * (first.move + back)
    return None
