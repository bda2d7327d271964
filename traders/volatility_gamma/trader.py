"""Trader #11 as the host sees it. Numerical and template libraries load when they are first needed."""

from collections.abc import Mapping
from typing import Literal

from data_fetchers.snapshot import MarketSnapshot, Requirements
from traders.contract.arithmetic import in_one_arithmetic
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import AbstainReason, stand_aside
from traders.contract.history import Survey, SymbolHistory
from traders.contract.limits import Limits
from traders.contract.model import Model
from traders.contract.portfolio import Portfolio
from traders.contract.proposal import Proposal
from traders.contract.trader import Tools, TraderDescriptor
from traders.volatility_gamma.profile import DESCRIPTOR
from traders.volatility_gamma.requirements import requirements


class VolatilityGamma:
    """Delta-neutral volatility trader on SOL and AVAX perpetuals. Implements `traders.contract.trader.Trader`."""

    @property
    def descriptor(self) -> TraderDescriptor:
        """Who it is."""
        return DESCRIPTOR

    def requirements(self, symbol: str) -> Requirements:
        """What to fetch for a decision on `symbol`."""
        return requirements(symbol)

    @in_one_arithmetic
    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        """Every number the policy will see; pure."""
        from traders.volatility_gamma.observe import observe

        return observe(snapshot, portfolio, constraints)

    @in_one_arithmetic
    def survey(self, history: Mapping[str, SymbolHistory], limits: Limits) -> Survey:
        """Which hours of a history are worth a decision (`traders.contract.history.Surveyor`)."""
        from traders.volatility_gamma.survey import GammaSurvey

        return GammaSurvey(history, limits)

    @in_one_arithmetic
    async def propose(
        self, context: Context, model: Model | None, tools: Tools | None, policy: Literal["llm", "rules"]
    ) -> Proposal:
        """A decision by the rules, or by the model, which may call `tools` first where it is capable of that."""
        if policy == "rules":
            from traders.volatility_gamma.rules_policy import decide

            return Proposal(decision=decide(context), policy="rules")
        if model is None:
            reason = "policy llm was asked for without a model"
            decision = stand_aside(context.symbol, reason, AbstainReason.MODEL_UNAVAILABLE)
            return Proposal(decision=decision, policy="llm", error=reason)
        from traders.volatility_gamma.llm_policy import propose

        return await propose(context, model, tools)
