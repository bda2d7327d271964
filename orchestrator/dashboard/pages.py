"""Templates into responses. Everything is escaped, and no known secret ever leaves in a body."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import escape
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from orchestrator.dashboard import words
from orchestrator.dashboard.assets import plotly_facts
from orchestrator.dashboard.config import DashboardConfig
from orchestrator.dashboard.sessions import Session
from orchestrator.errors import HostError
from orchestrator.observability.redaction import Redactor, secrets_in

FOLDER = Path(__file__).parent
#: (path, title) of the navigation.
NAVIGATION = (
    ("/", "Overview"),
    ("/decisions", "Decisions"),
    ("/funding", "Funding"),
    ("/census", "Census"),
    ("/constraints", "Constraints"),
    ("/journal", "Journal"),
    ("/alerts", "Alerts"),
    ("/reports", "Reports"),
    ("/health", "Health"),
)


class Pages:
    """Renders. One for each server."""

    def __init__(self, config: DashboardConfig) -> None:
        self._redactor = Redactor(secrets_of(config))
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in (
            "when",
            "iso",
            "span",
            "number",
            "usdt",
            "percent",
            "plain",
            "people",
            "pretty",
            "short",
            "mark",
            "coded",
        ):
            self._environment.filters[name] = getattr(words, name)
        self._environment.globals["plotly_facts"] = plotly_facts
        self._environment.filters["query"] = lambda values: urlencode({k: v for k, v in values.items() if v})

    def html(self, request: Request, template: str, code: int = 200, **values: Any) -> Response:
        """A page."""
        session: Session | None = request.state.session
        text = self._environment.get_template(template).render(
            navigation=NAVIGATION,
            here=request.url.path,
            unlocked=session is not None,
            csrf=session.csrf if session else "",
            flash=session.take_flash() if session else None,
            **values,
        )
        # the form's own secret is no secret of the environment, and is drawn anew for each session
        return HTMLResponse(self.clean(text), code)

    def json(self, document: Any, status: int = 200) -> Response:
        """A JSON document."""
        text = json.dumps(document, separators=(",", ":"), allow_nan=False, default=str)
        return Response(self.clean(text), status, media_type="application/json")

    def error(self, request: Request, status: int, error: HostError) -> Response:
        """What went wrong and what to do, as a page or, for charts, as JSON."""
        if request.url.path.startswith("/charts/"):
            return self.json({"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}, status)
        return self.html(request, "error.html", status, title="Something is wrong", error=error, status=status)

    def clean(self, text: str) -> str:
        """The text without any secret of this process."""
        return self._redactor.text(text)


def secrets_of(config: DashboardConfig) -> tuple[str, ...]:
    """Values that must never be shown, as they are and as JSON and HTML would write them."""
    more = [config.token.get_secret_value(), *(one.get_secret_value() for one in config.settings.alerts)]
    for url in (config.settings.database_url, config.settings.base_url):
        try:
            password = make_url(url).password if url else None
        except ArgumentError:
            password = None
        more += [str(password)] if password else []
    plain = secrets_in(config.settings.environment, more)
    written = {form for one in plain for form in (one, json.dumps(one)[1:-1], str(escape(one)))}
    return secrets_in({}, written)
