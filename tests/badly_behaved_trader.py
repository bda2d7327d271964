"""A trader that breaks the contract in every way the conformance suite looks for. Never registered."""

import socket
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from data_fetchers.snapshot import MarketSnapshot, Requirements
from traders.contract.context import Context, Reading
from traders.contract.decision import Decision, Evidence, LegPlan, PairPlan
from traders.contract.proposal import Proposal
from traders.contract.trader import TraderDescriptor

try:
    socket.create_connection(("127.0.0.1", 9), 0.01)
except OSError:
    pass

SOL = "SOL/USDT:USDT"


class BadlyBehaved:
    """Reads the clock, writes a file, cites what it did not show, asks for 50x, and trades on anything."""

    descriptor = TraderDescriptor(
        contract_version=0,
        trader_id=0,
        name=" ",
        summary="",
        symbols=("SOL",),
        timeframes=("7m",),
        strategy_keywords=(),
        monitoring_interval_s=1,
        metadata={},
    )

    def requirements(self, symbol: str) -> Requirements:
        return Requirements(primary="AVAX/USDT:USDT", keywords=(), candles={SOL: {"1h": 1}})

    def observe(self, snapshot: MarketSnapshot, portfolio: Any, constraints: Any) -> Context:
        Path("left_behind.txt").write_text("x")
        now = time.time()
        return Context(
            trader_id=7,
            venue=snapshot.venue,
            symbol=SOL,
            as_of=snapshot.as_of,
            regime="unclear",
            readings={"sol.price.last": Reading(value=now + 0.123456, digits=2, unit="USDT", as_of=snapshot.as_of)},
            unavailable={},
            sources={},
            portfolio=portfolio,
            limits=constraints.limits,
            constraints_version=constraints.version,
            constraints_hash="another",
        )

    async def propose(self, context: Context, model: Any, tools: Any, policy: str) -> Proposal:
        plan = PairPlan(
            kind="gamma",
            legs=(LegPlan(venue="paper", symbol=SOL, side="long", weight=Decimal(1)),),
            pair_margin_fraction=Decimal(1),
            leverage=50,
            bands=(),
            rehedge="none",
            reversal_rule="none",
            stop_loss=Decimal(1),
            take_profit=Decimal(1),
            trailing_atr_multiple=Decimal(9),
            max_holding_hours=Decimal(999),
            reopen=False,
        )
        cited = Evidence(reading="sol.price.made_up", value=Decimal(1))
        decision = Decision(action="enter", symbol=SOL, plan=plan, evidence=(cited,))
        return Proposal(decision=decision, policy="rules")
