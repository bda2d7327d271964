"""A real market is only read: a second paper exchange stands in for the venue, and must never see a signed request."""

from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from orchestrator import settings
from orchestrator.desk import connected
from orchestrator.errors import HostError, UsageError
from orchestrator.execution.ccxt_venue import CcxtVenue
from orchestrator.execution.public_venue import PublicVenue, contract_of
from orchestrator.execution.venue import ConditionalRequest, OrderRequest, Rejected
from orchestrator.host import Ask, decide_once
from orchestrator.paper_exchange.server import ExchangeConfig, start

SOL = "SOL/USDT:USDT"


async def test_the_real_venue_is_read_without_keys_and_nothing_is_sent(tmp_path: Path) -> None:
    venue = await start(ExchangeConfig(frozen=True))
    try:
        resolved = settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path), "VOLGAMMA_BINANCEUSDM_URL": venue.url})
        report = await decide_once(resolved, Ask(symbol="SOL", exchange="binanceusdm", policy="rules"))
        async with aiohttp.ClientSession() as session, session.get(f"{venue.url}/_control/state") as answer:
            state = await answer.json()
    finally:
        await venue.stop()
    assert report.exchange == report.context.venue == "binanceusdm"
    assert report.context.value("sol.price.last") == pytest.approx(190, abs=0.1)
    assert report.decision.action == "enter", "the same market, the same plan"
    refused = {finding.rule for finding in report.chosen.verdict.findings if finding.effect == "refuse"}
    assert refused == {"clock_drift"}, "only the stand-in's clock, a year off, is in the way"
    assert report.chosen.execution["status"] == "none"
    signed = {"order", "algoOrder", "leverage", "marginType", "dual", "account", "positionRisk", "leverageBracket"}
    assert not [r for r in state["requests"] if r["path"].rsplit("/", 1)[-1] in signed]


async def test_every_order_is_refused_where_a_market_is_only_read() -> None:
    venue = await start(ExchangeConfig(frozen=True))
    try:
        async with connected("binanceusdm", venue.url) as real, connected("paper", venue.url) as paper:
            only_read = PublicVenue(real, "binanceusdm", CcxtVenue(paper, "paper"))
            order = OrderRequest(
                client_order_id="vgx", symbol=SOL, side="buy", position_side="long", type="market", quantity=Decimal(1)
            )
            with pytest.raises(Rejected, match="only read"):
                await only_read.place(order)
            stop = ConditionalRequest(
                client_order_id="vgy",
                symbol=SOL,
                side="sell",
                position_side="long",
                kind="stop",
                trigger_price=Decimal(1),
            )
            with pytest.raises(Rejected, match="only read"):
                await only_read.place_conditional(stop)
            quote = await only_read.leg_quote(SOL)
    finally:
        await venue.stop()
    assert quote.contract.price_tick == Decimal("0.01")
    assert quote.contract.quantity_step == 1
    assert quote.contract.min_notional == 5


def test_contract_of_a_market_counted_in_contracts() -> None:
    """OKX counts in contracts: steps and minima become base units."""
    market = {
        "contractSize": 0.1,
        "precision": {"amount": 0.01, "price": 0.001},
        "limits": {"amount": {"min": 0.01, "max": None}, "cost": {"min": None}},
    }
    contract = contract_of(market)
    assert (contract.quantity_step, contract.min_quantity) == (Decimal("0.001"), Decimal("0.001"))
    assert contract.min_notional == 0


@pytest.mark.parametrize(
    ("ask", "error", "named"),
    [
        (Ask(symbol="SOL", exchange="nowhere", policy="rules"), UsageError, "nowhere"),
        (Ask(symbol="SOL", exchange="paper", policy="rules", live=True), UsageError, "--live"),
        (Ask(symbol="SOL", exchange="binanceusdm", policy="rules", live=True), HostError, "live trading is off"),
    ],
)
async def test_live_is_refused_before_anything_happens(
    tmp_path: Path, ask: Ask, error: type[HostError], named: str
) -> None:
    with pytest.raises(error, match=named):
        await decide_once(settings.load({"VOLGAMMA_DATA_DIR": str(tmp_path / "data")}), ask)
    assert not (tmp_path / "data").exists()
