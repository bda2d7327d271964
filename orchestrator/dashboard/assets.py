"""Files of the browser: our own, and plotly from its installed package."""

import functools
import hashlib
import re
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from orchestrator.errors import HostError

FOLDER = Path(__file__).parent / "static"
_OURS = {
    "dashboard.css": "text/css; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
}
#: plotly.js puts a map's style sheet into every page unless an element of this id is there already.
_MAP_STYLE = re.compile(r'getElementById\("([0-9a-f]{64})"\)')


def asset(request: Request) -> Response:
    """One of our own files."""
    name = request.path_params["name"]
    if name not in _OURS:
        raise HostError("not_found", f"there is no file {name}", "go back to the overview")
    return FileResponse(FOLDER / name, media_type=_OURS[name], headers={"cache-control": "no-cache"})


def plotly(request: Request) -> Response:
    """plotly.js; its address names its content, so that a browser asks once."""
    headers = {"cache-control": "private, max-age=31536000, immutable"}
    return FileResponse(plotly_file(), media_type="text/javascript; charset=utf-8", headers=headers)


@functools.cache
def plotly_file() -> Path:
    """Where the package has it. Raises HostError. The package itself is not imported: that takes a second."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise HostError("plotly_missing", "the package plotly is not installed", "pip install plotly")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


@functools.cache
def plotly_facts() -> tuple[str, str]:
    """(a short name of its content, the id of the map's style sheet or an empty text)."""
    content = plotly_file().read_bytes()
    found = _MAP_STYLE.search(content.decode())
    return hashlib.sha256(content).hexdigest()[:12], found[1] if found else ""
