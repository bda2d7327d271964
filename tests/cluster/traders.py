"""Ten traders for the cluster: they see and enter as trader #11 does, and get out again soon, so that much happens."""

import hashlib
from decimal import Decimal
from typing import Literal

from data_fetchers.snapshot import MarketSnapshot
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.decision import Action, Decision, Evidence
from traders.contract.model import Model
from traders.contract.portfolio import Portfolio
from traders.contract.proposal import Proposal
from traders.contract.trader import Tools, TraderDescriptor
from traders.volatility_gamma.trader import VolatilityGamma


class Restless(VolatilityGamma):
    """Enters by the rules; at two of three later looks it wants to get out."""

    number = 0

    @property
    def descriptor(self) -> TraderDescriptor:
        return super().descriptor.model_copy(
            update={"trader_id": self.number, "name": f"Restless {self.number}", "summary": "for the cluster"}
        )

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        seen = super().observe(snapshot, portfolio, constraints)
        return seen.model_copy(update={"trader_id": self.number}).hashed()

    async def propose(
        self, context: Context, model: Model | None, tools: Tools | None, policy: Literal["llm", "rules"]
    ) -> Proposal:
        pair = next((pair for pair in context.portfolio.pairs if pair.symbol == context.symbol), None)
        if pair is None:
            return await super().propose(context, model, tools, policy)
        name = next(name for name in context.readings if name.endswith("price.last"))
        stay = hashlib.sha256(f"{self.number} {context.as_of}".encode()).digest()[0] % 3 == 0
        decision = Decision(
            action=Action.HOLD if stay else Action.EXIT,
            symbol=context.symbol,
            pair_id=pair.pair_id,
            regime=context.regime,
            evidence=(Evidence(reading=name, value=Decimal(repr(context.readings[name].value))),),
            confidence=Decimal(1),
            rationale="the cluster wants movement",
        )
        return Proposal(decision=decision, policy="rules")


def numbered(number: int) -> type[Restless]:
    """A trader class of its own, as a plugin has."""
    return type(f"Restless{number}", (Restless,), {"number": number})


Restless1, Restless2, Restless3, Restless4, Restless5 = (numbered(number) for number in range(1, 6))
Restless6, Restless7, Restless8, Restless9, Restless10 = (numbered(number) for number in range(6, 11))
