"""Another trader's position of one leg over a history: every exit by hand, and every cent on random paths.

Equity 100,000, a tenth of it as margin at 5x: 500 coins at 100. Taker 5 bp and no other costs, unless said.
"""

import asyncio
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_fetchers.snapshot import MarketSnapshot
from orchestrator.errors import HostError
from orchestrator.ledger.book import Book
from orchestrator.simulation.account import Account
from orchestrator.simulation.document import document
from orchestrator.simulation.engine import Engine, Setup
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import HOUR_MS, Bars, Market, resample
from orchestrator.simulation.position import Cycle, Position
from orchestrator.simulation.surveying import PlainSurvey
from tests.guard_scenario import limits_of as delivered
from tests.guard_scenario import permitted
from traders.contract.constraints import ConstraintSet, constraint_set
from traders.contract.context import Context, Reading
from traders.contract.decision import Action, Band, Decision, Evidence, LegPlan, PairPlan, Side, stand_aside
from traders.contract.history import Held
from traders.contract.portfolio import Portfolio
from traders.contract.verdict import Leg
from traders.example_trend.trader import ExampleTrend

SOL = "SOL/USDT:USDT"
D = Decimal
#: Midnight, after which the flat days that fill the daily candles begin.
START = 1_704_067_200_000
BEFORE = 72
ENTRY = START + BEFORE * HOUR_MS


class Flat(FillModel):
    """Half the spread and no walk through the book, so that prices are whole."""

    def slippage(self, notional: Decimal) -> Decimal:
        return self.spread / 2


FREE = Flat(spread=D(0))


class Once(ExampleTrend):
    """Enters at one time, one way, with what the limits allow; shows an ATR for the trailing stop."""

    def __init__(self, side: Side, atr: float | None = None) -> None:
        self._side, self._atr = side, atr

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        seen = super().observe(snapshot, portfolio, constraints)
        if self._atr is None:
            return seen
        atr = Reading.of(self._atr, 6, "USDT", seen.as_of)
        return seen.model_copy(update={"readings": {**seen.readings, "sol.1h.atr14": atr}}).hashed()

    def _decide(self, context: Context, policy: str) -> Decision:
        if context.as_of != ENTRY:
            return stand_aside(context.symbol, "not now")
        limits = context.limits
        inner, last = limits.rebalance_bands
        plan = PairPlan(
            kind="directional",
            legs=(LegPlan(venue=context.venue, symbol=SOL, side=self._side, weight=D(1)),),
            pair_margin_fraction=limits.directional_share_max, leverage=limits.leverage_min, rehedge="none",
            reversal_rule=limits.reversal_rule, stop_loss=limits.stop_loss_max, take_profit=limits.take_profit_max,
            bands=(Band(move=inner.move, fraction=inner.fraction, leg="losing"),
                   Band(move=last.move, fraction=last.fraction, leg="both")),
            trailing_atr_multiple=limits.trailing_atr_multiple, max_holding_hours=limits.holding_hours_max,
            reopen=False,
        )  # fmt: skip
        price = context.readings["sol.price.last"].value
        cited = (Evidence(reading="sol.price.last", value=D(repr(price))),)
        return Decision(action=Action.ENTER, symbol=SOL, plan=plan, evidence=cited, confidence=D("0.6"))


def limits_of(**changes: Any) -> ConstraintSet:
    return constraint_set(90, 1, delivered(**{"directional_enabled": True, **changes}).limits)


def market(prices: Any, rates: dict[int, float] | None = None) -> Market:
    """Hourly bars after three flat days at 100; a row is a price, or open, high, low, close. Rates by hour."""
    rows = [(100.0,) * 4] * BEFORE + [row if isinstance(row, tuple) else (float(row),) * 4 for row in prices]
    table = np.array(rows, dtype=np.float64)
    times = START + np.arange(len(rows)) * HOUR_MS
    columns = [np.ascontiguousarray(table[:, place]) for place in range(4)]
    hourly = Bars(HOUR_MS, times, *columns, np.ones(len(rows)))
    bars = {"1h": hourly, **{name: resample(hourly, hours * HOUR_MS) for name, hours in (("4h", 4), ("1d", 24))}}
    # what settled before keeps the funding data fresh
    settled = {-8: 0.0, 0: 0.0} | (rates or {})
    hours = sorted(settled)
    return Market(
        SOL, "paper", bars, "1h",
        np.array([ENTRY + hour * HOUR_MS for hour in hours], dtype=np.int64),
        np.array([settled[hour] for hour in hours], dtype=np.float64), 8.0, 0,
    )  # fmt: skip


def run(trader: Once, found: Market, model: FillModel = FREE, **limits: Any) -> Engine:
    end = int(found.bars["1h"].time[-1]) + HOUR_MS
    setup = Setup((SOL,), ENTRY - HOUR_MS, end, D(100_000), model)
    engine = Engine(trader, limits_of(**limits), {SOL: found}, setup)
    asyncio.run(engine.run())
    checked = document(engine, setup, {SOL: found}, 1.0)  # the ledger arrives at the same wallet
    assert checked["one_leg"] == checked["cycles"] == len(engine.outcome.cycles)
    assert checked["continuation"]["reached_band_1"] == 0
    return engine


def only(engine: Engine) -> Cycle:
    (cycle,) = engine.outcome.cycles
    assert float(cycle.net) == pytest.approx(float(engine.account.wallet - 100_000), abs=1e-9)
    return cycle


#: Where 500 (S - 100) - 25 - 0.25 S is what the margin of 10,000 makes it: stop -800, target +1,500, break-even 0.
STOP, TARGET, EVEN = (float(Fraction(50_025 + made) / Fraction("499.75")) for made in (-800, 1_500, 0))


@pytest.mark.parametrize(
    ("side", "path", "reason", "leaves"),
    [
        ("long", [100, (100, 100, 98, 98)], "stop", STOP),
        ("long", [100, 97], "stop", 97),  # a gap over it
        ("long", [100, (100, 104, 100, 104)], "target", TARGET),
        ("long", [100, 104], "target", 104),
        ("long", [100, (100, 102.5, 100, 102.5), (102.5, 102.5, 99, 99)], "breakeven_stop", EVEN),
        ("short", [100, 103], "stop", 103),
        ("short", [100, 96], "target", 96),
        ("long", [100] * 60, "holding_time", 100),
        ("short", [100, 101], "end_of_data", 101),
        ("long", [100, 79], "liquidation", 80),
        ("short", [100, 121], "liquidation", 120),
    ],
)
def test_how_a_position_ends(side: Side, path: Any, reason: str, leaves: float) -> None:
    cycle = only(run(Once(side), market(path)))
    sign = 1 if side == "long" else -1
    assert (cycle.reason, cycle.side, cycle.notional, cycle.pair_margin) == (reason, side, 50_000, 10_000)
    assert float(cycle.gross) == pytest.approx(sign * 500 * (leaves - 100), abs=1e-6)
    closing = 0 if reason == "liquidation" else 500 * leaves * 0.0005
    assert float(cycle.fees) == pytest.approx(25 + closing, abs=1e-6)
    assert (cycle.slippage, cycle.funding, cycle.predicted) == (0, 0, None)
    hours = {"holding_time": 48}.get(reason)
    assert hours is None or cycle.closed_at - cycle.opened_at in (hours * HOUR_MS, (hours + 1) * HOUR_MS)


def test_the_trailing_stop_follows_the_best_price() -> None:
    """ATR 0.2, three of them: after band 1 at 102, from the best of 102.5 back to 101.9."""
    path = [100, (100, 102.5, 100, 102.5), (102.5, 102.5, 101, 101)]
    cycle = only(run(Once("long", atr=0.2), market(path)))
    assert cycle.reason == "trailing"
    assert float(cycle.gross) == pytest.approx(500 * 1.9, abs=1e-6)


@pytest.mark.parametrize(("side", "sign"), [("long", 1), ("short", -1)])
def test_funding_is_on_the_whole_notional(side: Side, sign: int) -> None:
    """500 coins at 100.5 and at 99.5; the rate of the entry's own time was before it."""
    path = [100.0] * 7 + [100.5] * 8 + [99.5] * 3
    cycle = only(run(Once(side), market(path, {0: 0.01, 8: 0.0004, 16: -0.0001})))
    assert cycle.funding == sign * (-D("0.0004") * 500 * D("100.5") + D("0.0001") * 500 * D("99.5"))


def test_a_rate_is_paid_before_anybody_can_flee_from_it() -> None:
    """After band 1 a long that pays 0.05 % is closed for it, with the payment of that very time behind it."""
    path = [100, (100, 102.1, 100, 102.1), *[102.1] * 9]
    cycle = only(run(Once("long"), market(path, {8: 0.0005})))
    assert (cycle.reason, cycle.closed_at - cycle.opened_at) == ("funding_adverse", 8 * HOUR_MS)
    assert cycle.funding == -D("0.0005") * 500 * D("102.1")


def test_spread_and_fees_are_paid_on_the_one_leg() -> None:
    model = Flat(spread=D("0.0002"))
    cycle = only(run(Once("long"), market([100, 101]), model))
    assert cycle.slippage == D("0.0001") * 500 * (100 + 101)
    assert cycle.fees == D("0.0005") * 500 * (100 * D("1.0001") + 101 * D("0.9999"))
    assert cycle.gross == 500


@pytest.mark.parametrize(("side", "sign"), [("long", 1), ("short", -1)])
def test_a_survey_is_told_that_all_of_it_is_net(side: Side, sign: int) -> None:
    told = []

    class Listening(PlainSurvey):
        def may_exit(self, symbol: str, at: int, held: Held) -> bool:
            told.append(held.net_share)
            return False

    found = market([100, 100, 100])
    trader = Once(side)
    setup = Setup((SOL,), ENTRY - HOUR_MS, ENTRY + 3 * HOUR_MS, D(100_000), FREE)
    asyncio.run(Engine(trader, limits_of(), {SOL: found}, setup, survey=Listening(trader, {SOL: found.whole()})).run())
    assert told and set(told) == {float(sign)}


def test_the_switch_is_the_guards() -> None:
    engine = run(Once("long"), market([100, 101]), directional_enabled=False)
    assert engine.outcome.cycles == [] and engine.outcome.rules["directional_disabled"] == 1


WALK = st.lists(st.integers(-150, 150), min_size=30, max_size=60)
RATES = st.lists(st.integers(-200, 200), min_size=8, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["long", "short"]), WALK, RATES)
def test_every_cent_on_random_paths(side: Side, walk: list[int], rates: list[int]) -> None:
    """direction x q x (exit - entry) - fees + funding, in fractions, from fills' prices and the path alone."""
    prices = (100 + np.cumsum([0, *walk]) / 100).clip(60, 140).round(2)
    path = [
        (float(a), round(float(max(a, b)) + 0.1, 2), round(float(min(a, b)) - 0.1, 2), float(b))
        for a, b in zip([100.0, *prices[:-1]], prices, strict=True)
    ]
    settled = {8 * number: rate / 100_000 for number, rate in enumerate(rates)}
    engine = run(Once(side), market(path, settled))
    cycle = only(engine)
    sign = 1 if side == "long" else -1
    fills = [row for row in engine.account.rows if row.kind == "fill"]
    opening, closings = fills[0], fills[1:]
    assert (opening.quantity, opening.price, opening.position_side) == (500, 100, side)
    assert sum(row.quantity or 0 for row in closings) == 500
    expected = Fraction(0)
    for row in closings:
        assert row.price is not None and row.quantity is not None
        hour = (row.time - ENTRY) // HOUR_MS
        if cycle.reason != "liquidation":
            around = path[max(0, hour - 1) : hour + 1]
            assert min(bar[2] for bar in around) <= row.price <= max(bar[1] for bar in around)
        expected += sign * Fraction(row.quantity) * (Fraction(row.price) - 100)
        if cycle.reason != "liquidation":
            expected -= Fraction(1, 2000) * Fraction(row.quantity) * Fraction(row.price)
    expected -= 25
    for hour, rate in settled.items():
        at = ENTRY + hour * HOUR_MS
        left = 500 - sum((Fraction(row.quantity or 0) for row in closings if row.time < at), Fraction(0))
        if hour > 0 and hour < len(path):
            expected -= sign * left * Fraction(repr(path[hour][0])) * Fraction(repr(rate))
    assert float(cycle.net) == pytest.approx(float(expected), abs=1e-9)
    book = Book()
    book.add(engine.account.rows)
    assert float(book.net) == pytest.approx(float(expected), abs=1e-9)
    made = cycle.net / cycle.pair_margin
    assert made >= D("0.1499") if cycle.reason == "target" else made < D("0.16")
    assert made <= D("-0.0799") if cycle.reason == "stop" else True


def test_legs_of_two_perpetuals_are_not_filled_at_one_price() -> None:
    legs = tuple(
        Leg(leg_id=symbol, venue="paper", symbol=symbol, side=side, quantity=D(1), limit_price=D(100))
        for symbol, side in ((SOL, "long"), ("AVAX/USDT:USDT", "short"))
    )  # fmt: skip
    assert permitted().review().plan is not None
    plan = permitted().review().plan.model_copy(update={"legs": legs})  # type: ignore[union-attr]
    with pytest.raises(HostError, match="several perpetuals"):
        Position.open(
            Account(D(0), D(1)), FREE, permitted().decision, plan, permitted().context, limits_of(), D(100), ENTRY
        )
