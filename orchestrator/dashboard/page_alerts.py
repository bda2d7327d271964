"""What people were told unasked, and what became of it. Services are named, addresses are not known here."""

from starlette.requests import Request
from starlette.responses import Response

from db.alerts_repository import MOST_KEPT
from orchestrator.alerts.events import ABOUT, Kind
from orchestrator.alerts.told import told
from orchestrator.dashboard.house import house
from orchestrator.dashboard.paging import Paging

_PER_PAGE = 50
#: Of these nothing is to be done.
_CALM = ("info", "success")


def alerts(request: Request) -> Response:
    """The list, newest first."""
    here = house(request)
    paging = Paging.of(request.query_params.get("page"), _PER_PAGE)
    with here.database() as database:
        rows, total = told(database, here.config.now_ms(), paging.per_page, paging.offset)
    return here.pages.html(
        request,
        "alerts.html",
        title="Alerts",
        rows=rows,
        total=total,
        most=MOST_KEPT,
        paging=paging.with_total(total),
        remedies={kind.value: about.remedy for kind, about in ABOUT.items() if about.severity not in _CALM},
        kinds=[(kind.value, about) for kind, about in ABOUT.items() if kind is not Kind.TEST],
        addresses=len(here.config.settings.alerts),
    )
