"""What every request passes: Host header, origin, token; and the headers every response carries."""

from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.dashboard.config import DashboardConfig, is_loopback
from orchestrator.dashboard.live import Watcher
from orchestrator.dashboard.sessions import Sessions

#: SHA-256 of nothing: plotly makes one empty <style> and fills it through the CSSOM, which the policy lets pass.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' {_EMPTY_STYLE}",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
#: A simulation report: its own styles and pictures, no script, no origin, shown in our frame only.
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}
#: Seen without a token in any case: the way in and what it looks like.
_ALWAYS = ("/unlock", "/static/dashboard.css", "/static/dashboard.js")


def headers_for(trusted: bool) -> Mapping[str, str]:
    """What every response carries. `trusted`: a browser takes the address for one that nobody can tamper with.

    Over plain HTTP from another machine it sends no Sec-Fetch-Site, and `no-referrer` would hide the origin of our own
    forms too: there the referrer goes to ourselves, and to nobody else.
    """
    if trusted:
        return {**HEADERS, "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin"}
    return {**HEADERS, "referrer-policy": "same-origin"}


class Gate:
    """ASGI middleware. Puts `session` and `bearer` into the request's state. `watcher` is for whoever runs it."""

    def __init__(self, app: ASGIApp, config: DashboardConfig, sessions: Sessions, watcher: Watcher) -> None:
        self._app = app
        self._config = config
        self._sessions = sessions
        self.watcher = watcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        trusted = is_loopback(self._config.host) or scope["scheme"] == "https"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in headers_for(trusted).items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.getlist("host")
        if len(host) != 1 or not self._config.answers_to(hostname(host[0])):
            return PlainTextResponse(
                "This dashboard does not answer to that name. Open it by the address it printed at its start, "
                "or start it with --name NAME.\n",
                421,
            )
        if foreign_use(headers):
            return PlainTextResponse("Refused: another site may link here, and nothing else.\n", 403)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["session"] = self._sessions.find(cookie(headers, self._config.port))
        tired = self._sessions.tired()
        state["bearer"] = self._sessions.holds(bearer(headers))
        wrong = bool(bearer(headers)) and not state["bearer"]
        if scope["method"] not in ("GET", "HEAD") and not same_origin(headers, known=state["bearer"]):
            if wrong and not of_a_page(headers):
                return _wrong_token(tired=tired)
            return PlainTextResponse("Refused: the request came from another site.\n", 403)
        if not (self._config.reads_open or state["session"] or state["bearer"] or scope["path"] in _ALWAYS):
            if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
                return RedirectResponse(f"/unlock?next={quote(scope['path'], safe='')}", 303)
            if wrong:
                return _wrong_token(tired=tired)
            return PlainTextResponse("Refused: no token.\n", 401, {"www-authenticate": "Bearer"})
        return None


def _wrong_token(*, tired: bool) -> Response:
    """401, for a program that shows a token which is not ours; 429 while even the right one is not looked at."""
    if tired:
        return PlainTextResponse("Refused: too many wrong tokens. Wait a minute.\n", 429)
    return PlainTextResponse(
        "Refused: wrong token. The right one was printed when the dashboard started.\n",
        401,
        {"www-authenticate": 'Bearer error="invalid_token"'},
    )


def hostname(header: str) -> str:
    """The name in a Host header, without its port; empty when there is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def cookie_name(port: int) -> str:
    """Cookies know no ports: two dashboards on one machine need two names."""
    return f"volgamma_{port}"


def cookie(headers: Headers, port: int) -> str | None:
    """The session id a browser sends."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(cookie_name(port))
    except CookieError:
        return None
    return None if found is None else found.value


def bearer(headers: Headers) -> str:
    """The token of an Authorization header, or an empty text."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def same_origin(headers: Headers, *, known: bool) -> bool:
    """Whether a page of ours sent the request.

    Browsers say where a POST comes from. Silence is accepted only with the token itself in the Authorization header,
    which no foreign page can add: that is a program, not a browser.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None or (origin == "null" and site is not None):
        # under `no-referrer` a browser hides its origin even from ourselves; Sec-Fetch-Site no page can forge
        return site == "same-origin" or known
    return _of(origin) == headers.get("host", "").lower()


def of_a_page(headers: Headers) -> bool:
    """Whether a browser sent it for some page: it says so, and a program does not."""
    return any(name in headers for name in ("sec-fetch-site", "origin", "cookie"))


def foreign_use(headers: Headers) -> bool:
    """Whether a page of another site wants something other than to lead here: a chart, a script, the events."""
    site = headers.get("sec-fetch-site", "none")
    return site not in ("none", "same-origin") and headers.get("sec-fetch-mode") != "navigate"


def _of(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""


def safe_next(path: Iterable[str] | None) -> str:
    """Where to go after unlocking: a path of ours, never another site."""
    text = "".join(path or "")
    safe = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    return text if safe else "/"
