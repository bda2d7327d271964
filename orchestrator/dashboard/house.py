"""What every page works with, and how a request that changes something is let in."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestrator.dashboard.config import DashboardConfig
from orchestrator.dashboard.pages import Pages
from orchestrator.dashboard.sessions import Session, Sessions, same
from orchestrator.errors import HostError
from orchestrator.storage import opened

if TYPE_CHECKING:
    from db.database import Database
    from orchestrator.dashboard.market_folders import Counted
    from orchestrator.dashboard.page_funding import Rounds

_LARGEST_FORM = 64 * 1024
_MOST_FIELDS = 50

Form = Mapping[str, str]
Action = Callable[[Request, Form], Response]


@dataclass(frozen=True)
class House:
    """One for each server. `heavy`: replays and counts take turns, so that a page can always be had."""

    config: DashboardConfig
    pages: Pages
    sessions: Sessions
    rounds: "Rounds"
    counted: "Counted"
    heavy: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))

    @contextmanager
    def database(self) -> "Iterator[Database]":
        """The database, for the length of a request. Raises HostError."""
        with opened(self.config.settings) as database:
            yield database


def house(request: Request) -> House:
    """The house a request came to."""
    found: House = request.app.state.house
    return found


async def read_form(request: Request) -> Form:
    """The fields of an urlencoded form; the last of each name counts. Raises HostError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", "application/x-www-form-urlencoded"):
        raise HostError("bad_form", "the request is no form", "send it as application/x-www-form-urlencoded")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            raise HostError("bad_form", "the form is too large", "send less than 64 kB")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError as error:
        raise HostError("bad_form", "the form cannot be read", "send it from the page itself") from error


def looking(action: Action) -> Callable[[Request], Awaitable[Response]]:
    """A POST that only works something out. The gate has seen to it that a page of ours sent it."""

    async def endpoint(request: Request) -> Response:
        form = await read_form(request)
        return await anyio.to_thread.run_sync(action, request, form, limiter=house(request).heavy)

    return endpoint


def changing(action: Action) -> Callable[[Request], Awaitable[Response]]:
    """A POST that changes something: it needs the token, and from a browser the form's own secret too."""

    async def endpoint(request: Request) -> Response:
        session: Session | None = request.state.session
        if session is None and not request.state.bearer:
            error = HostError("locked", "nothing was changed: the token is needed", "unlock, then do it again")
            return house(request).pages.error(request, 401, error)
        form = await read_form(request)
        if not request.state.bearer and (session is None or not same(form.get("csrf", ""), session.csrf)):
            error = HostError("stale_form", "nothing was changed: the form is not of this session", "load it anew")
            return house(request).pages.error(request, 403, error)
        return await run_in_threadpool(action, request, form)

    return endpoint


def done(request: Request, path: str, said: str) -> Response:
    """Back to a page that says so."""
    session: Session | None = request.state.session
    if session is not None:
        session.flash = said
        return RedirectResponse(path, 303)
    return house(request).pages.json({"done": said})


def unlock_path(request: Request) -> str:
    """Where to show the token, and come back from."""
    return f"/unlock?next={quote(request.url.path, safe='')}"
