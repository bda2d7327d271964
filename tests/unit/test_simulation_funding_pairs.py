"""The two-venue funding tactic on hand-made histories: the golden pair of domain.md section 10, every exit, every cent.

The guard is left out here: a judge permits exactly 500 coins a leg. It has its own test.
"""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.funding_pair import FundingPair
from orchestrator.simulation.document import LedgerMismatch
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.funding_document import checked
from orchestrator.simulation.funding_guard import Judged, plan_of
from orchestrator.simulation.funding_pairs import FundingRun, FundingTactic
from orchestrator.simulation.funding_venues import guessed_venue, joined
from orchestrator.simulation.history import HOUR_MS, Bars, HistoryError, Market
from tests.guard_scenario import SOL, limits_of
from traders.contract.decision import Action, Decision, Evidence
from traders.contract.portfolio import Portfolio
from traders.contract.verdict import Bracket, ExecutionPlan, Leg, Verdict

D = Decimal
START = 1_704_067_200_000  # 2024-01-01T00:00Z
#: Fees of 5 bp and nothing else.
FREE = FillModel(spread=D(0), depth_usdt=D(10) ** 60)
EIGHT_HOURS = 8 * HOUR_MS


def bars(prices: Any) -> Bars:
    """Hourly bars, flat inside unless a row of open, high, low, close is given."""
    rows = np.array([row if isinstance(row, tuple) else (row,) * 4 for row in prices], dtype=np.float64)
    times = START + np.arange(len(rows)) * HOUR_MS
    columns = [np.ascontiguousarray(rows[:, place]) for place in range(4)]
    return Bars(HOUR_MS, times, *columns, np.ones(len(rows)))


def market(venue: str, prices: Any, rates: list[float], hours: float = 8.0, first: int = START) -> Market:
    """Settled rates every `hours` from `first` on."""
    times = np.array([first + int(number * hours * HOUR_MS) for number in range(len(rates))], dtype=np.int64)
    return Market(SOL, venue, {"1h": bars(prices)}, "1h", times, np.array(rates, dtype=np.float64), hours, 0)


def permits(**limits: Any) -> Any:
    """A judge that lets through 500 coins a leg, with 20,000 of pair margin at 5x."""
    constraints = limits_of(**limits)

    def judge(symbol: str, at: int, found: FundingPair, portfolio: Portfolio, latched: bool) -> Judged:
        plan = plan_of(symbol, {"long": found.long_venue, "short": found.short_venue}, constraints.limits)
        cited = (Evidence(reading="pair.funding_spread_8h", value=found.spread_8h),)
        decision = Decision(action=Action.ENTER, symbol=symbol, plan=plan, evidence=cited)
        far = {"long": D(10**6), "short": D("0.01")}
        legs = tuple(
            Leg(leg_id=f"{number}", venue=leg.venue, symbol=symbol, side=leg.side, quantity=D(500),
                limit_price=far[leg.side])
            for number, leg in enumerate(plan.legs)
        )  # fmt: skip
        execution = ExecutionPlan(
            decision_id=f"d{at}", symbol=symbol, pair_margin=D(20_000), leverage=5, entry_price=D(100), legs=legs,
            bands=plan.bands, bracket=Bracket(upper=D(105), lower=D(95)), stop=plan.stop_loss,
            target=plan.take_profit, expires_at=at,
        )  # fmt: skip
        verdict = Verdict(
            outcome="approved", decision=decision, plan=execution, findings=(),
            constraints_version=1, constraints_hash="x", guard_version="x",
        )  # fmt: skip
        return Judged(decision, verdict, ())

    return judge


def played(first: Market, second: Market, judge: Any = None, model: FillModel = FREE, **limits: Any) -> FundingRun:
    tactic = FundingTactic(
        [joined(first, second)], limits_of(**limits), model, D(100_000), (0, 2**62), judge or permits(**limits)
    )
    run = tactic.play()
    checked(run, D(100_000))
    return run


def flat(hours: int = 30) -> list[float]:
    return [100.0] * hours


def test_the_golden_pair_receives_fifty_per_8h_and_pays_a_hundred() -> None:
    """domain.md section 10: N 50,000, +.0008 short, -.0002 long."""
    run = played(market("a", flat(), [0.0008] * 3 + [0.0001]), market("b", flat(), [-0.0002] * 3 + [0.0001]))
    (cycle,) = run.cycles
    assert (cycle.short_venue, cycle.long_venue, cycle.notional) == ("a", "b", 50_000)
    # entered after the rates of 00:00 are known, so those of 08:00 and 16:00 are the first it receives
    assert (cycle.opened_at, cycle.closed_at) == (START, START + 3 * EIGHT_HOURS)
    assert (cycle.payments, cycle.reason) == (6, "spread_closed")
    # 08:00, 16:00: 40 + 10 each; 24:00 at .0001: the short receives 5, the long pays 5
    assert (cycle.funding_short, cycle.funding_long) == (40 + 40 + 5, 10 + 10 - 5)
    assert (cycle.gross, cycle.slippage, cycle.fees) == (0, 0, 100)
    assert cycle.net == 0
    assert run.account.wallet == 100_000
    assert (run.intervals, run.unknown, len(run.qualified)) == (4, 0, 3)
    assert (run.qualified[0].found.earns_8h, run.qualified[0].found.costs) == (50, 100)
    assert [one.opened for one in run.qualified] == [True, False, False]


def test_one_eight_hour_interval_of_it_loses_half_its_costs() -> None:
    run = played(
        market("a", flat(), [0.0008, 0.0008]), market("b", flat(), [-0.0002, -0.0002]), funding_spread_exit="0.001"
    )
    (cycle,) = run.cycles
    assert (cycle.funding, cycle.fees, cycle.net) == (50, 100, -50)


def test_hourly_rates_are_put_on_eight_hours_and_paid_by_the_hour() -> None:
    """.0001 an hour is .0008 per 8 h; each leg is paid at its own venue's times."""
    run = played(market("a", flat(9), [0.0001] * 9, hours=1.0), market("b", flat(9), [-0.0002] * 2))
    (cycle,) = run.cycles
    assert run.qualified[0].found.spread_8h == D("0.001")
    assert (cycle.funding_short, cycle.funding_long) == (8 * 5, 10)
    assert (cycle.payments, cycle.reason) == (9, "end_of_data")
    assert run.intervals == 9


def test_funding_is_paid_on_the_notional_at_each_venues_own_price() -> None:
    first = market("a", [100.0] * 8 + [110.0] * 8, [0.0008, 0.0008])
    second = market("b", [100.0] * 8 + [111.0] * 8, [-0.0002, -0.0002])
    (cycle,) = played(first, second, funding_spread_exit="0.001").cycles
    assert (cycle.funding_short, cycle.funding_long) == (D("44.0"), D("11.1"))
    assert cycle.gross == 500 * (111 - 100) - 500 * (110 - 100)
    assert cycle.fees == D("0.0005") * 500 * (100 + 100 + 110 + 111)


@pytest.mark.parametrize(
    ("rates", "limits", "reason", "hours"),
    [
        (([0.0008, 0.0005], [-0.0002, 0.0002]), {}, "spread_closed", 8),  # .0003: at the limit
        (([0.0008, 0.00051], [-0.0002, 0.0002]), {}, "end_of_data", 30),
        (([0.0008, 0.0001], [-0.0002, 0.0002]), {}, "spread_turned", 8),
        (([0.0008] * 5, [-0.0002] * 5), {"holding_hours_max": "9"}, "holding_time", 9),
    ],
)
def test_how_a_pair_ends(rates: Any, limits: dict[str, Any], reason: str, hours: int) -> None:
    cycle = played(market("a", flat(), rates[0]), market("b", flat(), rates[1]), **limits).cycles[0]
    assert (cycle.reason, cycle.closed_at - START) == (reason, hours * HOUR_MS)


def test_stop_and_target_are_shares_of_the_pair_margin() -> None:
    """Of 20,000 8 % and 15 %: venues that drift apart by 3.2 and 6 on 500 coins, and the fees of 100."""
    for apart, reason in ((2.9, "end_of_data"), (3.1, "stop"), (-6.1, "end_of_data"), (-6.3, "target")):
        first, second = market("a", [100.0] * 3 + [100.0 + apart] * 9, [0.0008]), market("b", flat(12), [-0.0002])
        (cycle,) = played(first, second).cycles
        assert cycle.reason == reason


@pytest.mark.parametrize("inside", [False, True])
def test_a_liquidated_leg_loses_its_margin_and_the_other_is_closed_at_once(inside: bool) -> None:
    """The short at venue a: 5x, rate .01, amount 50: (50,000 + 10,000 + 50) / (500 x 1.01) = 118.91."""
    level = (D(60_050) / D(500) / D("1.01")).quantize(D("0.000001"))
    spike = (100.0, 125.0, 100.0, 100.0) if inside else 119.0
    other = (100.0, 118.0, 100.0, 100.0) if inside else 119.0
    (cycle,) = played(
        market("a", [100.0] * 3 + [spike] + [100.0] * 3, [0.0008]),
        market("b", [100.0] * 3 + [other] + [100.0] * 3, [-0.0002]),
    ).cycles
    closed = 118 if inside else 119
    assert float(level) == pytest.approx(118.910891)
    assert cycle.reason == "liquidation"
    assert cycle.gross == -500 * 20 + 500 * (closed - 100)
    assert cycle.fees == D("0.0005") * 500 * (100 + 100 + closed)


def test_a_short_of_the_level_is_no_liquidation() -> None:
    run = played(
        market("a", [100.0] * 3 + [(100.0, 118.9, 100.0, 100.0)] * 2, [0.0008]),
        market("b", [100.0] * 5, [-0.0002]),
    )
    assert run.cycles[0].reason == "end_of_data"


def test_a_spread_just_below_the_limit_does_not_count() -> None:
    run = played(market("a", flat(), [0.0008, 0.0007999]), market("b", flat(), [-0.0001999, -0.0002]))
    assert (run.intervals, run.qualified, run.cycles) == (2, [], [])
    assert run.widest == D("0.0009999")


def test_an_interval_with_one_rate_missing_is_not_counted() -> None:
    run = played(market("a", flat(), [0.0008, 0.0008]), market("b", flat(), [-0.0002], first=START + EIGHT_HOURS))
    assert (run.intervals, run.unknown, len(run.qualified)) == (1, 1, 1)


def test_a_rate_that_should_have_been_replaced_is_no_rate() -> None:
    """Venue b stops telling its rates: the old one is not taken for a new one, and the time limit ends the pair."""
    run = played(market("a", flat(60), [0.0008] * 5), market("b", flat(60), [-0.0002]), funding_spread_exit="0.0009")
    assert (run.intervals, run.unknown, len(run.qualified)) == (1, 4, 1)
    assert [cycle.reason for cycle in run.cycles] == ["holding_time"]


def test_a_price_beyond_the_limit_of_a_leg_opens_nothing() -> None:
    def judge(*asked: Any) -> Judged:
        said = permits()(*asked)
        legs = tuple(leg.model_copy(update={"limit_price": D(100)}) for leg in said.verdict.plan.legs)
        plan = said.verdict.plan.model_copy(update={"legs": legs})
        return replace(said, verdict=said.verdict.model_copy(update={"plan": plan}))

    run = played(market("a", flat(), [0.0008]), market("b", [100.01, *flat()], [-0.0002]), judge)
    assert (run.cycles, run.expired, run.account.rows) == ([], 1, [])


def test_a_venue_without_rates_is_named() -> None:
    with pytest.raises(HistoryError, match="b has no funding rates"):
        joined(market("a", flat(), [0.0008]), market("b", flat(), []))


def test_money_that_is_not_in_the_ledger_is_a_fault() -> None:
    run = played(market("a", flat(), [0.0008]), market("b", flat(), [-0.0002]))
    run.account.wallet += 1
    with pytest.raises(LedgerMismatch):
        checked(run, D(100_000))


def test_a_folder_gives_its_venue_away(tmp_path: Any) -> None:
    assert guessed_venue(tmp_path / "bybit" / "futures") == "bybit"
    assert guessed_venue(tmp_path / "Binance" / "futures") == "binanceusdm"
    assert guessed_venue(tmp_path / "x") == "second"


PRICES = st.lists(st.integers(9_500, 10_500), min_size=26, max_size=26)
RATES = st.lists(st.integers(-120, 120), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(PRICES, PRICES, RATES, RATES, st.sampled_from([1.0, 4.0, 8.0]))
def test_net_is_what_the_two_legs_made_worked_out_by_themselves(
    here: list[int], there: list[int], rates: list[int], others: list[int], hours: float
) -> None:
    """Exact fractions from prices and rates alone, over random paths; only when a pair ends is taken from the run."""
    a = market("a", [price / 100 for price in here], [rate / 100_000 for rate in rates], hours=hours)
    b = market("b", [price / 100 for price in there], [rate / 100_000 for rate in others])
    for cycle in played(a, b).cycles:
        sums = {"price": Fraction(0), "fees": Fraction(0), "funding": Fraction(0)}
        for venue, prices, settled, each in (("a", here, rates, hours), ("b", there, others, 8.0)):
            sign = -1 if cycle.short_venue == venue else 1
            first, last = (int((at - START) // HOUR_MS) for at in (cycle.opened_at, cycle.closed_at))
            entry = Fraction(prices[first], 100)
            leaves = Fraction(prices[last if cycle.reason != "end_of_data" else last - 1], 100)
            sums["price"] += sign * 500 * (leaves - entry)
            sums["fees"] += Fraction(1, 2000) * 500 * (entry + leaves)
            for number, rate in enumerate(settled):
                hour = int(number * each)
                if first < hour <= last and hour < len(prices):
                    sums["funding"] -= sign * 500 * Fraction(prices[hour], 100) * Fraction(rate, 100_000)
        assert Fraction(cycle.gross) == sums["price"]
        assert Fraction(cycle.net) == sums["price"] - sums["fees"] + sums["funding"]
