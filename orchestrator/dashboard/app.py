"""The dashboard as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.dashboard import (
    assets,
    live,
    page_access,
    page_alerts,
    page_census,
    page_constraints,
    page_decisions,
    page_funding,
    page_health,
    page_journal,
    page_overview,
    page_reports,
)
from orchestrator.dashboard.config import DashboardConfig
from orchestrator.dashboard.gate import Gate
from orchestrator.dashboard.house import House, changing, house, looking
from orchestrator.dashboard.market_folders import Counted
from orchestrator.dashboard.pages import Pages
from orchestrator.dashboard.sessions import Sessions
from orchestrator.errors import HostError

#: Error codes that are the visitor's doing.
_STATUS = {"not_found": 404, "bad_form": 400, "no_reason": 422, "constraints": 422}


def create_app(config: DashboardConfig) -> Gate:
    """All routes behind the gate, which also covers what fails unexpectedly. Nothing is opened before a request."""
    sessions = Sessions(config.token, config.now_ms, config.new_id)
    made = House(config, Pages(config), sessions, page_funding.Rounds(), Counted())
    watcher = live.Watcher(made)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await watcher.stop()

    app = Starlette(
        routes=ROUTES,
        exception_handlers={HostError: _host_error, HTTPException: _http_error, Exception: _unexpected},
        lifespan=lifespan,
    )
    app.state.house, app.state.watcher = made, watcher
    return Gate(app, config, sessions, watcher)


def _host_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HostError)
    return house(request).pages.error(request, _STATUS.get(error.code, 503), error)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {404: "there is no such page", 405: "this page takes no such request"}
    named = HostError(f"http_{error.status_code}", said.get(error.status_code, error.detail), "go to the overview")
    return house(request).pages.error(request, error.status_code, named)


def _unexpected(request: Request, error: Exception) -> Response:
    """A defect. What it says may hold anything, so only its kind is shown; the rest is in the server's own log."""
    said = f"this page failed ({type(error).__name__})"
    return house(request).pages.error(request, 500, HostError("defect", said, "see the terminal of the dashboard"))


ROUTES = [
    Route("/", page_overview.overview),
    Route("/charts/equity", page_overview.equity_chart),
    Route("/charts/pair/{pair_id}", page_overview.pair_chart),
    Route("/decisions", page_decisions.decisions),
    Route("/decisions/{decision_id}", page_decisions.decision),
    Route("/decisions/{decision_id}/replay", looking(page_decisions.replay), methods=["POST"]),
    Route("/decisions/{decision_id}/what-if", looking(page_decisions.what_if), methods=["POST"]),
    Route("/charts/decision/{decision_id}", page_decisions.decision_chart),
    Route("/funding", page_funding.funding),
    Route("/funding/ask", looking(page_funding.ask), methods=["POST"]),
    Route("/charts/funding", page_funding.funding_chart),
    Route("/census", page_census.census),
    Route("/charts/census", page_census.census_chart),
    Route("/constraints", page_constraints.constraints),
    Route("/constraints/set", changing(page_constraints.change), methods=["POST"]),
    Route("/journal", page_journal.journal),
    Route("/alerts", page_alerts.alerts),
    Route("/reports", page_reports.reports),
    Route("/reports/{name}", page_reports.report),
    Route("/reports/{name}/file", page_reports.report_file),
    Route("/health", page_health.health),
    Route("/unlock", page_access.unlock_form, methods=["GET"]),
    Route("/unlock", page_access.unlock, methods=["POST"]),
    Route("/lock", changing(page_access.lock), methods=["POST"]),
    Route("/kill", changing(page_access.throw_kill), methods=["POST"]),
    Route("/resume", changing(page_access.release_kill), methods=["POST"]),
    Route("/events", live.events),
    Route("/static/plotly-{mark}.js", assets.plotly),
    Route("/static/{name}", assets.asset),
]
