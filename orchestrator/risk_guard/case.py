"""One decision before the bench: which pair it means, whether it adds risk, what it would become as orders.

Sizes (domain.md sections 4 and 5): pair margin = f x equity x m_regime x m_depth; both legs together carry pair margin
x leverage of notional, shared by weight; E is the quote's mid of a leg; quantities are whole steps.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from functools import cached_property

from indicators.bands import Stages, stages_of
from indicators.delta_neutral_hedge import LadderOutcome, close_lots, depth_multiplier, floor_to_step, one_ladder
from indicators.entry_matrix import size_factor
from orchestrator.risk_guard.bench import ENTRY_REGIMES, Bench
from orchestrator.risk_guard.ladder_shape import losing_complaint, steps_complaint
from orchestrator.risk_guard.market import LegMarket
from orchestrator.risk_guard.prices import limit_price
from orchestrator.risk_guard.tightening import tightens
from traders.contract.decision import Action, Band, Decision, LegPlan, PairPlan, Regime
from traders.contract.portfolio import OpenPair

PAIR_KINDS = ("gamma", "spread", "funding")
#: Whose every entry rests on volatility, whatever its kind (domain.md section 6).
VOLATILITY_TRADER = 11
_MARGIN_STEP = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class SizedLeg:
    """A leg with numbers: `target` is what it holds after execution, `quantity` what has to be ordered for that, at
    `limit_price` or better."""

    leg_id: str
    leg: LegPlan
    market: LegMarket
    entry: Decimal
    step: Decimal
    target: Decimal
    quantity: Decimal
    limit_price: Decimal

    @property
    def notional(self) -> Decimal:
        """USDT of the leg after execution, at E."""
        return self.target * self.entry

    @property
    def lots(self) -> int:
        """Whole steps of the leg after execution."""
        return int(self.target / self.step)


@dataclass(frozen=True, slots=True)
class Ladder:
    """What the formulas of domain.md section 2 need: E, q and N of a leg, c."""

    bands: Stages
    entry: Decimal
    quantity: Decimal
    notional: Decimal
    cost: Decimal


class Case:
    """A decision and what follows from it on this bench. Values that cannot be had are None."""

    def __init__(self, bench: Bench, decision: Decision) -> None:
        self.bench = bench
        self.decision = decision
        self.limits = bench.limits

    def amended(self, decision: Decision) -> "Case":
        """The same case for a tightened decision."""
        return Case(self.bench, decision)

    @property
    def plan(self) -> PairPlan:
        """The plan of an `enter` or `rebalance`."""
        if self.decision.plan is None:
            raise LookupError("the decision carries no plan")
        return self.decision.plan

    @property
    def needs_pair(self) -> bool:
        """Whether the action means an open pair."""
        return self.decision.action in (Action.REDUCE, Action.EXIT, Action.REBALANCE)

    @cached_property
    def pair(self) -> OpenPair | None:
        """The open pair meant: the one named, or the only one on the symbol."""
        if not self.needs_pair:
            return None
        on_symbol = [pair for pair in self.bench.portfolio.pairs if pair.symbol == self.decision.symbol]
        if self.decision.pair_id is not None:
            on_symbol = [pair for pair in on_symbol if pair.pair_id == self.decision.pair_id]
        return on_symbol[0] if len(on_symbol) == 1 else None

    @cached_property
    def judged_as_entry(self) -> bool:
        """Whether the decision may add risk: an entry, or a rebalance that does not merely tighten its pair's plan."""
        if self.decision.plan is None:
            return False
        if self.decision.action is Action.ENTER or self.pair is None:
            return True
        return not tightens(self.decision.plan, self.pair.plan)

    @property
    def entry_kind(self) -> str | None:
        """The kind of pair that is judged as an entry; None for what only reduces risk."""
        return self.plan.kind if self.judged_as_entry else None

    @property
    def volatile(self) -> bool:
        """Whether the rules on volatility bind: always, but for another trader's position of one leg."""
        return self.entry_kind != "directional" or self.bench.constraints.trader_id == VOLATILITY_TRADER

    @cached_property
    def others(self) -> tuple[OpenPair, ...]:
        """Open pairs other than the one this decision is about."""
        return tuple(pair for pair in self.bench.portfolio.pairs if pair is not self.pair)

    @cached_property
    def markets(self) -> tuple[LegMarket, ...] | None:
        """The market of each leg in the plan's order; None when one is not quoted."""
        found = [self.bench.market(leg.venue, leg.symbol) for leg in self.plan.legs]
        markets = tuple(market for market in found if market is not None)
        return markets if len(markets) == len(found) else None

    @cached_property
    def sound_markets(self) -> tuple[LegMarket, ...] | None:
        """As `markets`, but None also when a quote is unusable."""
        markets = self.markets
        return markets if markets is not None and all(market.sound for market in markets) else None

    @cached_property
    def depth(self) -> Decimal | None:
        """Depth of the thinnest leg, USDT."""
        depths = [market.depth for market in self.sound_markets or ()]
        known = [depth for depth in depths if depth is not None]
        return min(known) if known and len(known) == len(depths) else None

    @cached_property
    def multiplier(self) -> Decimal:
        """m_regime x m_depth.

        Where a regime or depth allows no entry at all its own rule refuses; the size is then worked out as if it did,
        so that the other findings say what *else* is wrong.
        """
        ratio = self.bench.own("1h.atr_ratio") or Decimal(0)
        regime = self.bench.regime if self.bench.regime in ENTRY_REGIMES else Regime.LOW_VOL_EXPANDING
        by_regime = size_factor(regime, ratio, self.limits) if self.volatile else Decimal(1)
        depth = self.depth
        if depth is None or depth < self.limits.depth_min:
            return by_regime
        return by_regime * depth_multiplier(depth, self.limits.depth_min, self.limits.depth_full)

    @cached_property
    def effective_fraction(self) -> Decimal:
        """f_eff = f x m_regime x m_depth, of equity."""
        return self.plan.pair_margin_fraction * self.multiplier

    @cached_property
    def pair_margin(self) -> Decimal:
        """Permitted pair margin, USDT (rounded down to 1e-8)."""
        return (self.effective_fraction * self.bench.portfolio.equity).quantize(_MARGIN_STEP, ROUND_DOWN)

    @property
    def added_margin(self) -> Decimal:
        """What an entry takes from the cash, USDT; a rebalance only what goes beyond the pair's margin."""
        held = Decimal(0) if self.pair is None else self.pair.pair_margin
        return max(Decimal(0), self.pair_margin - held)

    @cached_property
    def legs(self) -> tuple[SizedLeg, ...] | None:
        """Every leg in whole steps; None while a market, a step or a weight is unusable (its own rule refuses)."""
        markets, plan = self.sound_markets, self.plan
        if markets is None or any(leg.weight <= 0 for leg in plan.legs):
            return None
        total = self.pair_margin * plan.leverage
        weights = sum(leg.weight for leg in plan.legs)
        targets: list[Decimal] = []
        for leg, market in zip(plan.legs, markets, strict=True):
            if market.step is None:
                return None
            targets.append(floor_to_step(total * leg.weight / weights / market.quote.mid, market.step))
        if plan.kind == "gamma":
            # the two legs of one perpetual are neutral only when their quantities are the same, to the lot
            targets = [min(targets)] * len(targets)
        return tuple(
            self._sized(index, leg, market, target)
            for index, (leg, market, target) in enumerate(zip(plan.legs, markets, targets, strict=True))
        )

    def _sized(self, index: int, leg: LegPlan, market: LegMarket, target: Decimal) -> SizedLeg:
        held = Decimal(0)
        if self.pair is not None:
            same = (mine for mine in self.pair.legs if (mine.venue, mine.symbol, mine.side) == _place(leg))
            held = sum((mine.quantity for mine in same), Decimal(0))
        step = market.step or Decimal(1)
        quantity = floor_to_step(max(Decimal(0), target - held), step)
        mid = market.quote.mid
        limit = limit_price(leg.side, mid, self.limits.slippage_max, market.quote.contract.price_tick)
        return SizedLeg(f"{index}-{leg.side}", leg, market, mid, step, max(target, held), quantity, limit)

    @cached_property
    def slippages(self) -> tuple[Decimal | None, ...] | None:
        """Each leg's average fill against mid at the ordered quantity, fraction; None where the book is too shallow."""
        if self.legs is None:
            return None
        return tuple(sized.market.slippage(sized.leg.side, sized.quantity) for sized in self.legs)

    @cached_property
    def cost(self) -> Decimal | None:
        """c of domain.md: taker fee plus the larger leg's walked slippage, per unit of notional traded."""
        slippages = self.slippages
        if slippages is None or any(slippage is None for slippage in slippages):
            return None
        worst = max(slippage for slippage in slippages if slippage is not None)
        return self.bench.quote.fees.taker + worst

    @cached_property
    def steps_wrong(self) -> str | None:
        """What is wrong with the bands' moves and fractions."""
        return steps_complaint(self.plan.bands)

    @cached_property
    def ladder_wrong(self) -> str | None:
        """What is wrong with the bands as a ladder that is long gamma."""
        return self.steps_wrong or losing_complaint(self.plan.bands)

    @cached_property
    def stages(self) -> Stages:
        """What each band newly closes. Only for bands in which `steps_wrong` finds nothing."""
        return stages_of(self.plan.bands)

    @cached_property
    def parts(self) -> tuple[tuple[Decimal, ...], ...]:
        """Of each leg, what is ever traded alone: the whole, and what each band closes when it is the losing leg."""
        bands = self.plan.bands if self.steps_wrong is None else ()
        return tuple(_parts(sized, bands) for sized in self.legs or ())

    @cached_property
    def ladder(self) -> Ladder | None:
        """The first leg's ladder; None while bands, size or cost are unusable (their own rules refuse)."""
        if self.ladder_wrong is not None or not self.legs or self.cost is None:
            return None
        first = self.legs[0]
        if first.target <= 0:
            return None
        return Ladder(self.stages, first.entry, first.target, first.notional, self.cost)

    @cached_property
    def outcome(self) -> LadderOutcome | None:
        """What one ladder can earn and lose, net."""
        ladder = self.ladder
        if ladder is None or self.pair_margin <= 0:
            return None
        return one_ladder(
            ladder.bands, ladder.entry, ladder.quantity, self.pair_margin, ladder.cost, self.plan.reversal_rule
        )

    @property
    def outer(self) -> Decimal | None:
        """b_out: the last band's move; None without bands."""
        return self.plan.bands[-1].move if self.plan.bands else None


def _parts(sized: SizedLeg, bands: tuple[Band, ...]) -> tuple[Decimal, ...]:
    lots = sized.lots
    parts, closed = [sized.target], 0
    for band in bands:
        after = lots if band.fraction == 1 else close_lots(lots, band.fraction)
        parts.append((after - closed) * sized.step)
        closed = after
    return tuple(parts)


def _place(leg: LegPlan) -> tuple[str, str, str]:
    return (leg.venue, leg.symbol, leg.side)
