"""A whole trader in 50 lines: long above the mean of 50 hours, short below it. An example, not advice."""

from decimal import Decimal
from typing import Literal

from data_fetchers.snapshot import Candles, MarketData, MarketSnapshot, Requirements, Ticker
from data_fetchers.symbols import prefix_of
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context, Reading
from traders.contract.decision import AbstainReason, Action, Band, Decision, Evidence, LegPlan, PairPlan, stand_aside
from traders.contract.model import Model
from traders.contract.portfolio import Portfolio
from traders.contract.proposal import Proposal
from traders.contract.sources import sources_of
from traders.contract.trader import CONTRACT_VERSION, Tools, TraderDescriptor

KEYWORDS = ("price_action", "funding_rate", "open_interest")
FRAMES = {"1h": 60, "4h": 2, "1d": 2}
PROFILE = {"created": "2026-01-01", "style": "Trend following", "diversity_tags": "example, trend, directional"}


class ExampleTrend:
    @property
    def descriptor(self) -> TraderDescriptor:
        return TraderDescriptor(
            contract_version=CONTRACT_VERSION, trader_id=90, name="ExampleTrend", summary="follows a mean of 50 hours",
            symbols=("SOL/USDT:USDT",), timeframes=tuple(FRAMES), strategy_keywords=KEYWORDS,
            monitoring_interval_s=900, metadata=PROFILE,
        )  # fmt: skip

    def requirements(self, symbol: str) -> Requirements:
        return Requirements(primary=symbol, keywords=KEYWORDS, candles={symbol: FRAMES})

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        p, readings = prefix_of(snapshot.primary), dict[str, Reading]()
        market = snapshot.symbols[snapshot.primary].market_data
        bars = market.candles.get("1h") if isinstance(market, MarketData) else None
        if isinstance(market, MarketData) and isinstance(market.ticker, Ticker):
            readings[f"{p}.price.last"] = Reading.of(market.ticker.last, 6, "USDT", snapshot.as_of)
        if isinstance(bars, Candles) and len(bars.close) >= 50:
            above = 50 * bars.close[-1] / sum(bars.close[-50:]) - 1
            readings[f"{p}.1h.above_mean"] = Reading.of(above, 5, "of price", bars.as_of)
        return Context(
            trader_id=90, venue=snapshot.venue, symbol=snapshot.primary, as_of=snapshot.as_of, regime="unclear",
            readings=readings, unavailable={}, sources=sources_of(snapshot, tuple(FRAMES)), portfolio=portfolio,
            limits=constraints.limits, constraints_version=constraints.version, constraints_hash=constraints.hash,
        ).hashed()  # fmt: skip

    async def propose(
        self, context: Context, model: Model | None, tools: Tools | None, policy: Literal["llm", "rules"]
    ) -> Proposal:
        return Proposal(decision=self._decide(context, policy), policy=policy)

    def _decide(self, context: Context, policy: str) -> Decision:
        name, limits = f"{prefix_of(context.symbol)}.1h.above_mean", context.limits
        above = context.value(name)
        if policy == "llm":
            return stand_aside(context.symbol, "this trader has rules only", AbstainReason.MODEL_UNAVAILABLE)
        if above is None or abs(above) < 0.005 or context.portfolio.pairs or not limits.directional_enabled:
            return stand_aside(context.symbol, "no trend, a position already, or directional positions are off")
        leg = LegPlan(
            venue=context.venue, symbol=context.symbol, side="long" if above > 0 else "short", weight=Decimal(1)
        )
        *inner, last = limits.rebalance_bands
        bands = [Band(move=band.move, fraction=band.fraction, leg="losing") for band in inner]
        plan = PairPlan(
            kind="directional", legs=(leg,), pair_margin_fraction=limits.directional_share_max,
            leverage=limits.leverage_min, rehedge="none", reversal_rule=limits.reversal_rule,
            bands=(*bands, Band(move=last.move, fraction=last.fraction, leg="both")),
            stop_loss=limits.stop_loss_max, take_profit=limits.take_profit_max, reopen=False,
            trailing_atr_multiple=limits.trailing_atr_multiple, max_holding_hours=limits.holding_hours_max,
        )  # fmt: skip
        cited = (Evidence(reading=name, value=Decimal(repr(above))),)
        return Decision(
            action=Action.ENTER, symbol=context.symbol, plan=plan, evidence=cited, confidence=Decimal("0.6")
        )
