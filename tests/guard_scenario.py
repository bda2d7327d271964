"""A complete entry that the guard permits, written out by hand, and ways to spoil it one thing at a time.

SOL at 120, equity 100,000, pair margin 0.20 at 5x: N = 50,000 a leg (domain.md section 10: q 416.6667, on a step of
0.01 it is 416.66). The limits are those of `tests.limits_table`, typed from domain.md section 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from orchestrator.risk_guard.review import review
from orchestrator.risk_guard.rule import Rule
from orchestrator.risk_guard.rulebook import RULES
from tests.limits_table import TABLE
from traders.contract.constraints import ConstraintSet, constraint_set, parse_limits
from traders.contract.context import Context, Reading, SourceInfo
from traders.contract.decision import Band, Condition, Decision, Evidence, LegPlan, PairPlan
from traders.contract.portfolio import OpenPair, PairLeg, Portfolio
from traders.contract.quote import Contract, Fees, LegQuote, MarginTier, Quote, Switches
from traders.contract.verdict import Verdict

SOL, AVAX = "SOL/USDT:USDT", "AVAX/USDT:USDT"
MIDNIGHT = 1_735_689_600_000  # 2025-01-01T00:00Z
HOUR = 3_600_000
NOON = MIDNIGHT + 12 * HOUR
NOW = NOON + 5 * 60_000
D = Decimal

#: Readings of the permitted entry: reading -> (value, digits, unit). Low volatility that expands, two signals.
READINGS: dict[str, tuple[float, int, str]] = {
    "sol.1h.close": (120.0, 2, "USDT"),
    "sol.1h.atr14": (1.44, 4, "USDT"),
    "sol.1h.atr_ratio": (2.1034, 4, "ratio"),
    "sol.1h.atr_ratio_prev": (1.9, 4, "ratio"),
    "sol.1h.tr_multiple": (1.4, 4, "ATR"),
    "sol.1h.natr14": (0.012, 6, "of price"),
    "sol.1h.natr14_median_1y": (0.013, 6, "of price"),
    "sol.1h.vix_proxy": (0.9231, 4, "ratio"),
    "sol.1h.bb_expansion_age": (3.0, 0, "bars"),
    "sol.1h.rsi14": (55.5, 2, "index"),
    "sol.4h.atr_ratio": (1.2, 4, "ratio"),
    "sol.1d.natr14": (0.055, 6, "of price"),
    "sol.price.last": (120.0, 2, "USDT"),
    "sol.price.mark": (120.0, 2, "USDT"),
    "sol.price.basis": (0.0001, 6, "of index"),
    "sol.funding.rate_8h": (0.0001, 8, "per 8 h"),
    "sol.funding.interval_hours": (8.0, 0, "h"),
    "sol.book.mid": (120.0, 2, "USDT"),
    "sol.book.imbalance": (0.5, 4, "of book"),
    "sol.book.depth_usdt": (6_200_000.0, 0, "USDT"),
    "sol.oi.coins": (8_000_000.0, 0, "SOL"),
    "sol.lsr.accounts": (1.7, 4, "ratio"),
}
SOURCES: dict[str, int] = {
    "sol.market_data.1h": NOON,
    "sol.market_data.4h": NOON,
    "sol.market_data.1d": MIDNIGHT,
    "sol.ticker": NOW - 5_000,
    "sol.funding": NOW - 5_000,
    "sol.order_book": NOW - 5_000,
    "sol.positioning": NOW - 300_000,
    "sol.open_interest": NOW - 300_000,
}
CONTRACT = Contract(
    price_tick=D("0.01"),
    quantity_step=D("0.01"),
    min_quantity=D("0.01"),
    max_quantity=D("10000"),
    market_quantity_step=D("0.01"),
    market_min_quantity=D("0.01"),
    market_max_quantity=D("5000"),
    min_notional=D("5"),
    trigger_protect=D("0.05"),
    market_take_bound=D("0.15"),
    price_band_up=D("1.15"),
    price_band_down=D("0.85"),
)
TIERS = (
    MarginTier(
        notional_floor=D(0),
        notional_cap=D(50_000),
        max_leverage=75,
        maintenance_margin_rate=D("0.005"),
        maintenance_amount=D(0),
    ),
    MarginTier(
        notional_floor=D(50_000),
        notional_cap=D(600_000),
        max_leverage=50,
        maintenance_margin_rate=D("0.01"),
        maintenance_amount=D(250),
    ),
)
PLAN = PairPlan(
    kind="gamma",
    legs=(
        LegPlan(venue="paper", symbol=SOL, side="long", weight=D(1)),
        LegPlan(venue="paper", symbol=SOL, side="short", weight=D(1)),
    ),
    pair_margin_fraction=D("0.20"),
    leverage=5,
    bands=(
        Band(move=D("0.02"), leg="losing", fraction=D("0.5")),
        Band(move=D("0.04"), leg="both", fraction=D(1)),
    ),
    rehedge="none",
    reversal_rule="opposite_band",
    stop_loss=D("0.08"),
    take_profit=D("0.12"),
    trailing_atr_multiple=D(3),
    max_holding_hours=D(48),
    reopen=False,
)
ENTER = Decision.model_validate(
    {
        "action": "enter",
        "symbol": SOL,
        "regime": "low_vol_expanding",
        "plan": PLAN,
        "invalidation": (Condition(reading="sol.1h.atr_ratio", op="lt", value=D("0.8")),),
        "evidence": (Evidence(reading="sol.1h.atr_ratio", value=D("2.1034")),),
        "confidence": D("0.6"),
        "rationale": "volatility expands from a quiet base",
    }
)


def book(mid: int = 120, first: int = 2000, rest: int = 3000) -> tuple[Any, Any]:
    """(bids, asks): one tick off mid, then nine levels 0.125 % apart, the last beyond 1 %."""
    far = [mid * D("0.00125") * n for n in range(1, 10)]
    asks = [(mid + D("0.01"), D(first))] + [(mid + gap, D(rest)) for gap in far]
    bids = [(mid - D("0.01"), D(first))] + [(mid - gap, D(rest)) for gap in far]
    return tuple(bids), tuple(asks)


def leg_quote(symbol: str = SOL, venue: str = "paper", mid: int = 120, **changes: Any) -> LegQuote:
    bids, asks = book(mid)
    quote = LegQuote(
        venue=venue,
        symbol=symbol,
        mark=D(mid),
        last=D(mid),
        index=D(mid),
        mid=D(mid),
        bids=bids,
        asks=asks,
        book_as_of=NOW - 500,
        contract=CONTRACT,
        tiers=TIERS,
        next_funding_time=MIDNIGHT + 16 * HOUR,
        leverage=5,
        margin_mode="isolated",
    )
    return quote.model_copy(update=changes)


def open_pair(pair_id: str = "p1", symbol: str = SOL, **changes: Any) -> OpenPair:
    """A protected pair of the permitted kind, opened at 118 three hours ago, 15,000 of margin."""
    legs = tuple(leg.model_copy(update={"symbol": symbol}) for leg in PLAN.legs)
    pair = OpenPair(
        pair_id=pair_id,
        decision_id=f"11-earlier-{pair_id}",
        kind="gamma",
        symbol=symbol,
        opened_at=NOW - 3 * HOUR,
        entry_price=D(118),
        legs=tuple(
            PairLeg(
                leg_id=f"{index}-{leg.side}",
                venue="paper",
                symbol=symbol,
                side=leg.side,
                quantity=D("317.79"),
                entry_price=D(118),
            )
            for index, leg in enumerate(legs)
        ),
        pair_margin=D(15_000),
        leverage=5,
        plan=PLAN.model_copy(update={"legs": legs, "pair_margin_fraction": D("0.15")}),
        net_delta=D(0),
        cycle_pnl=D(0),
        atr_ratio_entry=D("1.7"),
    )
    return pair.model_copy(update=changes)


def limits_of(**changes: Any) -> ConstraintSet:
    values = {key: value for key, (value, _) in TABLE.items()}
    return constraint_set(11, 1, parse_limits({**values, **changes}, where="trader 11"))


@dataclass(frozen=True)
class Scenario:
    """Everything a verdict rests on. Each `with_` gives a changed copy; the context is hashed anew."""

    decision: Decision
    context: Context
    quote: Quote
    switches: Switches
    constraints: ConstraintSet

    def review(self, rules: Sequence[Rule] = RULES) -> Verdict:
        return review(self.decision, self.context, self.quote, self.switches, self.constraints, rules=rules)

    def refusals(self, rules: Sequence[Rule] = RULES) -> list[str]:
        return [finding.rule for finding in self.review(rules).findings if finding.effect == "refuse"]

    def with_decision(self, **changes: Any) -> "Scenario":
        return replace(self, decision=self.decision.model_copy(update=changes))

    def with_plan(self, **changes: Any) -> "Scenario":
        assert self.decision.plan is not None
        return self.with_decision(plan=self.decision.plan.model_copy(update=changes))

    def with_bands(self, *bands: tuple[str, str, str]) -> "Scenario":
        return self.with_plan(bands=tuple(Band(move=D(m), leg=leg, fraction=D(f)) for m, leg, f in bands))  # type: ignore[arg-type]

    def with_context(self, **changes: Any) -> "Scenario":
        return replace(self, context=self.context.model_copy(update=changes).hashed())

    def with_readings(self, **values: float | None) -> "Scenario":
        """Readings of SOL (dots written as `__`); None takes one away."""
        readings = dict(self.context.readings)
        for name, value in values.items():
            full = f"sol.{name.lstrip('_').replace('__', '.')}"
            readings.pop(full, None)
            if value is not None:
                _, digits, unit = READINGS.get(full, (0.0, 6, "ratio"))
                readings[full] = Reading(value=value, digits=digits, unit=unit, as_of=NOON)
        return self.with_context(readings=readings).with_evidence()

    def with_evidence(self) -> "Scenario":
        """Cite the 1h ATR ratio as it is shown (or, without one, the last price)."""
        name = "sol.1h.atr_ratio" if "sol.1h.atr_ratio" in self.context.readings else "sol.price.last"
        value = self.context.readings[name].value
        return self.with_decision(evidence=(Evidence(reading=name, value=D(repr(value))),), invalidation=())

    def with_source(self, name: str, as_of: int | None, error: str | None = None) -> "Scenario":
        info = SourceInfo(venue="paper", as_of=as_of, fetched_at=as_of, error=error)
        return self.with_context(sources={**self.context.sources, f"sol.{name}": info})

    def with_portfolio(self, **changes: Any) -> "Scenario":
        return self.with_context(portfolio=self.context.portfolio.model_copy(update=changes))

    def with_quote(self, **changes: Any) -> "Scenario":
        return replace(self, quote=self.quote.model_copy(update=changes))

    def with_leg(self, symbol: str = SOL, **changes: Any) -> "Scenario":
        leg = self.quote.legs[symbol].model_copy(update=changes)
        return self.with_quote(legs={**self.quote.legs, symbol: leg})

    def with_contract(self, **changes: Any) -> "Scenario":
        return self.with_leg(contract=CONTRACT.model_copy(update=changes))

    def with_switches(self, **changes: Any) -> "Scenario":
        return replace(self, switches=self.switches.model_copy(update=changes))

    def with_limits(self, **changes: Any) -> "Scenario":
        constraints = limits_of(**changes)
        changed = replace(self, constraints=constraints)
        return changed.with_context(
            limits=constraints.limits,
            constraints_version=constraints.version,
            constraints_hash=constraints.hash,
        )


def permitted() -> Scenario:
    """The entry that nothing speaks against."""
    constraints = limits_of()
    context = Context(
        trader_id=11,
        venue="paper",
        symbol=SOL,
        as_of=NOW - 5_000,
        regime="low_vol_expanding",  # type: ignore[arg-type]
        readings={
            name: Reading(value=value, digits=digits, unit=unit, as_of=NOON)
            for name, (value, digits, unit) in READINGS.items()
        },
        unavailable={},
        sources={
            name: SourceInfo(venue="paper", as_of=as_of, fetched_at=NOW - 4_000) for name, as_of in SOURCES.items()
        },
        portfolio=Portfolio(
            equity=D(100_000),
            equity_high=D(100_000),
            day_start_equity=D(100_000),
            cash=D(100_000),
            trades_24h=0,
            directional_margin=D(0),
        ),
        limits=constraints.limits,
        constraints_version=constraints.version,
        constraints_hash=constraints.hash,
    ).hashed()
    quote = Quote(
        decision_id="11-SOLUSDT-20250101T120000Z",
        taken_at=NOW,
        legs={SOL: leg_quote()},
        fees=Fees(maker=D("0.0002"), taker=D("0.0005")),
        clock_drift_ms=40,
        available_margin=D(100_000),
        position_mode="hedge",
    )
    return Scenario(ENTER, context, quote, Switches(), constraints)
