"""Random situations around the permitted entry, and random decisions of any valid type."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.guard_cases import CASES, leg
from tests.guard_scenario import AVAX, HOUR, NOW, PLAN, SOL, D, Scenario, book, open_pair, permitted
from traders.contract.context import Reading
from traders.contract.decision import Action, Band, Condition, Decision, Evidence, LegPlan, PairPlan, Regime
from traders.contract.quote import Fees, MarginTier, Quote, Switches

Change = Callable[[Scenario], Scenario]


def _of(values: list[Any], change: Callable[[Scenario, Any], Scenario]) -> st.SearchStrategy[Change]:
    return st.sampled_from(values).map(lambda value: lambda scenario: change(scenario, value))


def _between(low: str, high: str, change: Callable[[Scenario, Decimal], Scenario]) -> st.SearchStrategy[Change]:
    return st.decimals(D(low), D(high), places=4).map(lambda value: lambda scenario: change(scenario, value))


def _plan(name: str) -> Callable[[Scenario, Any], Scenario]:
    return lambda scenario, value: scenario.with_plan(**{name: value})


def _reading(name: str) -> Callable[[Scenario, Any], Scenario]:
    return lambda scenario, value: scenario.with_readings(**{name: float(value)})


def _bands(first: str, half: str, last: str) -> tuple[Band, ...]:
    return (
        Band(move=D(first), leg="losing", fraction=D(half)),
        Band(move=D(last), leg="both", fraction=D(1)),
    )


#: One change each; some stay within the limits, some leave them.
CHANGES: st.SearchStrategy[Change] = st.one_of(
    _of([4, 5, 6, 7, 8, 9], _plan("leverage")),
    _between("0.14", "0.21", _plan("pair_margin_fraction")),
    _between("0.01", "0.09", _plan("stop_loss")),
    _between("0.04", "0.16", _plan("take_profit")),
    _between("-1", "60", _plan("max_holding_hours")),
    _between("0", "4", _plan("trailing_atr_multiple")),
    _of(["none", "entry", "opposite_band"], _plan("reversal_rule")),
    _of(["none", "at_band"], _plan("rehedge")),
    _of([True, False], _plan("reopen")),
    _of(
        [
            _bands("0.015", "0.5", "0.03"),
            _bands("0.01", "0.5", "0.04"),
            _bands("0.02", "0.51", "0.035"),
            _bands("0.02", "0.53", "0.04"),
            _bands("0.02", "0.5", "0.05"),
            _bands("0.005", "0.5", "0.01"),
            (Band(move=D("0.01"), leg="losing", fraction=D("0.25")), *_bands("0.02", "0.5", "0.04")),
        ],
        _plan("bands"),
    ),
    _between("0.4", "1", lambda scenario, value: scenario.with_decision(confidence=value)),
    _between("1.4", "3.1", _reading("1h__atr_ratio")),
    _between("0.005", "0.02", _reading("1h__natr14")),
    _between("0.5", "3.2", _reading("1h__tr_multiple")),
    _between("0.5", "2.6", _reading("1h__vix_proxy")),
    _between("0.005", "0.06", _reading("1d__natr14")),
    _of([0.0, 20.0, 47.0, 48.0, 300.0], _reading("1h__bb_expansion_age")),
    _of([-0.0006, -0.0005, 0.0003, 0.0005, 0.0006], _reading("funding__rate_8h")),
    _between("0.3", "0.7", _reading("book__imbalance")),
    _between("119", "121", _reading("book__mid")),
    _between("60000", "140000", lambda scenario, value: scenario.with_portfolio(equity=value)),
    _between("30000", "140000", lambda scenario, value: scenario.with_portfolio(cash=value)),
    _of([0, 10, 13, 14], lambda scenario, value: scenario.with_portfolio(trades_24h=value)),
    _of(
        [(), (open_pair(symbol=AVAX),), (open_pair(),), (open_pair("a", AVAX), open_pair("b", AVAX))],
        lambda scenario, value: scenario.with_portfolio(pairs=value),
    ),
    _of(
        [(2000, 3000), (2000, 1400), (2000, 700), (100, 3000), (100, 200)],
        lambda scenario, value: scenario.with_leg(
            **dict(zip(("bids", "asks"), book(first=value[0], rest=value[1]), strict=True))
        ),
    ),
    _between("0", "0.0012", lambda scenario, value: scenario.with_quote(fees=Fees(maker=value, taker=value))),
    _of(["0.01", "1", "100", "300"], lambda scenario, value: scenario.with_contract(quantity_step=D(value))),
    _of([NOW, NOW - 15_000, NOW - 16_000], lambda scenario, value: scenario.with_leg(book_as_of=value)),
    _of([NOW + HOUR, NOW + 59_000, None], lambda scenario, value: scenario.with_leg(next_funding_time=value)),
    _of(
        [D("0.005"), D("0.02"), D("0.025"), D("0.05")],
        lambda scenario, value: scenario.with_leg(
            tiers=tuple(
                tier.model_copy(update={"maintenance_margin_rate": value}) for tier in scenario.quote.legs[SOL].tiers
            )
        ),
    ),
    _of([False, False, True], lambda scenario, value: scenario.with_switches(kill=value)),
)


@st.composite
def spoiled(draw: st.DrawFn, least: int = 0, most: int = 5) -> Scenario:
    """The permitted entry with a few things changed."""
    scenario = permitted()
    for change in draw(st.lists(CHANGES, min_size=least, max_size=most)):
        scenario = change(scenario)
    return scenario


@st.composite
def from_cases(draw: st.DrawFn) -> Scenario:
    """A scenario of the hand-written cases, changed further."""
    code = draw(st.sampled_from(sorted(CASES)))
    scenario = draw(st.sampled_from(CASES[code].fires + CASES[code].quiet))()
    if scenario.decision.plan is not None and SOL in scenario.quote.legs:
        for change in draw(st.lists(CHANGES, max_size=2)):
            scenario = change(scenario)
    return scenario


FRACTIONS = st.one_of(
    st.decimals(D("-1e15"), D("1e15"), allow_nan=False, allow_infinity=False),
    st.sampled_from([D(0), D("0.02"), D("0.04"), D("0.5"), D(1), D("-1"), D("1e-15")]),
)
MONEY = st.one_of(
    st.decimals(D("-1e18"), D("1e18"), allow_nan=False, allow_infinity=False),
    st.sampled_from([D(0), D(1), D("0.01"), D(120), D("1e18"), D("1e-18"), D("-1")]),
)
NAMES = st.sampled_from(["sol.1h.atr_ratio", "sol.price.last", "no.such", "sol.15m.x"])
LEGS = st.builds(
    LegPlan,
    venue=st.sampled_from(["paper", "bybit"]),
    symbol=st.sampled_from([SOL, AVAX, "BTC/USDT:USDT"]),
    side=st.sampled_from(["long", "short"]),
    weight=FRACTIONS,
)
PLANS = st.builds(
    PairPlan,
    kind=st.sampled_from(["gamma", "spread", "funding", "directional"]),
    legs=st.one_of(st.just(PLAN.legs), st.lists(LEGS, min_size=1, max_size=2).map(tuple), st.just((leg(),))),
    pair_margin_fraction=FRACTIONS,
    leverage=st.integers(-1000, 1000),
    bands=st.one_of(
        st.just(PLAN.bands),
        st.lists(
            st.builds(Band, move=FRACTIONS, leg=st.sampled_from(["losing", "winning", "both"]), fraction=FRACTIONS),
            max_size=8,
        ).map(tuple),
    ),
    rehedge=st.sampled_from(["none", "at_band"]),
    reversal_rule=st.sampled_from(["opposite_band", "entry", "none"]),
    stop_loss=FRACTIONS,
    take_profit=FRACTIONS,
    trailing_atr_multiple=FRACTIONS,
    max_holding_hours=FRACTIONS,
    reopen=st.booleans(),
)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """Any decision that the schema accepts."""
    action = draw(st.sampled_from(list(Action)))
    adds = action in (Action.ENTER, Action.REBALANCE)
    evidence = st.lists(st.builds(Evidence, reading=NAMES, value=FRACTIONS), min_size=int(adds), max_size=3)
    conditions = st.lists(
        st.builds(Condition, reading=NAMES, op=st.sampled_from(["lt", "le", "gt", "ge"]), value=FRACTIONS), max_size=2
    )
    return Decision(
        action=action,
        symbol=draw(st.sampled_from([SOL, AVAX, "BTC/USDT:USDT"])),
        pair_id=draw(st.sampled_from([None, "p1", "p2"])),
        regime=draw(st.sampled_from(list(Regime))),
        plan=draw(PLANS) if adds else None,
        reduce_fraction=D("0.5") if action is Action.REDUCE else None,
        invalidation=tuple(draw(conditions)),
        evidence=tuple(draw(evidence)),
        confidence=draw(st.decimals(0, 1, places=3)),
    )


LEVELS = st.lists(st.tuples(MONEY, MONEY), max_size=4).map(tuple)
READING = st.builds(
    Reading,
    value=st.floats(allow_nan=False, allow_infinity=False),
    digits=st.just(4),
    unit=st.just("ratio"),
    as_of=st.just(NOW),
)


@st.composite
def absurd(draw: st.DrawFn) -> Scenario:
    """Any valid-typed decision, readings, portfolio, quote and switches, mixed with sound ones."""
    scenario = replace(permitted(), decision=draw(st.one_of(decisions(), st.just(permitted().decision))))
    if draw(st.booleans()):
        readings = {
            name: draw(READING) for name in draw(st.sets(st.sampled_from(sorted(permitted().context.readings))))
        }
        scenario = scenario.with_context(readings=readings)
    if draw(st.booleans()):
        scenario = scenario.with_portfolio(
            **{
                name: draw(MONEY)
                for name in ("equity", "equity_high", "day_start_equity", "cash", "directional_margin")
            }
        )
    if draw(st.booleans()):
        scenario = scenario.with_portfolio(pairs=(open_pair(), open_pair("p2", AVAX))[: draw(st.integers(0, 2))])
    if draw(st.booleans()):
        prices = {name: draw(MONEY) for name in ("mark", "last", "mid", "index")}
        scenario = scenario.with_leg(**prices, bids=draw(LEVELS), asks=draw(LEVELS))
    if draw(st.booleans()):
        steps = ("price_tick", "quantity_step", "market_quantity_step", "min_quantity", "market_max_quantity")
        scenario = scenario.with_contract(**{name: draw(MONEY) for name in steps})
    if draw(st.booleans()):
        tiers = st.builds(
            MarginTier,
            notional_floor=MONEY,
            notional_cap=MONEY,
            max_leverage=st.integers(-5, 200),
            maintenance_margin_rate=FRACTIONS,
            maintenance_amount=MONEY,
        )
        scenario = scenario.with_leg(tiers=tuple(draw(st.lists(tiers, max_size=3))))
    quote: Quote = scenario.quote.model_copy(
        update={
            "taken_at": draw(st.sampled_from([NOW, 0, 32_503_680_000_000])),
            "clock_drift_ms": draw(st.sampled_from([0, -(10**12)])),
            "fees": Fees(maker=draw(FRACTIONS), taker=draw(st.one_of(FRACTIONS, st.just(D("0.0005"))))),
            "available_margin": draw(st.one_of(st.none(), MONEY)),
        }
    )
    return replace(scenario, quote=quote, switches=Switches(kill=draw(st.booleans())))
