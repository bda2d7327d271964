"""What `volgamma doctor --offline` finds, in the browser."""

from starlette.requests import Request
from starlette.responses import Response

from orchestrator.dashboard.house import house
from orchestrator.doctor import diagnose


def health(request: Request) -> Response:
    """The page. It works with a damaged database too: that is what it is for."""
    here = house(request)
    found = diagnose(here.config.settings)
    return here.pages.html(request, "health.html", title="Health", found=found)
