"""A paper exchange in this process, on a simulated clock."""

from decimal import Decimal

from orchestrator.direct_venue import DirectVenue
from orchestrator.paper_exchange.account import Account
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.market import Market
from orchestrator.paper_exchange.synthetic import START, SyntheticMarket
from orchestrator.paper_exchange.texture import TEXTURES
from tests.chaos.simulated_clock import SimulatedClock

WALLET = Decimal(100_000)


def direct(
    seed: int = 7, scenario: str = "expanding", clock: SimulatedClock | None = None
) -> tuple[DirectVenue, Engine]:
    """The same exchange as the served one of that seed."""
    market = Market(SyntheticMarket(seed, scenario), seed, TEXTURES[scenario])
    engine = Engine(market, Account(WALLET, WALLET), START, Decimal("0.0005"), Decimal("0.0002"))
    return DirectVenue(engine, clock or SimulatedClock()), engine
