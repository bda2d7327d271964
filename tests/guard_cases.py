"""For every rule of the guard a scenario in which it speaks, and one at the limit in which it does not.

`CASES` is keyed by rule code; a test enumerates the codes, so a rule without a case fails. Numbers at a limit are
worked out by hand from the permitted entry (N 50,000, q 416.66, pair margin 20,000, E 120, c = 0.0005 + 0.01/120).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.guard_scenario import (
    AVAX,
    HOUR,
    NOW,
    SOL,
    TIERS,
    D,
    Scenario,
    book,
    leg_quote,
    open_pair,
    permitted,
)
from traders.contract.context import Reading
from traders.contract.decision import Action, Condition, Evidence, LegPlan

Make = Callable[[], Scenario]


@dataclass(frozen=True)
class RuleCase:
    """`fires` makes the rule speak. `quiet` is as near as can be and does not.

    `with_` are rules that must speak too, because one input feeds both; `sealed` says why leaving the rule out does
    not let the decision through (nothing can be worked out without its input).
    """

    fires: tuple[Make, ...]
    quiet: tuple[Make, ...]
    with_: tuple[str, ...] = ()
    sealed: str = ""


def leg(symbol: str = SOL, side: Any = "long", venue: str = "paper", weight: str = "1") -> LegPlan:
    return LegPlan(venue=venue, symbol=symbol, side=side, weight=D(weight))


def case(
    fires: Make | tuple[Make, ...],
    quiet: Make | tuple[Make, ...] = permitted,
    with_: tuple[str, ...] = (),
    sealed: str = "",
) -> RuleCase:
    return RuleCase(
        fires if isinstance(fires, tuple) else (fires,), quiet if isinstance(quiet, tuple) else (quiet,), with_, sealed
    )


def shown(scenario: Scenario, **values: float) -> Scenario:
    """With readings outside SOL's (names with `__` for dots)."""
    readings = dict(scenario.context.readings)
    for name, value in values.items():
        readings[name.replace("__", ".")] = Reading(value=value, digits=6, unit="ratio", as_of=NOW)
    return scenario.with_context(readings=readings)


def with_avax(scenario: Scenario) -> Scenario:
    """AVAX quoted at the same price and shown to the policy."""
    return shown(scenario.with_quote(legs={**scenario.quote.legs, AVAX: leg_quote(AVAX)}), avax__price__last=120.0)


def standing(action: Action = Action.REBALANCE, **changes: Any) -> Scenario:
    """The same plan as a `rebalance` of an open pair of 15,000 margin: it adds, so it is judged like an entry."""
    return (
        permitted()
        .with_portfolio(pairs=(open_pair(),), cash=D(85_000))
        .with_decision(action=action, pair_id="p1", **changes)
    )


def leaving(pair_id: str | None) -> Scenario:
    """An exit."""
    return (
        permitted()
        .with_portfolio(pairs=(open_pair(),))
        .with_decision(action=Action.EXIT, plan=None, pair_id=pair_id, evidence=(), invalidation=())
    )


def directional(**limits: Any) -> Scenario:
    changed = permitted().with_limits(**{"directional_enabled": True, **limits})
    return changed.with_plan(kind="directional", legs=(leg(),), pair_margin_fraction=D("0.10"))


def spread(**limits: Any) -> Scenario:
    changed = with_avax(permitted().with_limits(**{"spread_pair_enabled": True, **limits}))
    changed = shown(changed, pair__correlation_72h=0.49, pair__spread_z_72h=-2.01)
    return changed.with_plan(kind="spread", legs=(leg(), leg(AVAX, "short")))


def funding(**limits: Any) -> Scenario:
    changed = permitted().with_limits(**{"funding_pair_enabled": True, **limits})
    changed = shown(changed, pair__funding_spread_8h=0.001)
    changed = changed.with_quote(legs={**changed.quote.legs, "bybit": leg_quote(venue="bybit")})
    return changed.with_plan(kind="funding", legs=(leg(), leg(side="short", venue="bybit")))


def elsewhere() -> Scenario:
    """Both legs on another venue than the context's, quoted there."""
    changed = permitted().with_quote(legs={SOL: leg_quote(venue="bybit")})
    return changed.with_plan(legs=(leg(venue="bybit"), leg(side="short", venue="bybit")))


def other_symbol() -> Scenario:
    """A decision about AVAX on a context of SOL."""
    return with_avax(permitted()).with_decision(symbol=AVAX).with_plan(legs=(leg(AVAX), leg(AVAX, "short")))


def sol_pair(venue: str) -> Any:
    pair = open_pair()
    return pair.model_copy(
        update={"legs": tuple(one.model_copy(update={"venue": venue}) for one in pair.legs), "atr_ratio_entry": None}
    )


def at_8x(rate: str) -> Scenario:
    tier = TIERS[1].model_copy(update={"maintenance_margin_rate": D(rate), "maintenance_amount": D(0)})
    return permitted().with_plan(leverage=8).with_leg(tiers=(TIERS[0], tier))


def collapsed() -> Scenario:
    """A rebalance of a pair entered at 1.7 (collapse level 1.36), the last two bars below that."""
    return standing().with_readings(**{"1h__atr_ratio": 1.35, "1h__atr_ratio_prev": 1.35})


def thin(rest: int) -> Scenario:
    bids, asks = book(rest=rest)
    return permitted().with_leg(bids=bids, asks=asks)


P = permitted
CASES: dict[str, RuleCase] = {
    # shape
    "pair_unknown": case(
        (
            lambda: leaving("p2"),
            lambda: leaving("p1").with_portfolio(pairs=()),
            lambda: leaving(None).with_portfolio(pairs=(open_pair(), open_pair("p2"))),
            lambda: leaving("p1").with_portfolio(pairs=(open_pair(symbol=AVAX),)),
        ),
        (lambda: leaving("p1"), lambda: leaving(None)),
    ),
    "pair_resolved": case(lambda: leaving(None), lambda: leaving("p1")),
    "rebalance_mismatch": case(
        (
            lambda: standing().with_plan(leverage=6),
            lambda: standing().with_portfolio(pairs=(open_pair(kind="spread"),)),
            lambda: standing().with_portfolio(pairs=(open_pair(legs=open_pair().legs[:1]),)),
        ),
        standing,
    ),
    "legs_of_kind": case(
        (
            lambda: with_avax(P()).with_plan(legs=(leg(), leg(AVAX, "short"))),
            lambda: spread().with_plan(legs=(leg(), leg(side="short"))),
        ),
        (P, spread, funding, directional),
    ),
    "directional_disabled": case(lambda: directional(directional_enabled=False), directional),
    "spread_pair_disabled": case(lambda: spread(spread_pair_enabled=False), spread),
    "funding_pair_disabled": case(lambda: funding(funding_pair_enabled=False), funding),
    # versions
    "context_tampered": case(
        (
            lambda: replace(P(), context=P().context.model_copy(update={"as_of": NOW - 4_999})),
            lambda: replace(P(), context=P().context.model_copy(update={"context_hash": ""})),
        )
    ),
    "trader_mismatch": case(lambda: replace(P(), constraints=P().constraints.model_copy(update={"trader_id": 12}))),
    "constraints_changed": case(
        (
            lambda: P().with_context(constraints_version=2),
            lambda: P().with_context(constraints_hash="0" * 64),
        )
    ),
    # instrument
    "symbol_not_allowed": case(
        lambda: P().with_limits(allowed_symbols=[AVAX]), lambda: P().with_limits(allowed_symbols=[SOL])
    ),
    "base_forbidden": case(
        lambda: P().with_limits(forbidden_bases=["BTC", "SOL"]),
        lambda: P().with_limits(forbidden_bases=["BTC", "AVAX"]),
    ),
    "symbol_mismatch": case(
        (other_symbol, lambda: with_avax(P()).with_plan(legs=(leg(AVAX), leg(AVAX, "short")))),
        lambda: with_avax(P()),
    ),
    "venue_mismatch": case(elsewhere),
    "quote_missing": case(
        (lambda: P().with_quote(legs={}), lambda: P().with_leg(venue="bybit")), sealed="no price, no order"
    ),
    "timeframe_not_allowed": case(
        (
            lambda: (
                P()
                .with_limits(allowed_timeframes=["1h", "1d"])
                .with_decision(evidence=(Evidence(reading="sol.4h.atr_ratio", value=D("1.2")),))
            ),
            lambda: (
                P()
                .with_limits(allowed_timeframes=["1h", "1d"])
                .with_decision(invalidation=(Condition(reading="sol.4h.atr_ratio", op="lt", value=D("1.1")),))
            ),
        ),
        lambda: P().with_decision(evidence=(Evidence(reading="sol.4h.atr_ratio", value=D("1.2")),)),
    ),
    "margin_mode": case((lambda: P().with_leg(margin_mode="cross"), lambda: P().with_leg(margin_mode=None))),
    "position_mode": case(
        (lambda: P().with_quote(position_mode="one_way"), lambda: P().with_quote(position_mode=None))
    ),
    "leverage_setting": case(lambda: P().with_leg(leverage=20), (P, lambda: P().with_leg(leverage=None))),
    # switches
    "kill_switch": case(lambda: P().with_switches(kill=True)),
    "drawdown_latched": case(lambda: P().with_switches(drawdown_latched=True)),
    "unknown_orders": case(lambda: P().with_switches(unknown_orders=1)),
    "unprotected_pairs": case(
        (
            lambda: P().with_switches(unprotected_pairs=1),
            lambda: P().with_portfolio(pairs=(open_pair(symbol=AVAX, protected=False),)),
        ),
        lambda: P().with_portfolio(pairs=(open_pair(symbol=AVAX),)),
    ),
    "blackout": case((lambda: P().with_switches(blackout="FOMC"), lambda: P().with_switches(blackout=""))),
    "llm_budget": case(
        (lambda: P().with_switches(llm_tokens_left=0), lambda: P().with_switches(llm_cost_left=D(0))),
        (P, lambda: P().with_switches(llm_tokens_left=1, llm_cost_left=D("0.01"))),
    ),
    # portfolio
    "drawdown": case(
        (
            lambda: P().with_portfolio(equity_high=D("133333.34")),
            lambda: P().with_portfolio(equity=D(75_000), day_start_equity=D(75_000)),
            lambda: P().with_portfolio(equity_high=D(0)),
        ),
        lambda: P().with_portfolio(equity_high=D("133333.33")),
    ),
    "daily_loss": case(
        (
            lambda: P().with_portfolio(day_start_equity=D("111111.12")),
            lambda: P().with_portfolio(equity=D(90_000)),
            lambda: P().with_portfolio(day_start_equity=D(-1)),
        ),
        lambda: P().with_portfolio(day_start_equity=D("111111.11")),
    ),
    "trades_per_day": case(lambda: P().with_portfolio(trades_24h=14), lambda: P().with_portfolio(trades_24h=13)),
    "pairs_max": case(
        lambda: P().with_portfolio(pairs=(open_pair("a", AVAX), open_pair("b", AVAX))),
        (lambda: P().with_portfolio(pairs=(open_pair("a", AVAX),)), standing),
    ),
    "pairs_per_symbol": case(
        lambda: P().with_portfolio(pairs=(sol_pair("bybit"),)),
        (lambda: P().with_portfolio(pairs=(open_pair(symbol=AVAX),)), standing),
    ),
    "duplicate_pair": case(
        (
            lambda: P().with_limits(pairs_per_symbol_max=2).with_portfolio(pairs=(sol_pair("paper"),)),
            lambda: P().with_portfolio(pairs=(open_pair(symbol=AVAX, decision_id="11-SOLUSDT-20250101T120000Z"),)),
        ),
        (lambda: P().with_limits(pairs_per_symbol_max=2).with_portfolio(pairs=(sol_pair("bybit"),)), standing),
    ),
    "vol_capture_share": case(
        lambda: P().with_portfolio(pairs=(open_pair(symbol=AVAX, pair_margin=D("40000.01")),)),
        (
            lambda: P().with_portfolio(pairs=(open_pair(symbol=AVAX, pair_margin=D(40_000)),)),
            lambda: P().with_portfolio(pairs=(open_pair(symbol=AVAX, kind="directional", pair_margin=D(50_000)),)),
        ),
    ),
    "directional_share": case(lambda: directional().with_portfolio(directional_margin=D("0.01")), directional),
    "cash_reserve": case(lambda: P().with_portfolio(cash=D("49999.99")), lambda: P().with_portfolio(cash=D(50_000))),
    # 2 x 416.66 x 120 = 99,998.40 ordered: 19,999.68 of margin + 49.9992 of fees
    "margin_available": case(
        (lambda: P().with_quote(available_margin=D("20049.67")), lambda: P().with_quote(available_margin=None)),
        lambda: P().with_quote(available_margin=D("20049.6792")),
    ),
    # sizing
    "leverage_range": case(
        (lambda: P().with_plan(leverage=9), lambda: P().with_plan(leverage=4)),
        (P, lambda: P().with_plan(leverage=8)),
    ),
    "leverage_tier": case(
        (
            lambda: P().with_leg(tiers=(TIERS[0].model_copy(update={"max_leverage": 4}),)),
            lambda: P().with_leg(tiers=()),
            lambda: P().with_leg(tiers=(TIERS[0].model_copy(update={"notional_cap": D("49999.19")}),)),
        ),
        (
            lambda: P().with_leg(tiers=(TIERS[0].model_copy(update={"max_leverage": 5}),)),
            lambda: P().with_leg(tiers=(TIERS[0].model_copy(update={"notional_cap": D("49999.2")}),)),
        ),
    ),
    "pair_margin_range": case(
        (
            lambda: P().with_plan(pair_margin_fraction=D("0.2001")),
            lambda: P().with_plan(pair_margin_fraction=D("0.1499")),
        ),
        (P, lambda: P().with_plan(pair_margin_fraction=D("0.15"))),
    ),
    "size_scaled": case(
        (
            lambda: P().with_readings(**{"1h__atr_ratio": 2.0}),
            lambda: thin(1500),
        ),
        (P, lambda: P().with_readings(**{"1h__atr_ratio": 2.0001})),
    ),
    "pair_margin_floor": case(
        (
            lambda: P().with_limits(pair_margin_floor_numerator=1).with_plan(pair_margin_fraction=D("0.1999")),
            lambda: P().with_limits(pair_margin_floor_numerator=0.51).with_readings(**{"1h__atr_ratio": 2.0}),
        ),
        (
            lambda: P().with_limits(pair_margin_floor_numerator=1),
            lambda: P().with_limits(pair_margin_floor_numerator=0.5).with_readings(**{"1h__atr_ratio": 2.0}),
        ),
    ),
    "contract_steps": case(
        (
            lambda: P().with_contract(quantity_step=D(0)),
            lambda: P().with_contract(market_quantity_step=D(-1)),
            lambda: P().with_contract(price_tick=D(0)),
        ),
        lambda: P().with_contract(quantity_step=D("0.02"), market_quantity_step=D("0.03")),
        sealed="no step, no order",
    ),
    "min_lots": case(
        (
            lambda: P().with_contract(quantity_step=D(400)),
            # 4 lots: a fifth of them is none
            lambda: (
                P()
                .with_contract(quantity_step=D(100))
                .with_bands(("0.01", "losing", "0.2"), ("0.02", "losing", "0.5"), ("0.04", "both", "1"))
            ),
        ),
        lambda: P().with_contract(quantity_step=D(200)),
    ),
    # half of 41,666 lots: 208.33
    "min_quantity": case(
        (
            lambda: P().with_contract(min_quantity=D("208.34")),
            lambda: P().with_contract(market_min_quantity=D("208.34")),
        ),
        lambda: P().with_contract(min_quantity=D("208.33"), market_min_quantity=D("208.33")),
    ),
    "max_quantity": case(
        (
            lambda: P().with_contract(max_quantity=D("416.65")),
            lambda: P().with_contract(market_max_quantity=D("416.65")),
        ),
        lambda: P().with_contract(max_quantity=D("416.66"), market_max_quantity=D("416.66")),
    ),
    "min_notional": case(
        lambda: P().with_contract(min_notional=D("24999.61")), lambda: P().with_contract(min_notional=D("24999.6"))
    ),
    # ladder
    "bands_tightened": case(
        lambda: P().with_readings(**{"1h__natr14": 0.0131}),
        (
            lambda: P().with_readings(**{"1h__natr14": 0.013}),
            lambda: (
                P()
                .with_readings(**{"1h__natr14": 0.0131})
                .with_bands(("0.015", "losing", "0.5"), ("0.03", "both", "1"))
            ),
        ),
    ),
    "bands_invalid": case(
        lambda: P().with_bands(("0.01", "winning", "0.1"), ("0.02", "losing", "0.5"), ("0.04", "both", "1"))
    ),
    "bands_loose": case(
        (
            lambda: P().with_bands(("0.02", "losing", "0.49"), ("0.04", "both", "1")),
            lambda: P().with_bands(("0.0201", "losing", "0.5"), ("0.04", "both", "1")),
            lambda: P().with_bands(("0.02", "losing", "0.5"), ("0.0401", "both", "1")),
        ),
        (
            P,
            lambda: P().with_bands(("0.01", "losing", "0.25"), ("0.02", "losing", "0.5"), ("0.04", "both", "1")),
        ),
    ),
    # (1.03 - 1) / 2.03 = 0.0148; (1.02 - 1) / 2.02 = 0.0099
    "entry_net_delta": case(
        lambda: P().with_plan(legs=(leg(), leg(side="short", weight="1.03"))),
        (
            lambda: P().with_plan(legs=(leg(), leg(side="short", weight="1.02"))),
            lambda: (
                P()
                .with_limits(entry_net_delta_max=0.2)
                .with_plan(legs=(leg(weight="3"), leg(side="short", weight="2")))
            ),
        ),
    ),
    "net_delta": case(
        lambda: P().with_bands(("0.02", "losing", "0.52"), ("0.04", "both", "1")),
        (
            lambda: P().with_bands(("0.02", "losing", "0.5185"), ("0.04", "both", "1")),
            # 0.75 / 1.25 is 0.6 exactly
            lambda: P().with_limits(net_delta_max=0.6).with_bands(("0.02", "losing", "0.75"), ("0.04", "both", "1")),
        ),
    ),
    "effective_gamma": case(
        (
            lambda: P().with_plan(rehedge="at_band"),
            # 2 x 499.992 / 4.8^2 = 43.4021 a ladder of 49,999.20
            lambda: P().with_limits(effective_gamma_min=43.41),
        ),
        (P, lambda: P().with_limits(effective_gamma_min=43.40)),
    ),
    "reversal_rule": case(
        (
            lambda: P().with_plan(reversal_rule="none"),
            lambda: P().with_limits(reversal_rule="entry"),
        ),
        (
            lambda: P().with_plan(reversal_rule="entry"),
            lambda: P().with_limits(reversal_rule="none").with_plan(reversal_rule="none"),
        ),
    ),
    "reopen": case(lambda: P().with_plan(reopen=True)),
    # costs: at c 0.00058333 break-even is 122.9665 (+2.4721 %) / 117.0457; a ladder nets 381.3 of 500 after 118.7
    "break_even": case(
        lambda: P().with_limits(breakeven_margin=0.0153), lambda: P().with_limits(breakeven_margin=0.0152)
    ),
    "cost_multiple": case(
        (
            lambda: P().with_limits(cost_multiple_min=3.3),
            lambda: P().with_quote(fees=P().quote.fees.model_copy(update={"taker": D("0.0010")})),
        ),
        lambda: P().with_limits(cost_multiple_min=3.2),
    ),
    "adverse_funding": case(
        lambda: P().with_readings(funding__rate_8h=-0.00031), lambda: P().with_readings(funding__rate_8h=-0.0003)
    ),
    # reward
    "holding_capped": case(lambda: P().with_plan(max_holding_hours=D("48.01"))),
    "holding_invalid": case(
        (lambda: P().with_plan(max_holding_hours=D(0)), lambda: P().with_plan(max_holding_hours=D(-6))),
        lambda: P().with_plan(max_holding_hours=D("0.01")),
    ),
    "stop_range": case(
        (
            lambda: P().with_plan(stop_loss=D("0.0801"), take_profit=D("0.15")),
            lambda: P().with_plan(stop_loss=D("0.0199")),
        ),
        (P, lambda: P().with_plan(stop_loss=D("0.02"))),
    ),
    "target_range": case(
        (
            lambda: P().with_plan(take_profit=D("0.1501")),
            lambda: P().with_plan(take_profit=D("0.0499"), stop_loss=D("0.02")),
        ),
        (
            lambda: P().with_plan(take_profit=D("0.15")),
            lambda: P().with_plan(take_profit=D("0.05"), stop_loss=D("0.02")),
        ),
    ),
    "reward_risk": case(
        (
            lambda: P().with_plan(stop_loss=D("0.08"), take_profit=D("0.119")),
            lambda: P().with_plan(stop_loss=D("0.034"), take_profit=D("0.05")),
            lambda: P().with_limits(stop_loss_min=0).with_plan(stop_loss=D(0)),
        ),
        (P, lambda: P().with_plan(stop_loss=D("0.0333"), take_profit=D("0.05"))),
    ),
    "trailing": case(
        (
            lambda: P().with_plan(trailing_atr_multiple=D("3.01")),
            lambda: P().with_plan(trailing_atr_multiple=D(0)),
        ),
        lambda: P().with_plan(trailing_atr_multiple=D(1)),
    ),
    "confidence": case(
        lambda: P().with_decision(confidence=D("0.4999")), lambda: P().with_decision(confidence=D("0.5"))
    ),
    "one_ladder": case(P, directional),
    "target_beyond_one_ladder": case(
        (P, lambda: P().with_plan(reopen=True)),
        lambda: (
            P()
            .with_limits(take_profit_min=0.01, stop_loss_min=0.01)
            .with_plan(take_profit=D("0.019"), stop_loss=D("0.0126"))
        ),
    ),
    # regime
    "regime_extreme": case(
        (
            lambda: P().with_readings(**{"1h__tr_multiple": 3.0001}),
            lambda: P().with_readings(**{"1h__vix_proxy": 2.5001}),
            lambda: P().with_readings(**{"1h__atr_ratio": 3.0001}),
        ),
        (
            lambda: P().with_readings(**{"1h__tr_multiple": 3.0}),
            lambda: P().with_readings(**{"1h__vix_proxy": 2.5}),
            lambda: P().with_readings(**{"1h__atr_ratio": 3.0}),
        ),
    ),
    "regime_contraction": case(
        lambda: P().with_readings(**{"1h__atr_ratio": 0.7999}),
        lambda: P().with_readings(**{"1h__atr_ratio": 0.8}),
        with_=("entry_signals",),
    ),
    "regime_collapse": case(
        collapsed,
        (
            standing,
            lambda: collapsed().with_readings(**{"1h__atr_ratio": 1.35, "1h__atr_ratio_prev": 1.36}),
        ),
        with_=("entry_signals",),
    ),
    "regime_unclear": case(
        (
            lambda: P().with_readings(**{"1h__vix_proxy": None}),
            lambda: P().with_readings(**{"1h__natr14_median_1y": None}),
            lambda: P().with_readings(**{"1h__natr14": None}),
            lambda: P().with_readings(**{"1h__tr_multiple": None}),
        )
    ),
    "regime_differs": case(lambda: P().with_decision(regime=P().decision.regime.__class__("unclear"))),
    "dead_market": case(
        (lambda: P().with_readings(**{"1d__natr14": 0.0099}), lambda: P().with_readings(**{"1d__natr14": None})),
        lambda: P().with_readings(**{"1d__natr14": 0.01}),
    ),
    # signals
    "entry_signals": case(
        (
            lambda: P().with_readings(**{"1h__bb_expansion_age": 48.0}),
            lambda: P().with_readings(**{"1h__bb_expansion_age": None}),
            lambda: P().with_limits(entry_min_signals=3),
            lambda: P().with_readings(**{"1h__bb_expansion_age": None}, funding__rate_8h=0.0005),
            lambda: P().with_readings(**{"1h__natr14": 0.014, "1h__atr_ratio": 1.5}, book__imbalance=0.7),
        ),
        (
            lambda: P().with_readings(**{"1h__bb_expansion_age": 47.0}),
            lambda: P().with_readings(**{"1h__bb_expansion_age": None}, funding__rate_8h=-0.00051),
            lambda: P().with_readings(**{"1h__bb_expansion_age": None}, book__imbalance=0.6),
            lambda: P().with_readings(**{"1h__bb_expansion_age": None}, book__imbalance=0.4),
        ),
    ),
    "spread_entry": case(
        (
            lambda: shown(spread(), pair__correlation_72h=0.5),
            lambda: shown(spread(), pair__spread_z_72h=2.0),
            lambda: spread().with_context(
                readings=P().context.readings | {"avax.price.last": P().context.readings["sol.price.last"]}
            ),
        ),
        spread,
    ),
    "funding_spread": case(
        (
            lambda: shown(funding(), pair__funding_spread_8h=0.00099),
            lambda: funding().with_context(readings=P().context.readings),
        ),
        funding,
    ),
    # book
    "book_invalid": case(
        (
            lambda: P().with_leg(bids=()),
            lambda: P().with_leg(asks=()),
            lambda: P().with_leg(mark=D(0)),
            lambda: P().with_leg(mid=D("119.98")),
            lambda: P().with_leg(mid=D("120.02")),
            lambda: P().with_leg(bids=P().quote.legs[SOL].bids[::-1]),
            lambda: P().with_leg(asks=((D("119.99"), D(1)), *P().quote.legs[SOL].asks)),
            lambda: P().with_leg(asks=(*P().quote.legs[SOL].asks, (D(130), D(0)))),
            lambda: P().with_leg(asks=(*P().quote.legs[SOL].asks, P().quote.legs[SOL].asks[-1])),
            lambda: P().with_leg(mid=D("120.01"), bids=((D("120.01"), D(1)), *P().quote.legs[SOL].bids)),
        ),
        (lambda: P().with_leg(mid=D("120.01")), lambda: P().with_leg(mid=D("119.99"))),
        sealed="no sound book, no size",
    ),
    "depth": case(
        (
            # (120.01 + 119.99) x 2000 + 8 levels a side x 700 x 120 each (the gaps cancel) = 1,824,000
            lambda: thin(700),
            lambda: P().with_limits(depth_min=6.3e6, depth_full=7e6),
            lambda: P().with_leg(asks=P().quote.legs[SOL].asks[:8]),
        ),
        lambda: P().with_limits(depth_min=4e6),
    ),
    # 0.01 / 120 = 0.00008333 of mid
    "slippage": case(
        (
            lambda: P().with_limits(slippage_max=0.000083),
            lambda: (
                P()
                .with_leg(asks=tuple((price, quantity / 1000) for price, quantity in P().quote.legs[SOL].asks))
                .with_limits(depth_min=1e6, depth_full=2e6)
            ),
        ),
        (
            lambda: P().with_limits(slippage_max=0.000084),
            # 0.03 / 120 is 0.00025 exactly
            lambda: (
                P()
                .with_limits(slippage_max=0.00025)
                .with_leg(
                    bids=((D("119.97"), D(2000)), *P().quote.legs[SOL].bids[1:]),
                    asks=((D("120.03"), D(2000)), *P().quote.legs[SOL].asks[1:]),
                )
            ),
        ),
    ),
    "price_band": case(
        (
            lambda: P().with_contract(price_band_up=D("1.0009")),
            lambda: P().with_contract(price_band_down=D("0.9991")),
        ),
        (
            lambda: P().with_contract(price_band_up=D("1.001"), price_band_down=D("0.999")),
            lambda: P().with_contract(price_band_up=None, price_band_down=None),
        ),
    ),
    "market_take_bound": case(
        lambda: P().with_contract(market_take_bound=D("0.00099")),
        (
            lambda: P().with_contract(market_take_bound=D("0.001")),
            lambda: P().with_contract(market_take_bound=None),
        ),
    ),
    "trigger_protect": case(
        lambda: P().with_contract(trigger_protect=D("0.002")).with_leg(last=D("120.24")),
        (
            lambda: P().with_contract(trigger_protect=D("0.002")).with_leg(last=D("120.23")),
            lambda: P().with_contract(trigger_protect=None).with_leg(last=D("120.24")),
        ),
    ),
    "basis": case(
        (
            lambda: P().with_leg(index=D("119.64")),
            lambda: P().with_leg(index=D("120.37")),
            lambda: P().with_leg(index=None).with_readings(price__basis=-0.0031),
            lambda: P().with_leg(index=None).with_readings(price__basis=None),
            lambda: P().with_leg(index=D(0)).with_readings(price__basis=None),
        ),
        (
            lambda: P().with_leg(index=D("119.65")),
            lambda: P().with_leg(index=None).with_readings(price__basis=0.003),
            lambda: P().with_leg(index=D(0)),
        ),
    ),
    "mark_last_divergence": case(
        (lambda: P().with_leg(last=D("120.61")), lambda: P().with_leg(last=D("119.39"))),
        (lambda: P().with_leg(last=D("120.6")), lambda: P().with_leg(last=D("119.4"))),
    ),
    "price_moved": case(
        (
            lambda: P().with_readings(book__mid=119.64),
            lambda: P().with_readings(price__last=120.37),
            lambda: P().with_readings(price__last=0.0),
            lambda: P().with_readings(book__mid=None, price__last=None),
        ),
        (
            lambda: P().with_readings(book__mid=119.65),
            lambda: P().with_readings(book__mid=None),
            # 120 / 96 is 1.25 exactly
            lambda: P().with_limits(requote_move_max=0.25).with_readings(book__mid=96.0),
        ),
    ),
    # domain.md section 10: 8x, mmr 0.025 -> short 131.7073, 9.76 %: refuse
    "liquidation_distance": case(
        (lambda: at_8x("0.025"), lambda: at_8x("0").with_limits(liquidation_distance_min=0.0851)),
        # without maintenance margin an 8x leg is liquidated 12.5 % away: 0.04 + 0.085 exactly
        (lambda: at_8x("0.0227"), lambda: at_8x("0").with_limits(liquidation_distance_min=0.085)),
    ),
    # freshness
    "market_stale": case(
        (
            lambda: P().with_source("market_data.1h", NOW - HOUR - 120_001),
            lambda: P().with_source("market_data.4h", NOW - 4 * HOUR - 120_001),
            lambda: P().with_source("market_data.1d", NOW - 24 * HOUR - 120_001),
            lambda: P().with_source("market_data.1h", NOW + 1_001),
            lambda: P().with_source("market_data.1h", None),
            lambda: P().with_source("market_data.1h", NOW - HOUR, error="timeout"),
            lambda: P().with_context(sources={}).with_source("funding", NOW).with_source("open_interest", NOW),
        ),
        (
            lambda: P().with_source("market_data.1h", NOW - HOUR - 120_000),
            lambda: P().with_source("market_data.1h", NOW + 1_000),
            lambda: P().with_limits(allowed_timeframes=["1h", "1d"]).with_source("market_data.4h", None),
        ),
    ),
    "book_stale": case(
        (lambda: P().with_leg(book_as_of=NOW - 15_001), lambda: P().with_leg(book_as_of=NOW + 1_001)),
        lambda: P().with_leg(book_as_of=NOW - 15_000),
    ),
    "funding_stale": case(
        (lambda: P().with_source("funding", NOW - 3_600_001), lambda: P().with_source("funding", None)),
        lambda: P().with_source("funding", NOW - 3_600_000),
    ),
    "positioning_stale": case(
        (
            lambda: P().with_source("open_interest", NOW - 7_200_001),
            lambda: P().with_source("open_interest", None),
            lambda: P().with_source("positioning", NOW - 7_200_001),
        ),
        (
            lambda: P().with_source("open_interest", NOW - 7_200_000),
            lambda: P().with_source("positioning", NOW - 7_200_000),
            lambda: P().with_source("positioning", None),
        ),
    ),
    "clock_drift": case(
        (lambda: P().with_quote(clock_drift_ms=1001), lambda: P().with_quote(clock_drift_ms=-1001)),
        lambda: P().with_quote(clock_drift_ms=-1000),
    ),
    "funding_blackout": case(
        (
            lambda: P().with_leg(next_funding_time=NOW + 59_999),
            lambda: P().with_leg(next_funding_time=NOW - 59_999),
            lambda: P().with_leg(next_funding_time=NOW - 60_001),
            lambda: P().with_leg(next_funding_time=None),
        ),
        (
            lambda: P().with_leg(next_funding_time=NOW + 60_000),
            lambda: P().with_leg(next_funding_time=NOW + 8 * HOUR),
            lambda: P().with_readings(funding__interval_hours=None),
        ),
    ),
    "ratio_missing": case(lambda: P().with_readings(lsr__accounts=None)),
    # evidence
    "ungrounded": case(
        (
            lambda: P().with_decision(evidence=(Evidence(reading="sol.1h.atr_ratio", value=D("2.1035")),)),
            lambda: P().with_decision(evidence=(Evidence(reading="sol.1h.no_such", value=D(1)),)),
        ),
        lambda: P().with_decision(evidence=(Evidence(reading="sol.price.last", value=D("120.000")),)),
    ),
    "invalidation_unknown": case(
        lambda: P().with_decision(invalidation=(Condition(reading="sol.1h.no_such", op="lt", value=D(1)),)),
        (P, lambda: P().with_decision(invalidation=())),
    ),
    "invalidation_true": case(
        tuple(
            (
                lambda op=op, value=value: P().with_decision(
                    invalidation=(Condition(reading="sol.1h.atr_ratio", op=op, value=D(value)),)
                )
            )
            for op, value in (("lt", "2.1035"), ("le", "2.1034"), ("gt", "2.1033"), ("ge", "2.1034"))
        ),
        tuple(
            (
                lambda op=op, value=value: P().with_decision(
                    invalidation=(Condition(reading="sol.1h.atr_ratio", op=op, value=D(value)),)
                )
            )
            for op, value in (("lt", "2.1034"), ("le", "2.1033"), ("gt", "2.1034"), ("ge", "2.1035"))
        ),
    ),
}
