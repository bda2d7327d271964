"""One pair along a price path: which prices matter next, and what the production rebalancer does at them.

Between two prices the path is continuous, so an order triggers at its own level; from one bar's close to the next
bar's open it jumps, and whatever was jumped over acts at the price obtained. Inside a bar only open, high, low and
close are known: both orders of high and low are played, and the one that leaves the pair worse is what happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

from orchestrator.rebalancer.events import CloseLeg, Command, Event, Filled, LegGone, Tick
from orchestrator.rebalancer.state import PairState, Phase
from orchestrator.rebalancer.step import step
from orchestrator.simulation.fill_model import FillModel
from traders.contract.decision import Side

#: A tick lands this far beyond a level, as a fraction, so that rounding cannot leave it just short.
_BEYOND = Decimal("1e-12")
ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class SimulatedFill:
    """A close of one leg. `wanted` is the price at which it triggered; `fee` in USDT."""

    at: int
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    wanted: Decimal
    reason: str


@dataclass(frozen=True)
class Ride:
    """A pair and what it has done so far."""

    state: PairState
    fills: tuple[SimulatedFill, ...] = ()

    def value(self, price: Decimal) -> Decimal:
        """Liquidation value, USDT."""
        return self.state.cycle_pnl(price)

    @cached_property
    def levels(self) -> list[Decimal]:
        """As `levels` of its state."""
        return levels(self.state)


def levels(state: PairState) -> list[Decimal]:
    """Prices at which the rebalancer may act, unsorted: bands, reversal, trailing, stop, target, break-even, best."""
    if state.phase in (Phase.FLAT, Phase.CLOSING):
        return []
    rules, entry = state.rules, state.entry
    found = [entry * (1 + sign * band.move) for band in rules.bands for sign in (1, -1)]
    if state.phase in (Phase.UP, Phase.DOWN):
        sign = 1 if state.phase is Phase.UP else -1
        back = {"entry": ZERO, "opposite_band": rules.bands[0].move, "none": rules.bands[-1].move}
        found.append(entry * (1 - sign * back[rules.reversal_rule]))
        if state.best is not None:
            found.append(state.best)
            if rules.trailing_distance is not None:
                found.append(state.best - sign * rules.trailing_distance)
    shares = [rules.target, ZERO if state.breakeven_latched else -rules.stop]
    if not state.breakeven_latched:
        shares.append(rules.breakeven_at)
    return [price for price in (*found, *_prices_at(state, shares)) if price > 0]


def _prices_at(state: PairState, shares: list[Decimal]) -> list[Decimal]:
    """The prices at which the cycle P&L is each share of the pair margin; none where every price gives the same."""
    at_zero = state.cycle_pnl(ZERO)
    slope = state.cycle_pnl(ONE) - at_zero
    return [(share * state.pair_margin - at_zero) / slope for share in shares] if slope else []


def jump(ride: Ride, price: Decimal, at: int, model: FillModel) -> Ride:
    """The price is suddenly there."""
    return _play(ride, Tick(at=at, mark=price), price, at, model)


def glide(ride: Ride, start: Decimal, end: Decimal, at: int, model: FillModel) -> Ride:
    """The price moves from `start` to `end` through everything in between."""
    current, up = start, end > start
    while ride.state.phase is not Phase.FLAT and current != end:
        ahead = [level for level in ride.levels if (current < level < end if up else end < level < current)]
        current = (min(ahead) * (1 + _BEYOND) if up else max(ahead) * (1 - _BEYOND)) if ahead else end
        if (current > end) is up:
            current = end
        ride = jump(ride, current, at, model)
    return ride


def through_bar(
    ride: Ride, previous: Decimal, bar: tuple[Decimal, Decimal, Decimal, Decimal], at: int, model: FillModel
) -> Ride:
    """One bar (open, high, low, close): the jump to its open, then the worse of the two orders of its extremes."""
    open_, high, low, close = bar
    if open_ != previous:
        ride = jump(ride, open_, at, model)
    if ride.state.phase is Phase.FLAT:
        return ride
    outcomes = [_order(ride, (open_, *turns, close), at, model) for turns in ((high, low), (low, high))]
    return min(outcomes, key=lambda outcome: outcome.value(close))


def _order(ride: Ride, prices: tuple[Decimal, ...], at: int, model: FillModel) -> Ride:
    for start, end in pairwise(prices):
        ride = glide(ride, start, end, at, model)
    return ride


def liquidated(ride: Ride, side: Side, taken_at: Decimal, price: Decimal, at: int, model: FillModel) -> Ride:
    """The venue took a leg at `taken_at`, where its margin is gone; the other leg is closed at `price`."""
    return _play(ride, LegGone(at=at, side=side, price=taken_at, why="liquidated"), price, at, model)


def told(ride: Ride, event: Event, price: Decimal, at: int, model: FillModel) -> Ride:
    """Any other event (a closed bar, funding, a kill) while the price is `price`."""
    return _play(ride, event, price, at, model)


def _play(ride: Ride, event: Event, price: Decimal, at: int, model: FillModel) -> Ride:
    """One event, and the fills of what it asks for, until nothing is asked."""
    state, commands = step(ride.state, event)
    if state is not ride.state:  # what is known of a state that stays is kept
        ride = Ride(state, ride.fills)
    for order in _closes(commands):
        buys = order.side == "short"
        filled = model.fill_price(price, order.quantity, buys=buys)
        fee = model.fee(order.quantity, filled)
        done = SimulatedFill(at, order.side, order.quantity, filled, fee, price, order.reason)
        ride = Ride(ride.state, (*ride.fills, done))
        answer = Filled(at=at, side=order.side, quantity=order.quantity, price=filled, fee=fee)
        ride = _play(ride, answer, price, at, model)
    return ride


def _closes(commands: tuple[Command, ...]) -> Iterator[CloseLeg]:
    return (command for command in commands if isinstance(command, CloseLeg))
