"""Simulation reports: HTML files of the data folder, shown in a frame that may do nothing."""

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from orchestrator.dashboard.gate import REPORT_POLICY
from orchestrator.dashboard.house import house
from orchestrator.errors import HostError

FOLDER = "reports"
_LARGEST = 50 * 1024 * 1024


@dataclass(frozen=True)
class Report:
    """One file; `at` is when it was written (UTC ms), `size` in bytes."""

    name: str
    at: int
    size: int


def reports_of(folder: Path) -> tuple[Report, ...]:
    """The HTML files of a folder, newest first. What is no plain file (a link, say) is left out."""
    if not folder.is_dir():
        return ()
    found = []
    for file in folder.iterdir():
        if file.suffix.lower() in (".html", ".htm") and file.is_file() and not file.is_symlink():
            facts = file.stat()
            found.append(Report(file.name, facts.st_mtime_ns // 1_000_000, facts.st_size))
    return tuple(sorted(found, key=lambda one: (-one.at, one.name)))


def reports(request: Request) -> Response:
    """The list."""
    here = house(request)
    folder = here.config.settings.data_dir / FOLDER
    return here.pages.html(request, "reports.html", title="Reports", found=reports_of(folder), folder=folder)


def report(request: Request) -> Response:
    """One report in its frame."""
    chosen = _chosen(request)
    return house(request).pages.html(request, "report.html", title=chosen.name, report=chosen)


def report_file(request: Request) -> Response:
    """The file itself: no script, no form, no request of its own, an origin of its own."""
    here, chosen = house(request), _chosen(request)
    if chosen.size > _LARGEST:
        raise HostError("too_large", f"{chosen.name} has more than 50 MB", "open the file itself")
    text = (here.config.settings.data_dir / FOLDER / chosen.name).read_text(encoding="utf-8", errors="replace")
    headers = {"content-security-policy": REPORT_POLICY, "x-frame-options": "SAMEORIGIN"}
    return Response(here.pages.clean(text), media_type="text/html", headers=headers)


def _chosen(request: Request) -> Report:
    """By its exact name in the list: a path never comes from the request. Raises HostError."""
    here, name = house(request), request.path_params["name"]
    for one in reports_of(here.config.settings.data_dir / FOLDER):
        if one.name == name:
            return one
    raise HostError("not_found", f"there is no report {name}", "see the list of reports")
