"""A funding pair before the production guard: its plan, what the guard is shown, and its verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from indicators.funding_pair import FundingPair
from orchestrator.decision_id import decision_id
from orchestrator.risk_guard.review import review
from orchestrator.risk_guard.rule import Rule
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.situation import Situations
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context, Reading
from traders.contract.decision import Action, Band, Decision, Evidence, LegPlan, PairPlan, Side
from traders.contract.history import Survey
from traders.contract.limits import Limits
from traders.contract.portfolio import Portfolio
from traders.contract.quote import Quote, Switches
from traders.contract.trader import Trader
from traders.contract.verdict import Verdict

SPREAD = "pair.funding_spread_8h"


@dataclass(frozen=True)
class Bench:
    """What is shown: the first venue's situation and the trader's view of it, and the second venue's market."""

    trader: Trader
    survey: Survey
    first: Situations
    second: Situations
    venues: tuple[str, str]
    model: FillModel
    rules: tuple[Rule, ...]
    rules_with_interest: tuple[Rule, ...]

    def context(self, symbol: str, at: int, found: FundingPair, portfolio: Portfolio, limits: ConstraintSet) -> Context:
        """As the trader sees it on the first venue, with the one reading that takes two."""
        snapshot = self.first.snapshot(self.trader.requirements(symbol), at)
        seen = self.survey.observe(snapshot, portfolio, limits)
        reading = Reading.of(float(found.spread_8h), 10, "per 8 h", at)
        return seen.model_copy(update={"readings": {**seen.readings, SPREAD: reading}}).hashed()

    def quote(self, symbol: str, at: int, name: str, cash: Decimal) -> Quote:
        """Both venues' perpetuals under the fill model, each at its own price."""
        here = self.first.quote((symbol,), name, at, cash)
        there = self.second.quote((symbol,), name, at, cash)
        legs = {self.venues[0]: here.legs[symbol], self.venues[1]: there.legs[symbol]}
        return here.model_copy(update={"legs": legs})

    def asked(self, symbol: str, at: int) -> tuple[Rule, ...]:
        """The rules that this history can answer then."""
        return self.rules_with_interest if self.first.knows_interest(symbol, at) else self.rules


@dataclass(frozen=True)
class Judged:
    """A verdict, what it was about, and which rules refused it."""

    decision: Decision
    verdict: Verdict
    refused_by: tuple[str, ...]


def plan_of(symbol: str, venues: Mapping[Side, str], limits: Limits) -> PairPlan:
    """The widest pair the limits allow: requested margin, stop and target at their maxima, the lowest leverage.

    A plan must carry a ladder; of this kind of pair the simulator plays none (both legs end together).
    """
    *inner, last = limits.rebalance_bands
    sides: tuple[Side, Side] = ("long", "short")
    return PairPlan(
        kind="funding",
        legs=tuple(LegPlan(venue=venues[side], symbol=symbol, side=side, weight=Decimal(1)) for side in sides),
        pair_margin_fraction=limits.pair_margin_max,
        leverage=limits.leverage_min,
        bands=(
            *(Band(move=band.move, leg="losing", fraction=band.fraction) for band in inner),
            Band(move=last.move, leg="both", fraction=last.fraction),
        ),
        rehedge="none",
        reversal_rule=limits.reversal_rule,
        stop_loss=limits.stop_loss_max,
        take_profit=limits.take_profit_max,
        trailing_atr_multiple=limits.trailing_atr_multiple,
        max_holding_hours=limits.holding_hours_max,
        reopen=False,
    )


def judged(
    bench: Bench,
    symbol: str,
    at: int,
    found: FundingPair,
    portfolio: Portfolio,
    constraints: ConstraintSet,
    *,
    latched: bool,
    silenced: bool,
) -> Judged:
    """The guard's verdict on entering now. `silenced`: once more without the rules that refused (their cost)."""
    context = bench.context(symbol, at, found, portfolio, constraints)
    value = Decimal(repr(context.readings[SPREAD].value))
    plan = plan_of(symbol, {"long": found.long_venue, "short": found.short_venue}, constraints.limits)
    decision = Decision(
        action=Action.ENTER,
        symbol=symbol,
        regime=context.regime,
        plan=plan,
        evidence=(Evidence(reading=SPREAD, value=value),),
        confidence=Decimal(1),
    )
    name = decision_id(context.trader_id, symbol, at, "fund")
    quote = bench.quote(symbol, at, name, portfolio.cash)
    switches = Switches(drawdown_latched=latched)
    asked = bench.asked(symbol, at)
    verdict = review(decision, context, quote, switches, constraints, rules=asked)
    refused = tuple(finding.rule for finding in verdict.findings if finding.effect == "refuse")
    if refused and silenced:
        left = tuple(rule for rule in asked if rule.code.value not in refused)
        verdict = review(decision, context, quote, switches, constraints, rules=left)
    return Judged(decision, verdict, refused)
