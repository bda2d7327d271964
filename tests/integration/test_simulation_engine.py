"""The event loop over a made-up history: nothing skipped, nothing known early, every cent in the ledger."""

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_fetchers.snapshot import MarketSnapshot
from orchestrator.simulation import position
from orchestrator.simulation.document import document
from orchestrator.simulation.engine import Engine, Setup, survey_of
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import HOUR_MS, Bars, Market, load
from orchestrator.simulation.situation import Situations
from tests.guard_scenario import limits_of
from tests.simulated_market import START, write_market
from tests.trader_samples import open_pair
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.history import BarReadings, Held, Survey
from traders.contract.portfolio import OpenPair, Portfolio
from traders.volatility_gamma.exit_rules import exit_reason
from traders.volatility_gamma.trader import VolatilityGamma

SYMBOLS = ("SOL/USDT:USDT", "AVAX/USDT:USDT")
DAY_MS = 24 * HOUR_MS
HALF_YEAR = START + 181 * DAY_MS
#: An account before its first trade.
FRESH = Portfolio.model_validate(
    {"equity": "100000", "equity_high": "100000", "day_start_equity": "100000", "cash": "100000", "trades_24h": 0,
     "directional_margin": "0"}
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def markets(folder: Path) -> dict[str, Market]:
    return load(folder, SYMBOLS, "binanceusdm")


@pytest.fixture(scope="module")
def constraints() -> ConstraintSet:
    return limits_of()


def setup_of(start: int, end: int, **changes: Any) -> Setup:
    setup = Setup(SYMBOLS, start, end, Decimal(100_000), FillModel())
    return replace(setup, **changes)


def run(markets: dict[str, Market], setup: Setup, constraints: ConstraintSet, survey: Survey | None = None) -> Engine:
    engine = Engine(VolatilityGamma(), constraints, markets, setup, survey=survey)
    asyncio.run(engine.run())
    return engine


class Everywhere:
    """A survey that gates nothing: every hour may be an entry, every hour may be an exit."""

    def __init__(self, inner: Survey, hours: frozenset[int]) -> None:
        self._inner, self._hours = inner, hours

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        return self._inner.observe(snapshot, portfolio, constraints)

    def entry_hours(self, symbol: str) -> frozenset[int]:
        return self._hours

    def may_exit(self, symbol: str, at: int, held: Held) -> bool:
        return True

    def bar(self, symbol: str, at: int) -> BarReadings:
        return self._inner.bar(symbol, at)


@pytest.fixture(scope="module")
def whole(markets: dict[str, Market], constraints: ConstraintSet) -> Engine:
    return run(markets, setup_of(START, START + 215 * DAY_MS), constraints)


def test_the_market_is_one_in_which_something_happens(whole: Engine) -> None:
    reasons = {cycle.reason for cycle in whole.outcome.cycles}
    assert len(whole.outcome.cycles) >= 10
    assert {"last_band", "reversal"} <= reasons
    assert {cycle.symbol for cycle in whole.outcome.cycles} == set(SYMBOLS)


def test_the_ledger_arrives_at_the_wallet(whole: Engine, markets: dict[str, Market]) -> None:
    setup = setup_of(START, START + 215 * DAY_MS)
    found = document(whole, setup, markets, 1.0)
    net = sum(
        Decimal(found[name]) * sign for name, sign in (("gross", 1), ("slippage", -1), ("fees", -1), ("funding", 1))
    )
    assert net == pytest.approx(Decimal(found["net"]), abs=Decimal("0.00001"))
    assert Decimal(found["net"]) == pytest.approx(whole.account.wallet - setup.capital, abs=Decimal("0.00001"))
    whole.account.wallet += 1
    with pytest.raises(Exception, match="the ledger's net"):
        document(whole, setup, markets, 1.0)
    whole.account.wallet -= 1


@pytest.mark.parametrize("first_day", [183, 196])
def test_the_gate_leaves_out_no_entry_and_no_exit(
    markets: dict[str, Market], constraints: ConstraintSet, whole: Engine, first_day: int
) -> None:
    """The scalar rules at every tick of a window give the very same pairs as those at the gated ticks."""
    setup = setup_of(START + first_day * DAY_MS, START + (first_day + 5) * DAY_MS)
    survey = survey_of(VolatilityGamma(), markets, constraints)
    bars = markets[SYMBOLS[0]].bars["1h"]
    every = frozenset((bars.time + HOUR_MS).tolist())
    gated, asked = run(markets, setup, constraints, survey), run(markets, setup, constraints, Everywhere(survey, every))
    assert asked.outcome.cycles == gated.outcome.cycles
    assert asked.outcome.decisions > 5 * gated.outcome.decisions
    assert asked.outcome.actions["enter"] == gated.outcome.actions["enter"]
    assert asked.outcome.actions["exit"] == gated.outcome.actions["exit"]


def test_a_pair_that_a_decision_would_end_is_asked_about(
    markets: dict[str, Market], constraints: ConstraintSet
) -> None:
    """Pairs of every kind at many hours: wherever the scalar rules end one, the gate is open; often it is not."""
    trader, symbol = VolatilityGamma(), SYMBOLS[0]
    survey = survey_of(trader, markets, constraints)
    situations = Situations(markets, FillModel(), book=True)
    ends: Counter[str] = Counter()
    opens = asked = 0
    for hour in range(0, 30 * 24, 3):
        at = START + 185 * DAY_MS + hour * HOUR_MS
        snapshot = situations.snapshot(trader.requirements(symbol), at)
        price = Decimal(repr(situations.price(symbol, at)))
        context = survey.observe(snapshot, FRESH, constraints)
        for share, profit, then in itertools.product((-1, 0, Decimal("0.5")), (-1, 1), (None, "0.0008", "-0.0008")):
            pair = of_kind(price, at, Decimal(share), Decimal(profit), then)
            held = Held(profit > 0, float(share), then is not None, None if then is None else float(then))
            reason = exit_reason(context, pair)
            may = survey.may_exit(symbol, at, held)
            asked, opens = asked + 1, opens + may
            if reason is not None and "collapsed" not in reason.text:  # the fast loop sees to that one
                assert may, (reason, held)
                ends[reason.text.split(":")[0][:30]] += 1
    assert len(ends) >= 3, ends
    assert opens < asked / 2


def of_kind(price: Decimal, at: int, share: Decimal, profit: Decimal, then: str | None) -> OpenPair:
    """A pair of 15,000 USDT margin at 5x, of which `share` of a leg is left open on one side."""
    quantity = Decimal(37_500) / price
    pair = open_pair(pair_margin=Decimal(15_000), leverage=5, entry_price=price, opened_at=at - HOUR_MS)
    left = {"long": quantity * (1 + min(share, 0)), "short": quantity * (1 - max(share, 0))}
    return pair.model_copy(
        update={
            "legs": tuple(leg.model_copy(update={"quantity": left[leg.side]}) for leg in pair.legs),
            "net_delta": share / (2 - abs(share)),
            "cycle_pnl": profit / 100,
            "entered_on_funding": then is not None,
            "funding_rate_entry": None if then is None else Decimal(then),
        }
    )


def test_quiet_bars_are_quiet(
    markets: dict[str, Market], constraints: ConstraintSet, whole: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Playing every bar through the rebalancer changes nothing but the time it takes."""
    monkeypatch.setattr(position.Position, "quiet", lambda self, low, high: False)
    played = run(markets, setup_of(START, START + 215 * DAY_MS), constraints)
    assert played.outcome.cycles == whole.outcome.cycles
    assert played.account.rows == whole.account.rows


def test_the_future_changes_nothing_before_it(
    markets: dict[str, Market], constraints: ConstraintSet, whole: Engine
) -> None:
    """Look-ahead: every price and rate after a day is replaced; what was closed by then is what it was."""
    middle = whole.outcome.cycles[len(whole.outcome.cycles) // 2].closed_at
    changed = {symbol: _with_another_future(market, middle) for symbol, market in markets.items()}
    other = run(changed, setup_of(START, START + 215 * DAY_MS), constraints)
    before = [cycle for cycle in whole.outcome.cycles if cycle.closed_at <= middle]
    assert len(before) >= 5
    assert [cycle for cycle in other.outcome.cycles if cycle.closed_at <= middle] == before
    assert other.outcome.cycles != whole.outcome.cycles


def _with_another_future(market: Market, at: int) -> Market:
    bars = {}
    for timeframe, one in market.bars.items():
        later = one.time + one.interval_ms > at
        scale = np.where(later, 1 + 0.2 * np.sin(np.arange(later.size)), 1.0)
        prices = {name: getattr(one, name) * scale for name in ("open", "high", "low", "close")}
        bars[timeframe] = Bars(one.interval_ms, one.time, **prices, volume=one.volume)
    rates = np.where(market.funding_time > at, -market.funding_rate, market.funding_rate)
    return replace(market, bars=bars, funding_rate=rates)


def test_readings_of_the_survey_are_those_of_observe(markets: dict[str, Market], constraints: ConstraintSet) -> None:
    trader, random = VolatilityGamma(), np.random.default_rng(2)
    survey = survey_of(trader, markets, constraints)
    situations = Situations(markets, FillModel(), book=True)
    hours = markets[SYMBOLS[0]].bars["1h"].time + HOUR_MS
    empty = Portfolio.model_validate(
        {
            "equity": "1",
            "equity_high": "1",
            "day_start_equity": "1",
            "cash": "1",
            "trades_24h": 0,
            "directional_margin": "0",
        }
    )
    for at in (int(at) for at in random.choice(hours[hours > HALF_YEAR], size=12, replace=False)):
        snapshot = situations.snapshot(trader.requirements(SYMBOLS[0]), at)
        plain, remembered = trader.observe(snapshot, empty, constraints), survey.observe(snapshot, empty, constraints)
        assert remembered == plain and remembered.context_hash == plain.context_hash
        bar = survey.bar(SYMBOLS[0], at)
        assert len(bar.readings) >= 8
        for name, value in bar.readings.items():
            assert float(value) == plain.value(name), name


def test_strict_refuses_what_it_cannot_judge(markets: dict[str, Market], constraints: ConstraintSet) -> None:
    engine = run(markets, setup_of(HALF_YEAR, START + 200 * DAY_MS, missing="strict"), constraints)
    assert engine.outcome.cycles == []
    assert engine.outcome.actions["enter"] == 0  # without a book the rules see no depth
    assert any("open interest" in line for line in engine.outcome.not_evaluable)


def test_dearer_trading_is_permitted_less(
    markets: dict[str, Market], constraints: ConstraintSet, whole: Engine
) -> None:
    model = FillModel(cost_factor=Decimal(3))
    engine = run(markets, setup_of(START, START + 215 * DAY_MS, model=model), constraints)
    assert len(engine.outcome.cycles) < len(whole.outcome.cycles)
    assert engine.outcome.rules["cost_multiple"] > 0
