"""What the figures are held against: the same ladder opened without any condition, and simply holding the coin."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from orchestrator.rebalancer.state import Holding, PairState, Phase, Rules
from orchestrator.simulation.cursor import Cursor
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import Market
from orchestrator.simulation.path import Ride, levels, through_bar
from traders.contract.decision import Band
from traders.contract.limits import Limits

_NOTIONAL = Decimal(50_000)


@dataclass(frozen=True)
class LadderRun:
    """One ladder: net and gross in fractions of a leg's notional; `reached` bands; when it opened and closed."""

    opened_at: int
    closed_at: int
    net: float
    gross: float
    reached: int


def ladders(
    market: Market, starts: Sequence[int] | None, limits: Limits, model: FillModel, start: int, end: int
) -> Iterator[LadderRun]:
    """Ladders of the standing plan, stop and target out of the way: at each of `starts`, or (None) back to back."""
    path = Cursor(market, start, end)
    wanted = iter(starts) if starts is not None else None
    while not path.over:
        if wanted is not None:
            at = next(wanted, None)
            if at is None:
                return
            path.seek(at)
        done = None if path.over else _one(path, limits, model)
        if done is None:
            return
        yield done


def _one(path: Cursor, limits: Limits, model: FillModel) -> LadderRun | None:
    """One ladder from the open of the bar at the cursor; None when the history ends before it does."""
    opened_at, price = path.opens, Decimal(repr(path.bar[0]))
    ride = Ride(_fresh(price, limits, model))
    low, high = _quiet(ride.state, price)
    path.previous = path.bar[0]
    while True:
        path.to_event(low, high)
        if path.over:
            return None
        at, closes, before = path.opens, path.closes, Decimal(repr(path.previous))
        first, highest, lowest, last = (Decimal(repr(value)) for value in path.bar)
        ride = through_bar(ride, before, (first, highest, lowest, last), at, model)
        low, high = _quiet(ride.state, last)
        path.previous = float(last)
        path.advance()
        state = ride.state
        if state.phase is Phase.FLAT:
            net, gross = state.realised - state.fees, state.realised
            return LadderRun(opened_at, closes, float(net / _NOTIONAL), float(gross / _NOTIONAL), state.bands_hit)


def _quiet(state: PairState, price: Decimal) -> tuple[float, float]:
    around = [float(level) for level in levels(state)]
    here = float(price)
    return max((x for x in around if x <= here), default=0.0), min((x for x in around if x >= here), default=math.inf)


def _fresh(price: Decimal, limits: Limits, model: FillModel) -> PairState:
    quantity = _NOTIONAL / price
    buys, sells = (model.fill_price(price, quantity, buys=side) for side in (True, False))
    *steps, last = limits.rebalance_bands
    return PairState(
        pair_id="ladder",
        rules=Rules(
            bands=(
                *(Band(move=step.move, leg="losing", fraction=step.fraction) for step in steps),
                Band(move=last.move, leg="both", fraction=last.fraction),
            ),
            reversal_rule=limits.reversal_rule,
            stop=Decimal(10**6),
            target=Decimal(10**6),
            breakeven_at=Decimal(10**6),
            trailing_distance=None,
            deadline=30_000_000_000_000,
            collapse_level=None,
            funding_adverse_exit=Decimal(1),
            net_delta_max=limits.net_delta_max,
            imbalance_grace_ms=0,
            cost=model.taker * model.cost_factor,
            reopen=False,
        ),
        step=Decimal("1e-8"),
        pair_margin=_NOTIONAL,
        entry=price,
        long=Holding(opened=quantity, left=quantity, average=buys),
        short=Holding(opened=quantity, left=quantity, average=sells),
        fees=model.fee(quantity, buys) + model.fee(quantity, sells),
    )


def random_starts(market: Market, count: int, start: int, end: int, seed: int) -> list[int]:
    """Times of `count` bars drawn without replacement, in order."""
    times = market.bars[market.path].time
    times = times[(times >= start) & (times < end)]
    chosen = np.random.default_rng(seed).choice(times, size=min(count, times.size), replace=False)
    return sorted(int(at) for at in chosen)


def buy_and_hold(market: Market, start: int, end: int) -> float:
    """Return of the coin from the first open to the last close, before costs."""
    path = Cursor(market, start, end)
    if path.over:
        return math.nan
    first = path.bar[0]
    path.seek(end)
    bars = market.bars[market.path]
    last = float(bars.close[np.searchsorted(bars.time, end) - 1])
    return last / first - 1
