"""Funding: what decisions saw, what was settled, and all venues side by side when asked."""

import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from data_fetchers.symbols import prefix_of
from db.constraints_repository import ConstraintsRepository
from db.journal_search import Filter, JournalSearch
from orchestrator.clock import SystemClock
from orchestrator.dashboard import charts
from orchestrator.dashboard.config import DashboardConfig
from orchestrator.dashboard.house import Form, house
from orchestrator.dashboard.market_folders import folders, settled_rates
from orchestrator.dashboard.words import short
from orchestrator.desk import TRADER_ID
from orchestrator.errors import HostError
from orchestrator.funding_monitor import FundingMonitor, SymbolFunding, parse_venues
from orchestrator.simulation.history import symbols_in

#: The worked example: USDT a leg, and what a taker pays.
NOTIONAL, TAKER = Decimal(50_000), Decimal("0.0005")
_TIMEOUT_S = 10.0
_READINGS = ("rate_8h", "apr", "interval_hours", "seconds_to_next", "settled_rate_8h")


@dataclass
class Rounds:
    """The last time the venues were asked, UTC ms of this machine."""

    at: int | None = None
    found: tuple[SymbolFunding, ...] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)


def funding(request: Request) -> Response:
    """The page."""
    here = house(request)
    with here.database() as database:
        limits = ConstraintsRepository(database).current(TRADER_ID).limits
        seen = []
        search = JournalSearch(database)
        for symbol in limits.allowed_symbols:
            for one in search.documents("context", Filter(symbol=symbol), 1):
                seen.append((one, _readings(one.document, prefix_of(symbol))))
    sources = {
        name: symbols_in(folder)
        for name, folder in folders(here.config).items()
        if list(folder.glob("*-funding_rate*"))
    }
    return here.pages.html(
        request,
        "funding.html",
        title="Funding",
        limits=limits,
        seen=seen,
        sources=sources,
        rounds=here.rounds,
        venues=here.config.funding_exchanges,
        notional=NOTIONAL,
        taker=TAKER,
    )


def funding_chart(request: Request) -> Response:
    """Settled rates of a source's symbols."""
    here = house(request)
    source = request.query_params.get("source", "")
    there = folders(here.config)
    if source not in there:
        raise HostError("not_found", f"there are no rates {source!r}", "load the page anew")
    with here.database() as database:
        limits = ConstraintsRepository(database).current(TRADER_ID).limits
    series = {symbol: settled_rates(there[source], symbol) for symbol in symbols_in(there[source])[:4]}
    series = {short(symbol): points for symbol, points in series.items() if points}
    if not series:
        return here.pages.json({"empty": True})
    extreme = float(limits.funding_extreme)
    return here.pages.json(charts.rates(series, [(extreme, "dislocated above"), (-extreme, "dislocated below")]))


def ask(request: Request, form: Form) -> Response:
    """Ask every venue now. Public data, no keys."""
    here = house(request)
    with here.database() as database:
        symbols = ConstraintsRepository(database).current(TRADER_ID).limits.allowed_symbols
    found = anyio.run(_round, here.config, symbols)
    with here.rounds.lock:
        here.rounds.at, here.rounds.found = here.config.now_ms(), found
    return RedirectResponse("/funding#now", 303)


async def _round(config: DashboardConfig, symbols: tuple[str, ...]) -> tuple[SymbolFunding, ...]:
    names = parse_venues(config.funding_exchanges)
    clock = SystemClock()
    async with FundingMonitor(names, symbols, clock, notional=NOTIONAL, taker=TAKER, timeout_s=_TIMEOUT_S) as monitor:
        return await monitor.read()


def _readings(context: Any, prefix: str) -> dict[str, Any]:
    """The funding readings of a context by their last name part; None where unavailable."""
    return {name: (context["readings"].get(f"{prefix}.funding.{name}") or {}).get("value") for name in _READINGS}
